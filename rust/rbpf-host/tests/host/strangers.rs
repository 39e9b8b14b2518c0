// SPDX-License-Identifier: MIT OR Apache-2.0
//! What who can reach a device is shown of its containers.

use coap_lite::CoapOption;

use crate::support::{Client, GET, Response, World};

const CONTENT: u8 = 0x45;
const FORBIDDEN: u8 = 0x83;

/// All that is read, with values that are there and some that are not.
const RESOURCES: [&str; 20] = [
    "/.well-known/core",
    "/rbpf",
    "/rbpf/app/secret",
    "/rbpf/slots",
    "/rbpf/bindings",
    "/rbpf/tenants",
    "/rbpf/faults",
    "/rbpf/stats",
    "/rbpf/log",
    "/rbpf/log/",
    "/rbpf/log/0",
    "/rbpf/log/9",
    "/rbpf/log/x",
    "/rbpf/kv",
    "/rbpf/kv/",
    "/rbpf/kv/global",
    "/rbpf/kv/global/1",
    "/rbpf/kv/secret/1",
    "/rbpf/kv/@/1",
    "/rbpf/kv/secret/1/2",
];

/// What `tests/device/containers/secret.asm` keeps, in text and in CBOR.
const SECRETS: [&[u8]; 6] = [
    b"1589831518",
    b"\x5e\xc2\xe7\x5e",
    b"whisper",
    b"7e2ce57e2ce5",
    b"\x7e\x2c\xe5\x7e\x2c\xe5",
    b"registers",
];

fn shows(payload: &[u8], secret: &[u8]) -> bool {
    payload.windows(secret.len()).any(|found| found == secret)
}

/// The same request again and again, for every block and format, by an observer and
/// by others.
fn answers(client: &mut Client, path: &str) -> Vec<Response> {
    let mut answers = vec![client.transfer(GET, path, b"", 6)];
    for (observe, accept) in [(false, 60), (true, 0), (true, 60)] {
        let mut packet = client.request(GET, path);
        if observe {
            packet.add_option(CoapOption::Observe, vec![]);
        }
        packet.add_option(CoapOption::Accept, vec![accept]);
        answers.push(client.exchange(&packet));
    }
    answers
}

#[test]
fn strangers_see_state_and_counters_alone() {
    let world = World::start("");
    let mut client = world.client(0);
    assert_eq!(client.get("/secret").code, 0xa0);
    assert_eq!(*world.log.lock().unwrap(), ["secret: whisper"]);
    for path in RESOURCES {
        for answer in answers(&mut client, path) {
            for secret in SECRETS {
                assert!(!shows(&answer.payload, secret), "{path}: {secret:x?}");
            }
            if path.starts_with("/rbpf/kv") || path.starts_with("/rbpf/log") {
                let text = "values and logs are not shown (expose)";
                assert_eq!((answer.code, answer.text()), (FORBIDDEN, text), "{path}");
                assert_eq!(answer.option(CoapOption::Observe), None);
            }
        }
    }
    // All the rest is there.
    let list = client.transfer(GET, "/rbpf", b"", 6);
    assert!(
        list.text()
            .contains("\nsecret state bound path /secret bytes ")
    );
    let faults = client.get("/rbpf/faults");
    let text = faults.text();
    assert!(text.starts_with("secret fault InvalidRead pc "), "{text}");
    for word in [" address 0x0 ms ", " slot ", " generation ", " digest "] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn who_asks_for_it_sees_all() {
    let world = World::start("expose = true");
    let mut client = world.client(0);
    client.get("/secret");
    let mut expect = |path: &str, wanted: &str| {
        let answer = client.transfer(GET, path, b"", 6);
        assert_eq!(answer.code, CONTENT, "{path}");
        assert!(answer.text().contains(wanted), "{path}: {}", answer.text());
    };
    expect("/rbpf/kv", "secret key 1 value 1589831518 owner secret\n");
    expect("/rbpf/kv/global/1", "1589831518");
    expect("/rbpf/kv/secret/1", "1589831518");
    expect("/rbpf/log", "\nsecret: whisper\n");
    expect("/rbpf/log/0", "\nsecret: whisper\n");
    expect("/rbpf/faults", ",0x7e2ce57e2ce5,");
}
