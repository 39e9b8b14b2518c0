// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers that see the server's datagrams, real ones over loopback.

use coap_lite::Packet;
use rbpf_abi::image::ImageParts;
use rbpf_abi::{Capabilities, Function};
use rbpf_isa::assemble;

use crate::support::{Client, GET, POST, PUT, World};

const FILTER: Capabilities = Capabilities::PACKET.union(Capabilities::PACKET_DROP);

/// Drops datagrams whose payload ends with `!`, as far as it is seen.
const SHOUTS: &str = "
    ldxdw %r3, [%r1]
    ldxw %r4, [%r1+12]
    add %r3, %r4
    ldxb %r5, [%r3-1]
    mov %r0, 0
    jne %r5, 0x21, end
    mov %r0, 1
    end: exit";

fn image(wants: Capabilities, source: &str) -> Vec<u8> {
    let slots = assemble(source).expect("the text is right");
    let bytes: Vec<u8> = slots
        .iter()
        .flat_map(|slot| slot.bits().to_le_bytes())
        .collect();
    ImageParts {
        capabilities: wants,
        text: &bytes,
        functions: &[Function::new(0, 64)],
        ..ImageParts::default()
    }
    .write()
    .expect("the image is sound")
}

/// A device that takes containers over the network.
fn world() -> World {
    World::start("unsigned_install = true\n")
}

impl Client {
    fn install(&mut self, name: &str, wants: Capabilities, source: &str) {
        let path = format!("/rbpf/app/{name}");
        let response = self.transfer(PUT, &path, &image(wants, source), 6);
        assert_eq!(response.code >> 5, 2, "{}", response.text());
    }

    fn bind(&mut self, name: &str, target: &str) -> u8 {
        let path = format!("/rbpf/bind/{name}");
        self.transfer(POST, &path, target.as_bytes(), 6).code
    }

    /// A figure of the device's.
    fn figure(&mut self, name: &str) -> u32 {
        let response = self.transfer(GET, "/rbpf/stats", b"", 6);
        let mut words = response.text().split_whitespace();
        words.find(|&word| word == name).expect("it is there");
        words.next().unwrap().parse().unwrap()
    }

    /// Sends a request once; whether there is an answer in time.
    fn answers(&mut self, packet: &Packet) -> bool {
        self.send_raw(&packet.to_bytes().unwrap());
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let reply = Packet::from_bytes(&buffer[..length]).unwrap();
            if reply.header.message_id == packet.header.message_id {
                return true;
            }
        }
        false
    }

    fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.send(bytes).unwrap();
    }
}

fn shout(client: &mut Client) -> Packet {
    let mut packet = client.request(GET, "/hello");
    packet.payload = b"quiet!".to_vec();
    packet
}

#[test]
fn what_is_dropped_is_not_answered() {
    let world = world();
    for address in 0..2 {
        let mut client = world.client(address);
        let loud = shout(&mut client);
        assert!(client.answers(&loud), "nothing is bound");
        client.install("shouts", FILTER, SHOUTS);
        for (target, unbound) in [("rx:udp", true), ("tx:udp", false)] {
            assert_eq!(client.bind("shouts", target), 0x44, "{target}");
            let dropped = client.figure("rx-udp-dropped");
            let loud = shout(&mut client);
            assert_eq!(client.answers(&loud), !unbound, "{target}");
            let more = client.figure("rx-udp-dropped") - dropped;
            assert_eq!(more, u32::from(unbound), "{target}");
            let mut soft = client.request(GET, "/hello");
            soft.payload = b"quiet.".to_vec();
            assert!(client.answers(&soft), "{target}");
            assert_eq!(
                client
                    .transfer(POST, "/rbpf/unbind", target.as_bytes(), 6)
                    .code,
                0x44
            );
        }
        let loud = shout(&mut client);
        assert!(client.answers(&loud), "nothing is bound any more");
        let removed = client.transfer(4, "/rbpf/app/shouts", b"", 6);
        assert_eq!(removed.code, 0x42);
    }
}

#[test]
fn who_goes_wrong_or_has_no_right_drops_nothing() {
    let cases = [
        ("watch", Capabilities::PACKET, "mov %r0, 1\nexit"),
        ("fault", FILTER, "ldxb %r0, [%r0]\nexit"),
        ("endless", FILTER, "loop: ja loop\nexit"),
        (
            "beyond",
            FILTER,
            "ldxdw %r3, [%r1]\nldxb %r0, [%r3+128]\nmov %r0, 1\nexit",
        ),
        (
            "writes",
            FILTER,
            "ldxdw %r3, [%r1]\nstb [%r3], 1\nmov %r0, 1\nexit",
        ),
    ];
    for (name, wants, source) in cases {
        let world = world();
        let mut client = world.client(0);
        client.install(name, wants, source);
        for target in ["rx:udp", "tx:udp"] {
            assert_eq!(client.bind(name, target), 0x44, "{name}");
        }
        let mut long = client.request(GET, "/hello");
        long.payload = vec![b'.'; 1000];
        assert!(client.answers(&long), "{name}");
        assert!(client.figure("rx-udp") > 0, "{name}");
        assert_eq!(client.figure("rx-udp-dropped"), 0, "{name}");
        assert_eq!(client.figure("tx-udp-dropped"), 0, "{name}");
    }
    // Without the right to see, there is nothing to be bound to.
    let world = world();
    let mut client = world.client(0);
    client.install("blind", Capabilities::PACKET_DROP, "mov %r0, 1\nexit");
    assert_eq!(client.bind("blind", "rx:udp") >> 5, 4);
    assert_eq!(client.bind("blind", "rx:ipv6"), 0x84);
}

/// Empty datagrams, and what is no CoAP at all.
#[test]
fn odd_datagrams() {
    let world = world();
    let mut client = world.client(0);
    client.install("shouts", FILTER, SHOUTS);
    assert_eq!(client.bind("shouts", "rx:udp"), 0x44);
    let before = client.figure("rx-udp");
    client.send_raw(b"");
    client.send_raw(b"!");
    client.send_raw(&[b'!'; 9000]);
    assert!(client.figure("rx-udp") >= before + 3);
    // Of the longest, the first bytes are seen, which are shouts as well.
    assert_eq!(client.figure("rx-udp-dropped"), 2);
}

#[test]
fn what_is_only_counted_passes() {
    let world = world();
    let mut client = world.client(0);
    client.install("count", FILTER, "mov %r0, 2\nexit");
    assert_eq!(client.bind("count", "tx:udp"), 0x44);
    for _ in 0..3 {
        assert_eq!(client.get("/sensor").text(), "23.45");
    }
    let (seen, counted) = (client.figure("tx-udp"), client.figure("tx-udp-counted"));
    assert!(seen >= 3 && counted >= 3, "{seen} {counted}");
    assert_eq!(client.figure("tx-udp-dropped"), 0);
}

/// Containers come and go while others ask.
#[test]
fn filters_come_and_go() {
    let world = world();
    let mut operator = world.client(0);
    let mut asking = world.client(1);
    std::thread::scope(|scope| {
        let asker = scope.spawn(move || {
            for _ in 0..200 {
                assert_eq!(asking.get("/sensor").text(), "23.45");
            }
        });
        loop {
            operator.install("pass", FILTER, SHOUTS);
            assert_eq!(operator.bind("pass", "rx:udp"), 0x44);
            assert_eq!(operator.bind("pass", "tx:udp"), 0x44);
            assert_eq!(operator.transfer(4, "/rbpf/app/pass", b"", 6).code, 0x42);
            if asker.is_finished() {
                break;
            }
        }
        asker.join().unwrap();
    });
}
