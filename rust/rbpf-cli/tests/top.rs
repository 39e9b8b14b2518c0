// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf top --once` and its like: real devices, and such as do not behave.
#![cfg(unix)]

mod common;

use common::device::Device;
use common::fake::Fake;
use common::{Done, Folder, clang, done, rbpf, source};

fn top(arguments: &[&str]) -> Done {
    let mut command = rbpf();
    command.args(["top", "--interval", "0.1", "--timeout", "120"]);
    done(command.args(arguments))
}

/// The cells of a row of the table.
#[track_caller]
fn row<'t>(table: &'t str, container: &str) -> Vec<&'t str> {
    let cells = |line: &'t str| line.split_whitespace().collect::<Vec<_>>();
    let mut rows = table.lines().map(cells);
    let found = rows.find(|cells| cells.get(1) == Some(&container));
    found.unwrap_or_else(|| panic!("{container} in {table}"))
}

#[test]
fn a_device() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("counter");
    let mut command = rbpf();
    command.arg("build").arg(source("fault.c"));
    command
        .args(["--entry", "entry", "-o"])
        .arg(folder.path("fault.rbpf"));
    done(&mut command).success();
    let description = folder.write(
        "device.toml",
        "[coap]\nlisten = ['127.0.0.1:0']\n\
         [[application]]\nname = 'faulty'\nimage = 'fault.rbpf'\ncoap = '/faulty'\n\
         [[application]]\nname = 'counter'\nimage = 'counter.rbpf'\ncoap = '/counter'\n",
    );
    let device = Device::start(&description);
    device.get("counter");
    device.get("faulty");
    let uri = format!("coap://{}", device.address);
    // Stdout is no terminal: once is enough.
    let table = top(&[&uri]).success();
    let titles = table.lines().next().expect("titles");
    assert!(titles.starts_with("DEVICE "), "{table}");
    assert!(
        titles.ends_with("  LONGEST  FAULTS  HELPERS  LAST FAULT"),
        "{table}"
    );
    let address = device.address.as_str();
    assert_eq!(
        row(&table, "counter"),
        [
            address, "counter", "bound", "1", "0.0", "35", "0.0", "35", "0", "7", "-"
        ]
    );
    let faulty = row(&table, "faulty");
    assert_eq!(faulty[..5], [address, "faulty", "bound", "1", "0.0"]);
    assert_eq!(faulty[8], "1");
    assert_eq!(faulty[10..12], ["InvalidRead", "pc"]);
    // The same device twice is one; one that is not there is an error, but
    // does not hide the others.
    let closed = Fake::start(|_| vec![]).uri.clone();
    let both = top(&["--once", &uri, &uri, &closed]);
    assert_eq!(both.stdout, table);
    both.refused(&[&format!("error: {closed}: nobody listens there\n")]);
}

/// What looks like a list is none if its message is not understood.
#[test]
fn answers_that_are_refused() {
    const LIST: &[u8] =
        b"x state bound path /x bytes 9 runs 5 faults 0 instructions 10 longest 2\n";
    for (options, payload, error) in [
        (
            &b"\xd1\x34\x01"[..],
            LIST,
            "its answer has a critical option that is not understood: 65",
        ),
        (b"\xff", b"", "its answer is no CoAP"),
    ] {
        let fake = Fake::start(move |asked| vec![asked.reply(0x60, 0x45, options, payload); 2000]);
        let refused = top(&["--once", &fake.uri]);
        refused.refused(&[&format!("error: {}: {error}\n", fake.uri)]);
    }
}

#[test]
fn tenants_of_a_device() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("counter");
    let application = |name: &str, more: &str| {
        format!(
            "[[application]]\nname = '{name}'\nimage = 'counter.rbpf'\ncoap = '/{name}'\n{more}\n"
        )
    };
    let description = format!(
        "[coap]\nlisten = ['127.0.0.1:0']\n[[tenant]]\nname = 'alice'\n{}{}",
        application("hers", "tenant = 'alice'"),
        application("own", "")
    );
    let device = Device::start(&folder.write("device.toml", description));
    let table = top(&[&format!("coap://{}", device.address)]).success();
    assert!(table.contains("  CONTAINER  TENANT  STATE "), "{table}");
    assert_eq!(row(&table, "hers")[1..4], ["hers", "alice", "bound"]);
    assert_eq!(row(&table, "own")[1..4], ["own", "-", "bound"]);
}

#[test]
fn rates_of_a_device() {
    let mut runs = 0;
    let fake = Fake::start(move |asked| {
        runs += 100;
        let mut list = b"\x81\xa2\x64name\x61a\x64runs\x19".to_vec();
        list.extend(u16::to_be_bytes(runs));
        vec![asked.cbor(&list)]
    });
    let table = top(&["--once", &fake.uri, "--interval", "0.2"]);
    assert_eq!(table.code, Some(2), "an option given twice: {table:#?}");
    let mut command = rbpf();
    command.args(["top", "--once", &fake.uri, "--interval", "0.2"]);
    let table = done(&mut command).success();
    let row = row(&table, "a");
    assert_eq!(row[3], "200");
    // 100 runs in 0.2 s; how much that is in a second depends on when the answers
    // are seen.
    let rate: f64 = row[4].parse().expect("a number");
    assert!(rate > 0.0, "{table}");
    assert_eq!((row[2], row[5]), ("-", "-"));
}

#[test]
fn long_lists_come_in_blocks() {
    let mut list = vec![0x9f];
    for number in 0..40 {
        list.extend(b"\xbf\x64name\x63");
        list.extend(format!("c{number:02}").bytes());
        list.extend(b"\x66future\x82\x01\x02\x64runs\x18\x2a\xff");
    }
    list.push(0xff);
    let fake = Fake::start(move |asked| vec![asked.block_of(2, &list)]);
    let table = top(&[&fake.uri]).success();
    assert_eq!(table.lines().count(), 41);
    assert_eq!(row(&table, "c39")[3], "42");
}

#[test]
fn devices_that_do_not_behave() {
    let good = Fake::start(|asked| vec![asked.cbor(b"\x81\xa1\x64name\x64good")]);
    let silent = Fake::start(|_| vec![]);
    let rubbish = Fake::start(|_| vec![vec![0xff; 100]; 2000]);
    let no_list = Fake::start(|asked| vec![asked.cbor(&[0x9f; 1000])]);
    let refuses = Fake::start(|asked| vec![asked.reply(0x60, 0x84, b"", b"\x1b[2Jno")]);
    let text =
        Fake::start(|asked| vec![asked.reply(0x60, 0x45, b"", b"old state verified runs 5\n")]);
    let hostile = Fake::start(|asked| vec![asked.cbor(b"\x81\xa1\x64name\x66\x1b[2J\x0d\x0a")]);
    let fakes = [&rubbish, &no_list, &refuses, &text, &hostile, &good];
    let uris: Vec<&str> = fakes.iter().map(|fake| fake.uri.as_str()).collect();
    let ended = top(&uris);
    assert_eq!(row(&ended.stdout, "good")[2], "-");
    assert_eq!(row(&ended.stdout, "old")[3], "5");
    assert_eq!(row(&ended.stdout, "\\u{1b}[2J\\r\\n")[2], "-");
    assert_eq!(ended.stdout.lines().count(), 4);
    assert!(!ended.stderr.contains('\x1b'), "{ended:#?}");
    ended.refused(&[
        &format!("{}: its answer is no CoAP\n", rubbish.uri),
        &format!("{}: its answer is no list of containers\n", no_list.uri),
        &format!("{}: it answers 4.04 \\u{{1b}}[2Jno\n", refuses.uri),
    ]);
    let mut command = rbpf();
    command.args(["top", "--timeout", "0.3", &silent.uri]);
    done(&mut command).refused(&[&format!("{}: no answer within 0.3 s\n", silent.uri)]);
}

#[test]
fn wrong_arguments() {
    for arguments in [
        &["--once"][..],
        &["node"],
        &["http://node"],
        &["coap://node/sensor"],
        &["coap://[fe80::1%]"],
    ] {
        assert_eq!(top(arguments).code, Some(2), "{arguments:?}");
    }
    let zone = top(&["coap://[fe80::1%no-such0]/"]);
    zone.refused(&["coap://[fe80::1%no-such0]: no address of this host"]);
}
