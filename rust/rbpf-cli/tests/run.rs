// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf run` with the helpers of a device: sensors, stores, the log, CoAP.

mod common;

use common::{Folder, clang};

/// The report of a run, in JSON.
fn json(folder: &Folder, arguments: &str) -> serde_json::Value {
    let report = folder.rbpf(&format!("run --json {arguments}")).success();
    serde_json::from_str(&report).expect("JSON")
}

/// A folder with an image of an assembler source, `p.rbpf`.
fn assembled(source: &str) -> Folder {
    let folder = Folder::new();
    folder.write("p.s", source);
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    folder
}

/// Returns the reading of the device at a position, or the error.
fn reader(position: u32) -> Folder {
    assembled(&format!(
        "mov %r1, {position}\ncall 0x30\nmov %r1, %r0\nmov %r2, %r10\nadd %r2, -8\ncall 0x32\n\
         jslt %r0, 0, +1\nldxh %r0, [%r10-8]\nexit"
    ))
}

#[test]
fn a_request_is_answered_with_a_reading() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("coap_sensor");
    let report = folder.rbpf("run coap_sensor.rbpf --coap GET").success();
    let wanted = "reply         2.05\nformat        0 (text/plain)\npayload       23.45\n";
    assert!(report.starts_with(wanted), "{report}");
    assert_eq!(
        json(&folder, "coap_sensor.rbpf --coap get")["reply"],
        serde_json::json!({
            "code": "2.05",
            "content_format": 0,
            "payload": "23.45",
            "payload_hex": "32332e3435",
        })
    );
}

#[test]
fn values_last_from_run_to_run() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("counter");
    let report = folder
        .rbpf("run counter.rbpf --coap POST --payload go --runs 3")
        .success();
    assert!(report.contains("payload       3\n"), "{report}");
    assert!(report.contains("\nlocal 0x0     3 (0x3)\n"), "{report}");
    let report = json(&folder, "counter.rbpf --coap POST --runs 3");
    assert_eq!(report["runs"], 3);
    assert_eq!(report["reply"]["payload"], "3");
    let values = serde_json::json!([{ "store": "local", "key": 0, "value": 3 }]);
    assert_eq!(report["values"], values);

    folder.example("average");
    let report = json(&folder, "average.rbpf --coap GET --runs 2");
    assert_eq!(report["reply"]["payload"], "23.45");
    let first = serde_json::json!({ "store": "global", "key": 0x100, "value": 2345 });
    assert_eq!(report["values"][0], first);
}

/// Without a device there is nobody to have requests.
#[test]
fn requests_to_others_are_not_supported() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("forward");
    let report = json(&folder, "forward.rbpf");
    assert_eq!(report["r0"], u32::MAX - 94, "-ENOTSUP");
}

#[test]
fn variables_do_not_last() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let source = "static volatile int count, data = 5;\n\
                  int entry(void *c) { count = count + 1; data = data + 1; return count + data; }";
    let source = folder.write("p.c", source);
    folder.build(&source, "p.rbpf");
    assert_eq!(json(&folder, "p.rbpf --runs 3")["r0"], 7);
}

#[test]
fn stores_have_an_end() {
    // Stores key after key until that fails, and returns how many there are.
    let folder = assembled(
        "mov %r6, 0\nmov %r1, %r6\nmov %r2, 1\ncall 0x10\njslt %r0, 0, +2\nadd %r6, 1\nja -6\n\
         mov %r0, %r6\nexit",
    );
    let report = json(&folder, "p.rbpf");
    let stored = rbpf_host::device::KV_SHARE;
    assert_eq!(report["r0"], stored);
    assert_eq!(report["values"].as_array().map(Vec::len), Some(stored));
}

#[test]
fn the_log_goes_to_stderr() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let source = "#include <rbpf/helpers.h>\nint entry(void *c) {\n\
                  bpf_printf(\"%d and\", -1);\nbpf_printf(\" %s\\n\\x1b[31mred\", \"more\");\n\
                  return 0; }";
    let source = folder.write("p.c", source);
    folder.build(&source, "p.rbpf");
    let run = folder.rbpf("run p.rbpf --runs 2");
    let lines = "log: -1 and more\nlog: \\u{1b}[31mred\n";
    assert_eq!(run.stderr, lines.repeat(2));
    assert!(!run.success().contains("red"));

    // In a trace, before the instruction that has written it is done.
    let run = folder.rbpf("run p.rbpf --trace");
    let (before, after) = run.stderr.split_once("log: -1 and more\n").expect("a line");
    assert!(before.contains("    0: "), "{run:#?}");
    assert!(after.contains("exit"), "{run:#?}");
}

#[test]
fn sensors_are_those_of_a_description() {
    let folder = reader(0);
    assert_eq!(json(&folder, "p.rbpf")["r0"], 2345);
    folder.write(
        "device.toml",
        "[[sensor]]\nname = 'a'\nclass = 'temp'\nkind = 'ramp'\n\
         start = 10\nstep = 5\nmin = 0\nmax = 100\n",
    );
    let report = json(&folder, "p.rbpf --config device.toml --runs 3");
    assert_eq!(report["r0"], 20);
    folder.write("wrong.toml", "[[sensor]]\nname = 'a'\nclass = 'tmp'\n");
    folder
        .rbpf("run p.rbpf --config wrong.toml")
        .refused(&["wrong.toml:", "kind"]);
    folder
        .rbpf("run p.rbpf --config missing.toml")
        .refused(&["missing.toml: cannot be read"]);
}

#[test]
fn built_in_sensors() {
    assert_eq!(json(&reader(1), "p.rbpf")["r0"], 481);
    assert_eq!(json(&reader(2), "p.rbpf")["r0"], 0);
    let none = json(&reader(3), "p.rbpf")["r0"].as_u64();
    let errno = i64::from(rbpf_abi::Errno::NoDevice.to_guest());
    assert_eq!(none, Some(errno as u64));
}

#[test]
fn errors_are_answers_too() {
    // 4.04, as a negative result.
    let folder = assembled("mov %r0, -132\nexit");
    let report = folder.rbpf("run p.rbpf --coap GET").success();
    assert!(
        report.starts_with("reply         4.04\ninstructions  2\n"),
        "{report}"
    );
}

#[test]
fn payloads_reach_the_program() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    // Sends the first byte of the request's payload back.
    let source = "#include <rbpf/coap.h>\nint entry(bpf_coap_ctx_t *c) {\n\
                  bpf_coap_pkt_t *request = (bpf_coap_pkt_t *)(intptr_t)c->pkt;\n\
                  uint8_t byte = *(uint8_t *)(intptr_t)request->payload_p;\nchar *out;\n\
                  ssize_t length = rbpf_coap_start_text(c, &out);\n\
                  out[0] = byte;\nreturn length + 1; }";
    let source = folder.write("p.c", source);
    folder.build(&source, "p.rbpf");
    let reply = |arguments: &str| json(&folder, &format!("p.rbpf --coap PUT {arguments}"));
    assert_eq!(reply("--payload xyz")["reply"]["payload"], "x");
    let binary = &reply("--payload-hex 01ff")["reply"];
    assert_eq!(binary["payload"], serde_json::Value::Null);
    assert_eq!(binary["payload_hex"], "01");
    let report = folder
        .rbpf("run p.rbpf --coap PUT --payload-hex ff")
        .success();
    assert!(report.contains("payload hex   ff\n"), "{report}");
    folder
        .rbpf("run p.rbpf --coap PUT")
        .refused(&["InvalidRead"]);
    folder
        .rbpf("run p.rbpf --coap PUT --payload-hex 0x")
        .refused(&["--payload-hex", "no hexadecimal digit"]);
    let long = "x".repeat(65536);
    folder
        .rbpf(&format!("run p.rbpf --coap PUT --payload {long}"))
        .refused(&["at most 65535 bytes"]);
}

#[test]
fn faults_keep_what_was_stored() {
    // store_global(1, 2), then too long a result: the second run is not made.
    let folder =
        assembled("mov %r1, 1\nmov %r2, 2\ncall 0x11\ncall 0x40\nlddw %r0, 0x7fffffff\nexit");
    let run = folder.rbpf("run p.rbpf --runs 2");
    assert!(
        run.stdout.starts_with("r0  "),
        "no request, no limit: {run:#?}"
    );
    let folder = assembled(
        "mov %r6, %r1\nmov %r1, 1\nmov %r2, 2\ncall 0x11\nmov %r1, %r6\nmov %r2, 0x45\ncall 0x40\n\
         mov %r0, 30000\nexit",
    );
    let run = folder.rbpf("run p.rbpf --coap GET --runs 2");
    assert_eq!(run.stdout, "global 0x1    2 (0x2)\n");
    run.refused(&[
        "fault after the end",
        "InvalidResult",
        "after 9 instructions",
    ]);
    let run = folder.rbpf("run p.rbpf --coap GET --runs 2 --json");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["runs"], 1);
    assert_eq!(report["fault"]["slot"], serde_json::Value::Null);
    assert_eq!(report["values"][0]["value"], 2);
}

#[test]
fn helpers_check_what_they_are_given() {
    // printf of a null pointer.
    let folder = assembled("mov %r1, 0\ncall 1\nexit");
    folder
        .rbpf("run p.rbpf")
        .refused(&["fault at slot 1, address 0x0", "InvalidRead"]);
}

#[test]
fn helpers_and_capabilities_that_there_are_not() {
    let folder = assembled("call 0x8001\nexit");
    folder
        .rbpf("run p.rbpf")
        .refused(&["fault at slot 0", "UnknownHelper", "help: "]);
    folder.write("raw.s", "call 0x7777\nexit");
    folder.rbpf("asm raw.s -o raw.bin").success();
    folder
        .rbpf("run --raw raw.bin")
        .refused(&["rejected at slot 0", "0x7777"]);

    // An image that wants what nobody knows; capabilities are at offset 8.
    let folder = assembled("call 0x20\nexit");
    let mut image = folder.read("p.rbpf");
    image[11] |= 0x80;
    folder.write("p.rbpf", &image);
    folder
        .rbpf("run p.rbpf")
        .refused(&["p.rbpf: damaged image", "capability"]);
    // One that does not want what it calls.
    image[8..12].fill(0);
    folder.write("p.rbpf", &image);
    folder
        .rbpf("run p.rbpf")
        .refused(&["p.rbpf: damaged image", "capability"]);
}

#[test]
fn requests_and_memory_exclude_each_other() {
    let folder = assembled("exit");
    for arguments in [
        "--coap NONE",
        "--coap",
        "--payload x",
        "--payload-hex 00",
        "--coap GET --hex 00",
        "--coap GET --context p.s",
        "--coap GET --mem p.s",
        "--coap GET --words p.s",
        "--coap GET --payload x --payload-hex 00",
    ] {
        let run = folder.rbpf(&format!("run p.rbpf {arguments}"));
        assert_eq!(run.code, Some(2), "{arguments}: {run:#?}");
    }
}
