// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf build`: programs that are to work, on every revision of the
//! instruction set, and the sizes that were promised.

mod common;

use std::path::Path;

use common::{Folder, clang, done, rbpf, repository, source};

/// The length of a built image, in bytes.
fn build(folder: &Path, inputs: &[&Path], arguments: &[&str]) -> u64 {
    let image = folder.join("built.rbpf");
    done(
        rbpf()
            .arg("build")
            .args(inputs)
            .arg("-o")
            .arg(&image)
            .args(arguments),
    )
    .success();
    std::fs::metadata(&image).expect("it is written").len()
}

/// r0 of the image that was built last.
fn run(folder: &Path, hex: &str) -> u64 {
    let image = folder.join("built.rbpf");
    let report = done(rbpf().arg("run").arg(image).args(["--json", "--hex", hex])).success();
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["r0"].as_u64().expect("a number")
}

#[test]
fn sizes() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, most) in [("fletcher32.c", 456), ("coap_sensor.c", 296)] {
        let source = repository("examples/containers").join(name);
        let length = build(folder.path(), &[&source], &[]);
        assert!(length <= most, "{name}: {length} bytes, {most} allowed");
    }
}

#[test]
fn fletcher32_of_a_file() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = repository("examples/containers/fletcher32.c");
    build(folder.path(), &[&source], &[]);
    let words = folder.path().join("words.bin");
    std::fs::write(&words, b"abcdef").expect("it can be written");
    let image = folder.path().join("built.rbpf");
    let report = done(rbpf().arg("run").arg(image).arg("--words").arg(words)).success();
    // The checksum that Wikipedia gives for "abcdef".
    assert!(report.contains("0x56502d2a"), "{report}");
}

#[test]
fn every_revision_and_level() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    for mcpu in ["v1", "v2", "v3", "v4"] {
        for level in ["1", "2", "3", "s", "z"] {
            let arguments = ["--mcpu", mcpu, "-O", level, "--entry", "entry"];
            let what = format!("{mcpu} -O{level}");
            build(folder.path(), &[&source("data.c")], &arguments);
            // 60,000 of the list, a name's length, 5 zeroed, 1 common, and
            // the numbers with one of them replaced by 7.
            let base = 0x5_0000_0000 + 60_000 + 5 + 1;
            assert_eq!(
                run(folder.path(), "0000000000000000"),
                base + 300 + 12,
                "{what}"
            );
            assert_eq!(
                run(folder.path(), "0100000000000000"),
                base + 500 + 11,
                "{what}"
            );

            build(
                folder.path(),
                &[&source("first.c"), &source("second.c")],
                &arguments,
            );
            let (first, second, third) = (4, 9, 1);
            let sum: i32 = (0..24).map(|i| second + (i * 5 + second) % 24).sum();
            let expected = first * 3 + 101 + (sum - 101) + i32::from(b"same"[third]);
            let result = run(folder.path(), "040000000900000001000000");
            assert_eq!(result as i32, expected, "{what}");

            build(folder.path(), &[&source("recursion.c")], &arguments);
            assert_eq!(run(folder.path(), "07000000"), 13, "{what}");
        }
    }
}

#[test]
fn what_is_not_reached_is_left_out() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let image = folder.path().join("built.rbpf");
    let mut command = rbpf();
    command
        .arg("build")
        .args([source("first.c"), source("second.c")]);
    let report = done(
        command
            .arg("-o")
            .arg(&image)
            .args(["--entry", "entry", "--json"]),
    )
    .success();
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let functions = report["functions"].as_array().expect("a list");
    let names: Vec<_> = functions
        .iter()
        .map(|function| function["name"].as_str())
        .collect();
    assert_eq!(names[0], Some("entry"));
    assert!(!names.contains(&Some("unused")), "{names:?}");
    assert_eq!(report["rodata"], 5, "only the text");
    assert_eq!(report["data"], 4, "only the shared variable");
    let frames: Vec<_> = functions
        .iter()
        .map(|function| function["frame"].as_u64())
        .collect();
    assert!(
        frames.contains(&Some(0)),
        "a leaf needs no stack: {frames:?}"
    );
    assert!(
        !frames.contains(&Some(512)),
        "frames are those of the compiler: {frames:?}"
    );
}

#[test]
fn objects_are_inputs() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let objects = folder.path().join("objects");
    let keep = objects.to_str().expect("UTF-8");
    let arguments = ["--entry", "entry", "--keep-objects", keep];
    let from_source = build(
        folder.path(),
        &[&source("first.c"), &source("second.c")],
        &arguments,
    );
    let inputs = [objects.join("first.o"), objects.join("second.o")];
    let from_objects = build(
        folder.path(),
        &[&inputs[0], &inputs[1]],
        &["--entry", "entry"],
    );
    assert_eq!(from_source, from_objects);

    let mut command = rbpf();
    let text = done(command.arg("disasm").arg(&inputs[0])).success();
    assert!(text.contains("# entry"), "{text}");
    done(
        rbpf()
            .arg("verify")
            .arg(&inputs[0])
            .args(["--entry", "entry"]),
    )
    .refused(&["`shared` is not defined"]);
}

/// Compiles with flags that are not `rbpf build`'s, as others might.
fn plain_object(folder: &Path, source: &Path, flags: &[&str]) -> std::path::PathBuf {
    let object = folder.join("plain.o");
    let compiler = ["clang-19", "clang-20", "clang-21", "clang-18", "clang"]
        .into_iter()
        .find(|name| {
            std::process::Command::new(name)
                .arg("--version")
                .output()
                .is_ok()
        })
        .expect("there is a clang");
    let mut command = std::process::Command::new(compiler);
    command
        .args(["-target", "bpf", "-mcpu=v3", "-O2", "-c"])
        .args(flags);
    done(command.arg("-o").arg(&object).arg(source)).success();
    object
}

#[test]
fn objects_of_other_flags() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let entry = ["--entry", "entry"];
    for flags in [&[][..], &["-g"], &["-fcommon"], &["-ffunction-sections"]] {
        let object = plain_object(folder.path(), &source("data.c"), flags);
        build(folder.path(), &[&object], &entry);
        let result = run(folder.path(), "0000000000000000");
        assert_eq!(
            result,
            0x5_0000_0000 + 60_000 + 300 + 5 + 1 + 12,
            "{flags:?}"
        );
        let object = plain_object(folder.path(), &source("recursion.c"), flags);
        build(folder.path(), &[&object], &[]);
        assert_eq!(run(folder.path(), "07000000"), 13, "{flags:?}");
        // Frames are not known.
        let object = plain_object(folder.path(), &source("frames.c"), flags);
        build(folder.path(), &[&object], &[]);
        assert_eq!(run(folder.path(), "03000000"), 3 + 4 + 15 + 3, "{flags:?}");
    }
}

#[test]
fn assembler_of_clang() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let object = plain_object(folder.path(), &source("labels.s"), &[]);
    build(folder.path(), &[&object], &[]);
    assert_eq!(run(folder.path(), "00"), 0x1234 + 5);
}

/// Their ids are all that is known of them here.
#[test]
fn helpers_of_an_application() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let text = "static long (*twice)(long) = (void *)0x8000;\n\
                static long (*const last)(void) = (void *)0xffff;\n\
                long entry(void *c) { return twice(21) + last(); }\n";
    folder.write("p.c", text);
    for level in ["1", "2", "s"] {
        let build = format!("build p.c -o p.rbpf -O {level}");
        folder.rbpf(&build).success();
        let shown = folder.rbpf("inspect p.rbpf").success();
        assert!(shown.contains("application"), "{shown}");
        assert!(
            shown.contains("0x8000") && shown.contains("0xffff"),
            "{shown}"
        );
        folder.rbpf("verify p.rbpf").success();
        folder
            .rbpf("run p.rbpf")
            .refused(&["UnknownHelper", "of an application"]);
    }
    for id in ["0x7fff", "0x10000", "0x18000"] {
        folder.write("q.c", text.replace("0x8000", id));
        folder
            .rbpf("build q.c -o q.rbpf")
            .refused(&[id, "does not exist"]);
    }
}

/// Rights that no helper is called for are wanted by `RBPF_WANTS`, in any source.
#[test]
fn capabilities_that_sources_want() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let wants = |names: &str| format!("#include <rbpf/manifest.h>\nRBPF_WANTS({names});\n");
    let entry = "long entry(void *c) { return bpf_now_ms(); }\n";
    let first = wants("RBPF_CAPABILITY_KV_GLOBAL | RBPF_CAPABILITY_PACKET");
    folder.write("p.c", format!("#include <rbpf/helpers.h>\n{first}{entry}"));
    folder.write("q.c", wants("RBPF_CAPABILITY_LOG"));
    let shown = folder.rbpf("build p.c q.c -o p.rbpf").success();
    assert!(
        shown.contains("rodata 0, data 0,") && shown.contains("log, time, kv-global, packet"),
        "{shown}"
    );
    for (text, what) in [
        ("RBPF_WANTS(UINT32_C(1) << 31);", "no capability"),
        (
            "__attribute__((section(\".rbpf.wants\"), used)) static const char _odd[3] = { 1 };",
            "no capability",
        ),
    ] {
        folder.write("q.c", format!("#include <rbpf/manifest.h>\n{text}\n"));
        folder
            .rbpf("build p.c q.c -o q.rbpf")
            .refused(&["q.c", what]);
    }
}

/// The flag stands in the header, at offset 5.
#[test]
fn an_image_that_keeps_values() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let entry = "long entry(void *c) { return 1; }\n";
    for (text, flags) in [("", 0), ("RBPF_KEEP_VALUES;", 1)] {
        folder.write(
            "p.c",
            format!("#include <rbpf/manifest.h>\n{text}\n{entry}"),
        );
        folder.rbpf("build p.c -o p.rbpf").success();
        assert_eq!(folder.read("p.rbpf")[5], flags);
        let shown = folder.rbpf("inspect p.rbpf").success();
        assert_eq!(shown.contains("values        kept"), flags == 1, "{shown}");
        folder.rbpf("verify p.rbpf").success();
    }
    let text = "__attribute__((section(\".rbpf.flags\"), used)) static const char _odd = 2;";
    folder.write("p.c", format!("{text}\n{entry}"));
    folder
        .rbpf("build p.c -o p.rbpf")
        .refused(&["p.c", "no flag"]);
}

/// Who wins: the command line, then the source; two sources must agree.
#[test]
fn an_image_that_has_a_version() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    let source = |name: &str, text: &str, entry: &str| {
        folder.write(name, format!("#include <rbpf/manifest.h>\n{text}\n{entry}"));
    };
    let entry = "long entry(void *c) { return 1; }\n";
    source("none.c", "", entry);
    source("one.c", "RBPF_VERSION(7);", entry);
    source("more.c", "RBPF_VERSION(8);", "");
    source("same.c", "RBPF_VERSION(7);", "");
    for (arguments, version) in [
        ("none.c", None),
        ("one.c", Some(7)),
        ("one.c same.c", Some(7)),
        ("one.c --app-version 4294967295", Some(u32::MAX)),
        ("none.c --app-version 0", Some(0)),
    ] {
        let built = folder
            .rbpf(&format!("build {arguments} -o p.rbpf --json"))
            .success();
        let shown = folder.rbpf("inspect p.rbpf --json").success();
        for report in [built, shown] {
            let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
            assert_eq!(
                report["version"].as_u64(),
                version.map(u64::from),
                "{arguments}"
            );
        }
        folder.rbpf("verify p.rbpf").success();
        let image = folder.read("p.rbpf");
        assert_eq!(image[5], if version.is_some() { 2 } else { 0 });
    }
    for wrong in ["-1", "4294967296", "v1", ""] {
        let outcome = folder.rbpf(&format!("build none.c -o p.rbpf --app-version={wrong}"));
        assert_eq!(outcome.code, Some(2), "{wrong}: {outcome:?}");
    }
    folder.rbpf("build one.c more.c -o p.rbpf").refused(&[
        "more.c",
        "another version",
        "RBPF_VERSION",
    ]);
    let text = "__attribute__((section(\".rbpf.version\"), used)) static const char _odd = 2;";
    folder.write("odd.c", format!("{text}\n{entry}"));
    folder
        .rbpf("build odd.c -o p.rbpf")
        .refused(&["odd.c", "no 32-bit number"]);
}

#[test]
fn an_image_wants_what_it_is_told_to() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = folder.path().join("program.s");
    std::fs::write(&source, "call 0x20\nexit").expect("it can be written");
    let image = folder.path().join("program.rbpf");
    let asm = |list: &str| {
        let mut command = rbpf();
        command.args(["asm", "--image", "--want", list, "-o"]);
        done(command.arg(&image).arg(&source))
    };
    asm("packet,packet-drop").success();
    let report = done(rbpf().arg("inspect").arg(&image)).success();
    assert!(report.contains("time, packet, packet-drop"), "{report}");
    let refused = asm("packets");
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("`packets` is no capability; use some of log,")
    );
    if !clang() {
        return;
    }
    let source = repository("examples/containers/packet_filter.c");
    build(folder.path(), &[&source], &["--want", "packet,packet-drop"]);
    let image = folder.path().join("built.rbpf");
    let report = done(rbpf().arg("inspect").arg(image)).success();
    assert!(report.contains("kv-local, packet, packet-drop"), "{report}");
}
