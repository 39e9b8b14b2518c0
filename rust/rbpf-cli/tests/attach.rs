// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf attach`: a container comes, is looked at, and goes, whatever happens.
#![cfg(unix)]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::device::Device;
use common::fake::Fake;
use common::running::{Running, Signal};
use common::{Folder, clang, done, rbpf, source};

/// How long the device may take to remove a container, beside its lease.
const PATIENCE: Duration = Duration::from_secs(120);

/// In the section `[coap]`: anyone may install, and see what that prints and stores.
const OPEN: &str = "unsigned_install = true\nexpose = true";

/// A device, with this in its section `[coap]`, and what stands after that.
fn device(folder: &Folder, coap: &str) -> Device {
    let text = format!("[coap]\nlisten = ['127.0.0.1:0']\n{coap}\n");
    Device::start(&folder.write("device.toml", text))
}

/// `rbpf attach` of the ticker to a device.
fn attach(device: &Device, arguments: &[&str]) -> Command {
    let mut command = rbpf();
    let uri = format!("coap://{}", device.address);
    command.args(["attach", &uri]).arg(source("ticker.c"));
    command.args(["--hook", "every:50", "--interval", "0.1"]);
    command.args(arguments);
    command
}

/// What the device's list says.
fn list(device: &Device) -> String {
    let reply = device.get("rbpf");
    // After the marker of the payload; the list is text.
    let payload = reply
        .rsplit(|&byte| byte == 0xff)
        .next()
        .filter(|_| reply.contains(&0xff));
    String::from_utf8_lossy(payload.unwrap_or_default()).into_owned()
}

/// Waits until a container is gone.
#[track_caller]
fn gone(device: &Device, name: &str) {
    let begin = Instant::now();
    while list(device).contains(name) {
        assert!(begin.elapsed() < PATIENCE, "{}", list(device));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn for_a_while() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let device = device(&folder, OPEN);
    let ended = done(&mut attach(&device, &["--seconds", "1"]));
    assert!(
        ended
            .stderr
            .contains("attached ticker to every:50, lease 30 s\n")
    );
    ended.success();
    assert_eq!(list(&device), "");
    // Lines of before are not shown again; the name and the lease are said.
    let options = [
        "--seconds",
        "0.3",
        "--name",
        "other",
        "--lease",
        "5",
        "-O",
        "s",
    ];
    let ended = done(&mut attach(&device, &options));
    assert!(
        ended
            .stderr
            .contains("attached other to every:50, lease 5 s\n")
    );
    let seen = ended.success();
    assert!(
        seen.lines().all(|line| line.starts_with("other: ")),
        "{seen}"
    );
    assert_eq!(list(&device), "");
    let all = device.end();
    assert!(all.contains("POST /rbpf/unbind/ticker 2.04"), "{all}");
    assert!(all.contains("DELETE /rbpf/app/ticker 2.02"), "{all}");
}

#[test]
fn until_it_is_told_to_end() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let device = device(&folder, OPEN);
    // Longer than a lease, which is renewed.
    for (signal, lease, tick) in [(Signal::INT, "4", 100), (Signal::TERM, "30", 1)] {
        let running = Running::start(&mut attach(&device, &["--lease", lease]));
        running.line("ticker: tick 0");
        running.line("ticker: store ticker key 0 value ");
        running.line(&format!("ticker: tick {tick}"));
        assert!(list(&device).contains(" lease "), "{}", list(&device));
        running.signal(signal);
        let (code, left) = running.ended();
        assert_eq!(code, Some(0), "{signal:?} {left:#?}");
        assert_eq!(list(&device), "", "{signal:?}");
    }
    device.end();
}

#[test]
fn killed() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let device = device(&folder, OPEN);
    let running = Running::start(&mut attach(&device, &["--lease", "5"]));
    running.line("ticker: tick 1");
    running.signal(Signal::KILL);
    running.ended();
    gone(&device, "ticker");
    device.end();
}

#[test]
fn a_device_that_is_away() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let device = device(&folder, OPEN);
    let running = Running::start(&mut attach(&device, &["--timeout", "2"]));
    running.line("ticker: tick 1");
    device.signal(Signal::STOP);
    running.line("the connection is lost, trying again: no answer within 2 s");
    device.signal(Signal::CONT);
    running.line("the connection is back");
    running.line("ticker: tick ");
    running.signal(Signal::INT);
    assert_eq!(running.ended().0, Some(0));
    assert_eq!(list(&device), "");
    // Away for longer than the lease.
    let options = ["--timeout", "2", "--lease", "5"];
    let running = Running::start(&mut attach(&device, &options));
    running.line("ticker: tick 1");
    device.signal(Signal::STOP);
    running.line("the connection is lost");
    let (code, left) = running.ended();
    device.signal(Signal::CONT);
    assert_eq!(code, Some(1), "{left:#?}");
    let last = left.last().expect("an error");
    assert!(last.ends_with("the lease of ticker is over"), "{last}");
    gone(&device, "ticker");
    // Removed by somebody else.
    let running = Running::start(&mut attach(&device, &[]));
    running.line("ticker: tick 1");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let delete = b"\x40\x04\x00\x07\xb4rbpf\x03app\x06ticker";
    socket.send_to(delete, &device.address).expect("it is sent");
    let (code, left) = running.ended();
    assert_eq!(code, Some(1), "{left:#?}");
    let last = left.last().expect("an error");
    assert!(last.contains("or somebody has removed it"), "{last}");
    device.end();
}

#[test]
fn what_a_device_refuses() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let refused = |device: &Device, arguments: &[&str], wanted: &[&str]| {
        let mut command = attach(device, arguments);
        done(command.args(["--seconds", "1"])).refused(wanted);
    };
    let closed = device(&folder, "");
    refused(
        &closed,
        &[],
        &["it is not installed: it answers 4.05 method not allowed here"],
    );
    closed.end();

    folder.build(&source("ticker.c"), "ticker.rbpf");
    let open = device(
        &folder,
        "unsigned_install = true\nexpose = true\n[runtime]\nlog_size = 0\n\
         [[application]]\nname = 'there'\nimage = 'ticker.rbpf'\ncoap = '/there'",
    );
    refused(
        &open,
        &["--name", "there"],
        &["there is a container there already"],
    );
    let bind = |target: &str, wanted: &str| {
        let mut command = rbpf();
        let uri = format!("coap://{}", open.address);
        command.args(["attach", &uri]).arg(source("ticker.c"));
        done(command.args(["--hook", target])).refused(&[wanted]);
    };
    bind(
        "nothing",
        "it is not bound to nothing: it answers 4.04 not found",
    );
    bind("every:0", "it answers 4.00 invalid argument");
    bind("/rbpf/x", "it answers 4.09 in use");
    bind("rx:udp", "it answers 4.03 not allowed");
    // What was installed for that is gone; and without a log there are values.
    let list = list(&open);
    assert!(
        list.starts_with("there ") && list.lines().count() == 1,
        "{list}"
    );
    let running = Running::start(&mut attach(&open, &[]));
    running.line("note: it keeps no log");
    running.line("ticker: store ticker key 0 value ");
    running.signal(Signal::INT);
    assert_eq!(running.ended().0, Some(0));
    open.end();
}

#[test]
fn a_device_that_does_not_show_what_it_does() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let hidden = "note: it does not show what containers print and store \
                  (CONFIG_RBPF_EXPOSE, or `expose` in device.toml)\n";
    for coap in [
        "unsigned_install = true",
        "unsigned_install = true\n[runtime]\nlog_size = 0",
    ] {
        let device = device(&folder, coap);
        let ended = done(&mut attach(&device, &["--seconds", "0.5"]));
        assert_eq!(ended.stderr.matches(hidden).count(), 1, "{ended:#?}");
        assert_eq!(ended.success(), "");
        let all = device.end();
        assert!(all.contains("DELETE /rbpf/app/ticker 2.02"), "{all}");
    }
    // One that keeps no log, and does not show values.
    let without_log = Fake::start(|asked| {
        let path = String::from_utf8_lossy(&asked.bytes).into_owned();
        match asked.bytes.get(1) {
            Some(3) => vec![asked.reply(0x60, 0x41, b"", b"")],
            Some(4) => vec![asked.reply(0x60, 0x42, b"", b"")],
            Some(2) => vec![asked.reply(0x60, 0x44, b"", b"")],
            _ if path.contains("kv") => vec![asked.reply(0x60, 0x83, b"", b"")],
            _ => vec![asked.reply(0x60, 0x84, b"", b"")],
        }
    });
    let mut command = rbpf();
    command
        .args(["attach", &without_log.uri])
        .arg(source("ticker.c"));
    command.args(["--hook", "boot", "--seconds", "0.5", "--interval", "0.1"]);
    let ended = done(&mut command);
    assert_eq!(ended.stderr.matches(hidden).count(), 1, "{ended:#?}");
    assert!(ended.stderr.contains("note: it keeps no log"), "{ended:#?}");
    ended.success();
}

#[test]
fn devices_that_do_not_behave() {
    if !clang() {
        return;
    }
    let attach = |uri: &str| {
        let mut command = rbpf();
        command.args(["attach", uri]).arg(source("ticker.c"));
        done(command.args(["--hook", "boot", "--timeout", "0.3", "--lease", "1"]))
    };
    attach("coap://127.0.0.1:1").refused(&["nobody listens there"]);
    let silent = Fake::start(|_| vec![]);
    attach(&silent.uri).refused(&["no answer within"]);
    // No container, no log; then it awaits block after block.
    let greedy = Fake::start(|asked| match asked.bytes.get(1) {
        Some(3) => vec![asked.reply(0x60, 0x5f, b"", b"")],
        _ => vec![asked.reply(0x60, 0x84, b"", b"\x1b[2J")],
    });
    attach(&greedy.uri).refused(&["it is not installed", "it awaits more than there is"]);
    // All goes well, but there are no leases.
    let old = Fake::start(|asked| match asked.bytes.get(1) {
        Some(3) => vec![asked.reply(0x60, 0x41, b"", b"")],
        _ => vec![asked.reply(0x60, 0x84, b"", b"")],
    });
    attach(&old.uri).refused(&["the device knows no leases"]);
}

#[test]
fn wrong_arguments() {
    for arguments in [
        "attach coap://node x.c",
        "attach coap://node --hook boot",
        "attach http://node --hook boot x.c",
        "attach coap://node --hook boot x.c --lease 0",
        "attach coap://node --hook boot x.c --lease 86401",
        "attach coap://node --hook boot x.c --name a/b",
        "attach coap://node --hook boot x.c --seconds x",
    ] {
        let folder = Folder::new();
        assert_eq!(folder.rbpf(arguments).code, Some(2), "{arguments}");
    }
    let folder = Folder::new();
    let missing = folder.rbpf("attach coap://127.0.0.1:1 --hook boot missing.c");
    missing.refused(&["missing.c: cannot be opened"]);
}
