// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example that filters packets, built from its source as for RIOT, before
//! real datagrams on the workstation.

mod common;

use std::net::UdpSocket;
use std::time::Duration;

use common::{clang, done, rbpf, repository};
use rbpf_host::config::Config;
use rbpf_host::device::{DeviceSettings, Request};
use rbpf_host::services::{Log, WorkstationServices};
use rbpf_host::{Device, Server};

const POST: u8 = 2;
const PUT: u8 = 3;

#[test]
fn the_example_drops_a_word() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let image = folder.path().join("filter.rbpf");
    done(
        rbpf()
            .args(["build", "--want", "packet,packet-drop", "-o"])
            .arg(&image)
            .arg(repository("examples/containers/packet_filter.c")),
    )
    .success();
    let file = folder.path().join("device.toml");
    let text = "[coap]\nlisten = ['127.0.0.1:0']\nunsigned_install = true\nexpose = true\n";
    std::fs::write(&file, text).expect("it can be written");
    let config = Config::load(&file).expect("it is sound");
    let log = Log::new(|_, _| {});
    let services = WorkstationServices::new(&config.sensors, log.clone());
    let device = Device::start(services, log, DeviceSettings::from(&config)).expect("it starts");
    let server = Server::start(&config.coap, &device.handle(), |_| {}).expect("it starts");
    let address = *server.addresses().first().expect("one address");

    // The device itself is asked, so no datagram is on its way but the test's.
    let ask = |code, path: &str, payload: &[u8]| {
        device.handle().request(&Request {
            code,
            path: path.into(),
            query: vec![],
            accept: None,
            observe: None,
            payload: payload.to_vec(),
        })
    };
    let bytes = std::fs::read(image).expect("it is there");
    assert_eq!(ask(PUT, "/rbpf/app/filter", &bytes).code, 0x41);
    assert_eq!(ask(POST, "/rbpf/bind/filter", b"rx:udp").code, 0x44);

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(120)))
        .expect("it has time-outs");
    let mut buffer = [0; 64];
    // Empty confirmable messages, which are answered by a reset; so would be the one
    // between them, by its first bytes.
    for datagram in [&b"\x40\x00\x00\x01"[..], b"DROP", b"\x40\x00\x00\x02"] {
        socket.send_to(datagram, address).expect("it can be sent");
    }
    for id in [1, 2] {
        let length = socket.recv(&mut buffer).expect("an answer");
        assert_eq!(buffer[..length], [0x70, 0, 0, id]);
    }
    let key = format!("/rbpf/kv/filter/{}", address.port());
    assert_eq!(ask(1, &key, b"").payload, b"3");
    assert_eq!(ask(1, "/rbpf/kv/filter/65536", b"").payload, b"1");
}
