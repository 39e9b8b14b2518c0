// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers and the example containers, as clang sees them.
//!
//! Needs clang 18 or later: `clang-19`, or what `RBPF_CLANG` names.

use core::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rbpf_abi::context::{
    AnswerContext, ChangeContext, CoapContext, CoapPacket, GpioContext, PacketContext, Phydat,
    SaulContext, SchedContext, TimerContext, WordsContext,
};
use rbpf_sdk::{CLANG_FLAGS, HEADERS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn clang(source: &Path, cpu: Option<&str>, arguments: &[String]) -> Output {
    let clang = std::env::var("RBPF_CLANG").unwrap_or_else(|_| "clang-19".into());
    Command::new(&clang)
        .args(CLANG_FLAGS)
        .args(cpu)
        .args(["-Wall", "-Wextra", "-Werror", "-S", "-o", "-", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .args(arguments)
        .arg(source)
        .output()
        .unwrap_or_else(|error| panic!("{clang}: {error}; set RBPF_CLANG"))
}

/// The assembler text of a source that must compile without a warning.
fn compile(source: &Path, cpu: Option<&str>, arguments: &[String]) -> String {
    let output = clang(source, cpu, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{errors}", source.display());
    String::from_utf8(output.stdout).expect("assembler text")
}

fn test_source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/c")
        .join(name)
}

#[test]
fn a_source_of_the_prototype_compiles() {
    let text = compile(&test_source("prototype.c"), None, &[]);
    for id in [0x30, 0x32, 0x01, 0x40, 0x42, 0x41, 0x43, 0x50] {
        assert!(
            text.contains(&format!("call {id}\n")),
            "helper {id:#x}:\n{text}"
        );
    }
    assert!(!text.contains("callx"), "{text}");
}

#[test]
fn examples_compile_for_every_cpu() {
    let folder = root().join("examples/containers");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        count += 1;
        assert!(
            !compile(&path, None, &[]).contains("callx"),
            "{}",
            path.display()
        );
    }
    assert!(count >= 4, "{count} examples");
    // Signed division came with v4; the others do without.
    for name in ["coap_sensor.c", "counter.c", "fletcher32.c", "sampler.c"] {
        let path = root().join("examples/containers").join(name);
        for cpu in ["-mcpu=v1", "-mcpu=v2", "-mcpu=v3"] {
            assert!(
                !compile(&path, Some(cpu), &[]).contains("callx"),
                "{name} {cpu}"
            );
        }
    }
}

#[test]
fn layouts_agree() {
    let values = [
        ("SIZE_CONTEXT", size_of::<CoapContext>()),
        ("OFFSET_BUFFER", offset_of!(CoapContext, buffer)),
        ("OFFSET_BUFFER_LEN", offset_of!(CoapContext, buffer_len)),
        ("SIZE_PACKET", size_of::<CoapPacket>()),
        ("OFFSET_TOKEN", offset_of!(CoapPacket, token)),
        ("OFFSET_PAYLOAD", offset_of!(CoapPacket, payload)),
        ("OFFSET_PAYLOAD_LEN", offset_of!(CoapPacket, payload_len)),
        ("OFFSET_OPTIONS_LEN", offset_of!(CoapPacket, options_len)),
        ("SIZE_WORDS", size_of::<WordsContext>()),
        ("OFFSET_WORDS", offset_of!(WordsContext, words)),
        ("SIZE_CHANGE", size_of::<ChangeContext>()),
        ("OFFSET_VALUE", offset_of!(ChangeContext, value)),
        ("SIZE_GPIO", size_of::<GpioContext>()),
        ("OFFSET_LEVEL", offset_of!(GpioContext, level)),
        ("SIZE_SAUL", size_of::<SaulContext>()),
        ("OFFSET_DIMENSIONS", offset_of!(SaulContext, dimensions)),
        ("OFFSET_SAUL_VALUE", offset_of!(SaulContext, value)),
        ("SIZE_SCHED", size_of::<SchedContext>()),
        ("OFFSET_TO", offset_of!(SchedContext, to)),
        ("OFFSET_LOST", offset_of!(SchedContext, lost)),
        ("OFFSET_TIME", offset_of!(SchedContext, time_us)),
        ("SIZE_TIMER", size_of::<TimerContext>()),
        ("OFFSET_PERIOD", offset_of!(TimerContext, period_ms)),
        ("OFFSET_MISSED", offset_of!(TimerContext, missed)),
        ("SIZE_PACKET_CONTEXT", size_of::<PacketContext>()),
        ("OFFSET_LENGTH", offset_of!(PacketContext, length)),
        ("OFFSET_AVAILABLE", offset_of!(PacketContext, available)),
        ("OFFSET_INTERFACE", offset_of!(PacketContext, interface)),
        ("OFFSET_DIRECTION", offset_of!(PacketContext, direction)),
        ("OFFSET_TYPE", offset_of!(PacketContext, kind)),
        ("SIZE_ANSWER", size_of::<AnswerContext>()),
        ("OFFSET_ANSWER_LENGTH", offset_of!(AnswerContext, length)),
        ("OFFSET_REQUEST", offset_of!(AnswerContext, request)),
        ("OFFSET_CODE", offset_of!(AnswerContext, code)),
        ("OFFSET_TRUNCATED", offset_of!(AnswerContext, truncated)),
        ("SIZE_PHYDAT", size_of::<Phydat>()),
        ("OFFSET_UNIT", offset_of!(Phydat, unit)),
        ("OFFSET_SCALE", offset_of!(Phydat, scale)),
    ];
    let macros: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("-D{name}={value}"))
        .collect();
    compile(&test_source("layout.c"), None, &macros);
}

#[test]
fn printf_takes_up_to_four_arguments() {
    let text = compile(&test_source("printf.c"), None, &[]);
    assert_eq!(text.matches("call 1\n").count(), 5, "{text}");
    for wrong in ["-DFIVE", "-DMISMATCH"] {
        let output = clang(&test_source("printf.c"), None, &[wrong.into()]);
        assert!(!output.status.success(), "{wrong} compiles");
    }
}

#[test]
fn every_header_stands_alone() {
    for (path, _) in HEADERS {
        let header = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("include")
            .join(path);
        // A source that includes it is not told of what it leaves unused.
        let arguments = [
            "-x",
            "c",
            "-Wno-unused-const-variable",
            "-Wno-unused-function",
        ];
        compile(&header, None, &arguments.map(String::from));
    }
}
