// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device` as a process of its own: it answers, and ends when told to.
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use common::{Folder, clang, done, rbpf};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A device that is killed if its test fails.
struct Device(Child);

impl Drop for Device {
    fn drop(&mut self) {
        // It has ended already if all is well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kills a process unless the sender is dropped in time: nothing here waits
/// for ever.
fn watchdog(id: String) -> Sender<()> {
    let (in_time, watch) = mpsc::channel();
    std::thread::spawn(move || {
        if watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            done(Command::new("kill").args(["-KILL", &id]));
        }
    });
    in_time
}

/// A confirmable GET with message id 0x1234 and a path of one segment, of
/// less than 13 bytes (RFC 7252, section 3).
fn get(segment: &str) -> Vec<u8> {
    let uri_path = 11 << 4 | segment.len() as u8;
    let mut datagram = vec![0x40, 0x01, 0x12, 0x34, uri_path];
    datagram.extend(segment.bytes());
    datagram
}

#[test]
fn it_answers_until_it_is_told_to_end() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("coap_sensor");
    let description = folder.write(
        "device.toml",
        "[coap]\nlisten = ['127.0.0.1:0']\n\
         [[sensor]]\nname = 'a'\nclass = 'temp'\nscale = -2\nkind = 'constant'\nvalue = [-705]\n\
         [[application]]\nname = 'temperature'\nimage = 'coap_sensor.rbpf'\ncoap = '/sensor'\n\
         allow = ['sensor', 'coap-response']\n",
    );
    let child = rbpf()
        .args(["device", "--config"])
        .arg(description)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut device = Device(child);
    let id = device.0.id().to_string();
    let in_time = watchdog(id.clone());
    let stdout = device.0.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(stdout).lines();
    let mut printed = Vec::new();
    let address = loop {
        let Some(Ok(line)) = lines.next() else {
            let mut errors = String::new();
            let stderr = device.0.stderr.as_mut().expect("a pipe");
            stderr.read_to_string(&mut errors).expect("text");
            panic!("it ended early: {printed:?}, {errors}");
        };
        printed.push(line);
        if let Some((_, address)) = printed.last().and_then(|line| line.split_once("coap://")) {
            break address.to_owned();
        }
    };

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.connect(address).expect("an address");
    socket.send(&get("sensor")).expect("it is sent");
    let mut reply = [0; 64];
    let length = socket.recv(&mut reply).expect("a reply");
    // Acknowledgement, 2.05, the same message id, text, and the payload.
    let expected = b"\x60\x45\x12\x34\xc0\xff-7.05";
    assert_eq!(
        reply[..length].escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );

    done(Command::new("kill").args(["-TERM", &id])).success();
    // Stdout is closed when it ends.
    printed.extend(lines.map_while(Result::ok));
    drop(in_time);
    let status = device.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "{printed:?}");
    let all = printed.join("\n");
    for wanted in [
        "application temperature path /sensor bytes ",
        "request 127.0.0.1:",
        "GET /sensor 2.05 5 bytes",
        "counters temperature state bound path /sensor bytes ",
        "runs 1 faults 0",
    ] {
        assert!(all.contains(wanted), "`{wanted}` in {all}");
    }
}
