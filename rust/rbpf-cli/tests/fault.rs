// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf fault`: from a report to the line, and what it says if it cannot.
#![cfg(unix)]

mod common;

use std::process::Command;

use common::device::Device;
use common::fake::Fake;
use common::{Done, Folder, clang, done, rbpf, source};

/// `rbpf fault tests/c/fault.c --entry entry` with more arguments.
fn fault(arguments: &[&str]) -> Done {
    let mut command = rbpf();
    command.arg("fault").arg(source("fault.c"));
    done(command.args(["--entry", "entry"]).args(arguments))
}

#[track_caller]
fn contains(text: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(text.contains(wanted), "`{wanted}` in {text}");
    }
}

/// What `rbpf run` says of the fault of an image.
fn complaint(folder: &Folder, image: &str, hex: &str) -> String {
    let mut command = rbpf();
    command.arg("run").arg(folder.path(image));
    let run = done(command.args(["--hex", hex]));
    assert_eq!(run.code, Some(1), "{run:#?}");
    run.stderr
}

fn build(folder: &Folder, more: &[&str]) {
    let mut command = rbpf();
    command.arg("build").arg(source("fault.c"));
    command
        .args(["--entry", "entry", "-o"])
        .arg(folder.path("fault.rbpf"));
    done(command.args(more)).success();
}

#[test]
fn lines_of_faults() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    for level in ["1", "2", "3", "s", "z"] {
        build(&folder, &["-O", level]);
        let report = complaint(&folder, "fault.rbpf", "");
        let found = fault(&["-O", level, "--report", &report]).success();
        contains(
            &found,
            &[
                "fault         InvalidRead: read outside of the granted memory\n",
                "address       0x00000008: null + 0x8: unmapped\n",
                "tests/c/fault.c:12:",
                " in look\ninlined in    ",
                "tests/c/fault.c:31:",
                " in entry\n",
                ">    12 |     return *(const volatile uint32_t *)(from + 4 * index);\n",
            ],
        );
        let report = complaint(&folder, "fault.rbpf", "01");
        let found = fault(&["-O", level, "--report", &report]).success();
        contains(
            &found,
            &[
                "address       0x0300000c: rodata + 0xc of its 16 bytes, read-only\n",
                "function      write\n",
                ">    19 |     words[index] = 7;\n",
            ],
        );
        let report = complaint(&folder, "fault.rbpf", "02");
        let found = fault(&["-O", level, "--report", &report, "--json"]).success();
        let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
        assert_eq!(found["region"], "context + 0xfa0");
        assert_eq!(found["source"][0]["line"], 12);
        assert_eq!(found["source"][1]["line"], 36);
        assert_eq!(found["source"][1]["function"], "entry");
    }
}

#[test]
fn from_a_device() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    build(&folder, &[]);
    folder.example("counter");
    let description = |more: &str| {
        let text = format!(
            "[coap]\nlisten = ['127.0.0.1:0']\n{more}\
             [[application]]\nname = 'faulty'\nimage = 'fault.rbpf'\ncoap = '/faulty'\n\
             [[application]]\nname = 'counter'\nimage = 'counter.rbpf'\ncoap = '/counter'\n"
        );
        folder.write("device.toml", text)
    };
    // One that shows strangers no more than it must: all the rest is known.
    let device = Device::start(&description(""));
    let uri = format!("coap://{}/", device.address);
    assert_eq!(device.get("faulty")[1], 0xa0);
    let found = fault(&["--from", &uri]).success();
    contains(
        &found,
        &[
            "fault.c:12:",
            " ms after the device's start\n",
            "note          the device does not show registers \
             (CONFIG_RBPF_EXPOSE, or `expose` in device.toml)\n",
        ],
    );
    assert!(!found.contains("r0 0x"), "{found}");
    device.end();
    let device = Device::start(&description("expose = true\n"));
    let uri = format!("coap://{}/", device.address);
    fault(&["--from", &uri]).refused(&["no container has had a fault; there are: faulty, counter"]);
    assert_eq!(device.get("faulty")[1], 0xa0);
    let found = fault(&["--from", &uri]);
    assert!(!found.stderr.contains("warning"), "{found:#?}");
    assert!(!found.stdout.contains("does not show"), "{found:#?}");
    contains(
        &found.success(),
        &[
            "container     faulty\n",
            "fault.c:12:",
            "context + 0xfa0",
            "inlined in",
            "registers     r0 0x",
            " ms after the device's start\n",
        ],
    );
    let json = fault(&["--from", &uri, "--name", "faulty", "--json"]).success();
    let known: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(known["registers"].as_array().map(Vec::len), Some(11));
    let inspected = folder.rbpf("inspect fault.rbpf --json").success();
    let inspected: serde_json::Value = serde_json::from_str(&inspected).expect("JSON");
    assert_eq!(known["sha256"], inspected["sha256"]);
    fault(&["--from", &uri, "--name", "counter"]).refused(&["counter has had no fault"]);
    fault(&["--from", &uri, "--name", "x"]).refused(&["no container x", "faulty, counter"]);
    // Another source than that of the image on the device.
    let mut command = rbpf();
    command.arg("fault").arg(source("recursion.c"));
    let other = done(command.args(["--from", &uri]));
    contains(
        &other.stderr,
        &["warning: the image on the device is another one (SHA-256 "],
    );
    // The line of its log is good, too.
    let log = device.end();
    contains(&log, &["last fault InvalidRead"]);
    contains(
        &fault(&["--report", &log]).success(),
        &["container     faulty\n"],
    );
}

#[test]
fn objects_and_images() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let keep = folder.path("objects");
    build(&folder, &["--keep-objects", &keep.to_string_lossy()]);
    let object = keep.join("fault.o");
    let bytes = std::fs::read(&object).expect("it is kept");
    folder.write("whole.o", &bytes);
    let found = folder.rbpf("fault whole.o --entry entry --pc 0").success();
    contains(
        &found,
        &["slot          0 of ", "function      entry\n", "fault.c:"],
    );
    // Without a section of lines; the names of sections are found by their
    // text.
    let hide = |bytes: &[u8], name: &[u8]| {
        let mut bytes = bytes.to_vec();
        let places: Vec<_> = bytes.windows(name.len()).enumerate().collect();
        let found = places.iter().find(|(_, window)| *window == name);
        let (place, _) = *found.expect("the section is there");
        bytes[place + 1] = b'x';
        bytes
    };
    folder.write("bare.o", hide(&bytes, b".debug_info\0"));
    let found = folder.rbpf("fault bare.o --entry entry --pc 0").success();
    contains(
        &found,
        &[
            "instruction   0: ",
            "function      entry\n",
            "no line is known",
        ],
    );
    assert!(!found.contains("source  "), "{found}");
    // An image knows neither.
    let found = folder.rbpf("fault fault.rbpf --pc 0").success();
    contains(
        &found,
        &[
            "function 0, from slot 0",
            "an image has no lines",
            "instruction   0: ",
        ],
    );
    folder
        .rbpf("fault fault.rbpf whole.o --pc 0")
        .refused(&["an image stands alone"]);
}

#[test]
fn what_is_wrong() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nldxw %r0, [%r1+4]\nexit");
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    let refused = |arguments: &[&str], wanted: &[&str]| {
        let mut command: Command = rbpf();
        command.arg("fault").arg(folder.path("p.rbpf"));
        done(command.args(arguments)).refused(wanted);
    };
    refused(
        &["--pc", "3"],
        &["pc 3 is not in the program, which has 3 slots"],
    );
    refused(&["--pc", "4294967295"], &["is not in the program"]);
    let report = "fault InvalidRead pc 18446744073709551615 address 0x0";
    refused(&["--report", report], &["is not in the program"]);
    refused(&["--report", "all is well"], &["tells of no fault"]);
    refused(&["--report", ""], &["tells of no fault"]);
    folder
        .rbpf("fault missing.c --pc 0")
        .refused(&["missing.c: cannot be opened"]);
    folder
        .rbpf("fault p.s --pc 0")
        .refused(&["neither a C source"]);
    folder.write("fake.o", b"\x7fELF");
    folder.rbpf("fault fake.o --pc 0").refused(&["damaged ELF"]);
    for arguments in [
        "fault p.rbpf",
        "fault p.rbpf --pc x",
        "fault p.rbpf --pc 1 --report x",
        "fault p.rbpf --pc 1 --name x",
        "fault p.rbpf --from http://x",
        "fault p.rbpf --pc 1 --timeout 0",
    ] {
        assert_eq!(folder.rbpf(arguments).code, Some(2), "{arguments}");
    }
}

#[test]
fn faults_of_all_kinds() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nldxw %r0, [%r1+4]\nexit");
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    let found = |report: &str| {
        let mut command: Command = rbpf();
        command.arg("fault").arg(folder.path("p.rbpf"));
        done(command.args(["--report", report])).success()
    };
    for (address, wanted) in [
        ("0x0", "null\n"),
        ("0xffffff", "null + 0xffffff: unmapped\n"),
        ("0x10001ff", "stack + 0x1ff of its 512 bytes\n"),
        ("0x1000200", "stack + 0x200, beyond its 512 bytes\n"),
        ("0x2000007", "context + 0x7\n"),
        ("0x3000000", "rodata + 0x0, which the image does not have\n"),
        ("0x5000001", "granted 0 + 0x1\n"),
        ("0x7000001", "granted 2 + 0x1\n"),
        ("0x8000000", "no region: unmapped\n"),
        ("0xffffffffffffffff", "no region: unmapped\n"),
    ] {
        let text = found(&format!("fault InvalidWrite pc 1 address {address}"));
        contains(&text, &[wanted, "1: w0 = *(u32 *)(r1 + 0x4)"]);
    }
    contains(
        &found("fault BudgetExhausted pc 1 address 0x0"),
        &["a loop without end"],
    );
    let text = found("fault InvalidResult pc 999 address 0x0");
    contains(&text, &["result out of range", "return statements"]);
    assert!(!text.contains("slot "), "{text}");
    let text = found("fault \x1b[31mNew pc 1 address 0x0");
    contains(
        &text,
        &["\\u{1b}[31mNew: a kind that this version does not know"],
    );
}

#[test]
fn devices_that_do_not_help() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nexit");
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    let within = |seconds: &str, fake: &Fake| {
        let uri = &fake.uri;
        folder.rbpf(&format!("fault p.rbpf --timeout {seconds} --from {uri}"))
    };
    let ask = |fake: &Fake| within("120", fake);
    let silent = Fake::start(|_| vec![]);
    within("0.3", &silent).refused(&["coap://127.0.0.1:", "no answer within 0.3 s"]);
    ask(&Fake::start(|_| vec![vec![0xee; 50]; 2000])).refused(&["no CoAP"]);
    ask(&Fake::start(|asked| vec![asked.cbor(&[0x81; 900])])).refused(&["no list"]);
    ask(&Fake::start(|asked| vec![asked.cbor(b"\x80")])).refused(&["there are: none"]);
    let hostile = b"\x81\xa3\x64name\x65a\x1b[2J\x65fault\x62\x0a\x07\x62pc\x00";
    let found = ask(&Fake::start(|asked| vec![asked.cbor(hostile)])).success();
    contains(
        &found,
        &[
            "container     a\\u{1b}[2J\n",
            "fault         \\n\\u{7}: a kind",
        ],
    );
}
