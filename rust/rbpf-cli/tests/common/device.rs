// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device` as a process of its own.

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::rbpf;

/// How long a device may take in all; only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// A device that is killed if its test fails.
pub(crate) struct Device {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
    /// Host and port.
    pub(crate) address: String,
    /// Nothing here waits for ever.
    watchdog: Option<Sender<()>>,
}

impl Drop for Device {
    fn drop(&mut self) {
        // It has ended already if all is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process unless the sender is dropped in time.
fn watchdog(id: Pid) -> Sender<()> {
    let (in_time, watch) = mpsc::channel();
    std::thread::spawn(move || {
        if watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(id, Signal::KILL);
        }
    });
    in_time
}

impl Device {
    /// Starts a device with this description, and waits until it listens.
    pub(crate) fn start(description: &Path) -> Self {
        let mut child = rbpf()
            .args(["device", "--config"])
            .arg(description)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let stdout = child.stdout.take().expect("a pipe");
        let mut device = Self {
            watchdog: Some(watchdog(Pid::from_child(&child))),
            child,
            lines: BufReader::new(stdout).lines(),
            printed: Vec::new(),
            address: String::new(),
        };
        while device.address.is_empty() {
            let Some(Ok(line)) = device.lines.next() else {
                let mut errors = String::new();
                let stderr = device.child.stderr.as_mut().expect("a pipe");
                stderr.read_to_string(&mut errors).expect("text");
                panic!("it ended early: {:?}, {errors}", device.printed);
            };
            if let Some((_, address)) = line.split_once("coap://") {
                device.address = address.to_owned();
            }
            device.printed.push(line);
        }
        device
    }

    /// Sends a confirmable GET with message id 0x1234 and a path of one
    /// segment, of less than 13 bytes (RFC 7252, section 3); the answer.
    pub(crate) fn get(&self, segment: &str) -> Vec<u8> {
        let uri_path = 11 << 4 | segment.len() as u8;
        let mut datagram = vec![0x40, 0x01, 0x12, 0x34, uri_path];
        datagram.extend(segment.bytes());
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.connect(&self.address).expect("an address");
        socket.send(&datagram).expect("it is sent");
        let mut reply = vec![0; 1500];
        let length = socket.recv(&mut reply).expect("a reply");
        reply.truncate(length);
        reply
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// Tells it to end; all that it has printed.
    pub(crate) fn end(mut self) -> String {
        self.signal(Signal::TERM);
        // Stdout is closed when it ends.
        let Self { lines, printed, .. } = &mut self;
        printed.extend(lines.map_while(Result::ok));
        drop(self.watchdog.take());
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{:?}", self.printed);
        self.printed.join("\n")
    }
}
