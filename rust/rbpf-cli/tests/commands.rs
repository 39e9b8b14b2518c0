// SPDX-License-Identifier: MIT OR Apache-2.0
//! The other commands: what they print, what they refuse, their exit codes.

mod common;

use common::Folder;

const PROGRAM: &str = "mov %r0, 1\nldxb %r3, [%r1+1]\nadd %r0, %r3\nexit\n";

#[test]
fn assemble_verify_disassemble_run() {
    let folder = Folder::new();
    folder.write("p.s", PROGRAM);
    let hex = folder.rbpf("asm p.s").success();
    assert!(hex.starts_with("b7 00 00 00 01 00 00 00\n"), "{hex}");
    folder.rbpf("asm p.s -o p.bin").success();
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    assert!(
        folder
            .rbpf("verify --raw p.bin")
            .success()
            .contains("accepted, 4 slots")
    );
    assert!(folder.rbpf("verify p.rbpf").success().contains("accepted"));
    let text = folder.rbpf("disasm --raw p.bin --conformance").success();
    assert_eq!(text, PROGRAM);
    let text = folder.rbpf("disasm p.rbpf").success();
    assert!(text.contains("    1: w3 = *(u8 *)(r1 + 0x1)"), "{text}");
    let report = folder.rbpf("run p.rbpf --hex 0005").success();
    assert!(
        report.contains("r0            6 (0x6)\ninstructions  4\n"),
        "{report}"
    );
    assert!(
        folder
            .rbpf("inspect p.rbpf")
            .success()
            .contains("verifier      accepted")
    );
}

#[test]
fn helpers_have_names() {
    let folder = Folder::new();
    folder.write("p.s", "call 0x20\nexit");
    folder.rbpf("asm p.s --image -o p.rbpf").success();
    assert!(
        folder
            .rbpf("disasm p.rbpf")
            .success()
            .contains("# bpf_now_ms")
    );
    let report = folder.rbpf("inspect p.rbpf").success();
    assert!(report.contains("helper        0x20 bpf_now_ms"), "{report}");
    assert!(report.contains("capabilities  time"), "{report}");
    let report = folder.rbpf("inspect p.rbpf --json").success();
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["helpers"][0]["name"], "bpf_now_ms");
    assert_eq!(report["capabilities"][0], "time");
}

#[test]
fn traces_show_registers_and_memory() {
    let folder = Folder::new();
    folder.write(
        "p.s",
        "stw [%r10-4], 0x1234\nldxh %r0, [%r10-4]\nlddw %r2, 0x100000000\nexit",
    );
    folder.rbpf("asm p.s -o p.bin").success();
    let run = folder.rbpf("run --raw p.bin --trace");
    assert!(
        run.stderr.contains("[0x010001fc; 4] write 0x1234"),
        "{run:#?}"
    );
    assert!(
        run.stderr
            .contains("[0x010001fc; 2] read 0x1234  r0=0x1234"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("r2=0x100000000"), "{run:#?}");
    assert_eq!(run.stderr.lines().count(), 4);
    run.success();
}

#[test]
fn faults_say_where() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nldxw %r0, [%r1+4]\nexit");
    folder.rbpf("asm p.s -o p.bin").success();
    folder.rbpf("run --raw p.bin --hex 0102030405").refused(&[
        "fault at slot 1, address 0x2000004",
        "InvalidRead",
        "1: w0 = *(u32 *)(r1 + 0x4)",
    ]);
    let run = folder.rbpf("run --raw p.bin --json");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["fault"]["kind"], "InvalidRead");
    assert_eq!(report["fault"]["slot"], 1);
    run.refused(&["InvalidRead"]);

    folder.write("loop.s", "ja -1\nexit");
    folder.rbpf("asm loop.s -o loop.bin").success();
    folder
        .rbpf("run --raw loop.bin --budget 1000")
        .refused(&["BudgetExhausted", "--budget"]);
    let traced = folder.rbpf("run --raw p.bin --trace");
    assert!(
        traced.stderr.contains("[0x00000004; 4] refused"),
        "{traced:#?}"
    );
}

#[test]
fn rejections_say_where() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nja +5\nexit");
    folder.rbpf("asm p.s -o p.bin").success();
    let wanted = [
        "p.bin",
        "rejected at slot 1",
        "JumpOutOfText",
        "1: goto +0x5",
    ];
    folder.rbpf("verify --raw p.bin").refused(&wanted);
    folder.rbpf("run --raw p.bin").refused(&wanted);
    folder
        .rbpf("asm p.s --image -o p.rbpf")
        .refused(&["p.s", "slot 1"]);
}

#[test]
fn sources_with_mistakes() {
    let folder = Folder::new();
    folder.write("p.s", "mov %r0, 0\nmovv %r0, 1\nexit");
    folder.rbpf("asm p.s").refused(&["p.s:2: ", "movv"]);
    folder.write("empty.s", "# nothing\n");
    folder.rbpf("asm empty.s").refused(&["no instruction"]);
    folder.write("binary.s", [0xff, 0xfe]);
    folder.rbpf("asm binary.s").refused(&["not text"]);
}

#[test]
fn files_of_the_wrong_kind() {
    let folder = Folder::new();
    folder.write("empty", "");
    folder.write("text", "hello");
    folder.write("source.c", "int x;");
    folder.write("odd.bin", [0; 9]);
    folder.write("fake.o", b"\x7fELF");
    // The header of an object for x86-64.
    let header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01";
    folder.write("host.o", header);
    folder.write("header.rbpf", b"rBPF");
    for command in ["inspect", "verify", "run", "disasm"] {
        let refused = |file: &str, wanted: &str| {
            folder.rbpf(&format!("{command} {file}")).refused(&[wanted]);
        };
        refused("missing", "missing: cannot be opened");
        refused(".", "is a directory");
        refused("empty", "is empty");
        refused("text", "--raw");
        refused("source.c", "rbpf build");
        refused("fake.o", "fake.o: damaged ELF");
        refused("header.rbpf", "damaged image");
        refused("host.o", "not for BPF");
    }
    folder.rbpf("verify --raw odd.bin").refused(&["9 bytes"]);
    folder
        .rbpf("build text -o x.rbpf")
        .refused(&["neither a C source"]);
    folder
        .rbpf("build empty -o x.rbpf")
        .refused(&["neither a C source"]);
    folder
        .rbpf("build . -o x.rbpf")
        .refused(&["is a directory"]);
    folder
        .rbpf("build fake.o -o x.rbpf")
        .refused(&["damaged ELF"]);
    folder
        .rbpf("build header.rbpf -o x.rbpf")
        .refused(&["neither a C source"]);
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("p.s", PROGRAM);
    folder
        .rbpf("asm p.s -o no/such/folder/p.bin")
        .refused(&["cannot be written"]);
    folder.rbpf("asm p.s -o .").refused(&["cannot be written"]);
}

#[test]
fn devices_need_a_description() {
    let folder = Folder::new();
    folder
        .rbpf("device --config missing.toml")
        .refused(&["missing.toml"]);
    folder.write("wrong.toml", "nonsense = ");
    folder
        .rbpf("device --config wrong.toml")
        .refused(&["wrong.toml"]);
}

#[test]
fn usage_errors_have_their_own_code() {
    let folder = Folder::new();
    for arguments in [
        "",
        "nonsense",
        "run",
        "run x --engine nonsense",
        "build x.c",
        "asm x --image",
    ] {
        assert_eq!(folder.rbpf(arguments).code, Some(2), "{arguments}");
    }
}

#[test]
fn help_is_as_recorded() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
