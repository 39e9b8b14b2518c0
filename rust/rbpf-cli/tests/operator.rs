// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator sees of a device: `rbpf logs`.
#![cfg(unix)]

mod common;

use std::process::Command;

use common::device::Device;
use common::fake::{Asked, Fake};
use common::running::Running;
use common::{Folder, clang, done, rbpf, source};

fn logs(uri: &str) -> Command {
    let mut command = rbpf();
    command.args(["logs", uri, "--timeout", "120"]);
    command
}

/// 2.05 with text.
fn text(asked: &Asked, text: &str) -> Vec<Vec<u8>> {
    vec![asked.reply(0x60, 0x45, b"\xc0", text.as_bytes())]
}

#[test]
fn the_log_of_a_device() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.build(&source("ticker.c"), "ticker.rbpf");
    let description = |size: u32, every: u32| {
        let text = format!(
            "[coap]\nlisten = ['127.0.0.1:0']\nexpose = true\n[runtime]\nlog_size = {size}\n\
             [[application]]\nname = 'ticker'\nimage = 'ticker.rbpf'\nevery = {every}\n"
        );
        folder.write("device.toml", text)
    };
    let device = Device::start(&description(40_000, 50));
    let uri = format!("coap://{}", device.address);
    let mut command = logs(&uri);
    let running = Running::start(command.args(["--follow", "--interval", "0.1"]));
    for count in 0..10 {
        let line = running.next();
        assert_eq!(line, format!("ticker: tick {count}"));
    }
    let once = done(&mut logs(&uri)).success();
    assert!(
        once.starts_with("ticker: tick 0\nticker: tick 1\n"),
        "{once}"
    );
    drop(running);
    device.end();

    // So little is kept that some is lost.
    let device = Device::start(&description(40, 1));
    let uri = format!("coap://{}", device.address);
    let mut command = logs(&uri);
    let running = Running::start(command.args(["--follow", "--interval", "0.2"]));
    for _ in 0..3 {
        let line = running.line(" bytes lost");
        assert!(line.starts_with("... "), "{line}");
        running.line("ticker: tick ");
    }
    drop(running);
    device.end();

    let device = Device::start(&description(0, 1000));
    let uri = format!("coap://{}", device.address);
    done(&mut logs(&uri)).refused(&[&format!("{uri}: it keeps no log")]);
    device.end();

    // One that does not show it.
    let text = "[coap]\nlisten = ['127.0.0.1:0']\n";
    let device = Device::start(&folder.write("device.toml", text));
    let uri = format!("coap://{}", device.address);
    let hidden = "it does not show what containers print and store \
                  (CONFIG_RBPF_EXPOSE, or `expose` in device.toml)";
    done(&mut logs(&uri)).refused(&[&format!("{uri}: {hidden}")]);
    device.end();
}

#[test]
fn a_device_that_is_away_and_comes_back() {
    // Answers by what is asked for: who is slow may be asked the same again.
    let mut seen = Vec::new();
    let fake = Fake::start(move |asked| {
        let from = |position: &str| asked.bytes.ends_with(position.as_bytes());
        if from("15") {
            text(asked, "offset 15 end 21\n2\na: 3")
        } else if from("21") {
            // Away for two questions; then started anew.
            if !seen.contains(&asked.id) {
                seen.push(asked.id);
            }
            match seen.len() {
                1 | 2 => vec![],
                _ => text(asked, "offset 0 end 5\nnew\x1b\n"),
            }
        } else if from("\x015") {
            seen.push(asked.id);
            match seen.len() {
                ..5 => vec![asked.reply(0x60, 0xa3, b"", b"busy")],
                _ => text(asked, "offset 8 end 9\n\n"),
            }
        } else if from("\x019") {
            vec![asked.reply(0x60, 0x84, b"", b"")]
        } else {
            text(asked, "offset 7 end 21\na: 1\na: ")
        }
    });
    let mut command = rbpf();
    command.args(["logs", &fake.uri, "-f", "--interval", "0.1"]);
    let ended = done(command.args(["--timeout", "3"]));
    assert_eq!(
        ended.stdout.lines().collect::<Vec<_>>(),
        [
            "... 7 bytes lost",
            "...a: 1",
            "a: 2",
            "a: 3",
            "... the device has begun a new log",
            "new\\u{1b}",
            "... 3 bytes lost",
            "...",
        ]
    );
    ended.refused(&["it keeps no log"]);
}

#[test]
fn devices_whose_log_is_none() {
    for answer in [
        "",
        "offset 1 end",
        "offset 1 end x\n",
        "counter state verified\n",
    ] {
        let fake = Fake::start(move |asked| text(asked, answer));
        done(&mut logs(&fake.uri)).refused(&["its answer is no log"]);
    }
    // One that never comes to its end.
    let fake = Fake::start(|asked| text(asked, "offset 0 end 4000000000\nx\n"));
    let ended = done(&mut logs(&fake.uri)).success();
    assert!(ended.len() < 1_000_000);
    // Nobody is there: that is said at the beginning, with --follow as well.
    let mut command = logs("coap://127.0.0.1:1");
    done(command.arg("--follow")).refused(&["nobody listens there"]);
}
