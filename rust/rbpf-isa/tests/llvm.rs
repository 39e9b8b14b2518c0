// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our LLVM syntax is LLVM's, both ways, for every row of the table.
//!
//! Needs the tools of LLVM 19 (Debian: llvm-19); without them the tests
//! say so on standard error and pass.

mod common;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::{samples, skipped};
use rbpf_isa::{Form, Slot, Syntax, VARIANTS, Variant, disassemble};
use zerocopy::IntoBytes;

const ASSEMBLER: &str = "llvm-mc-19";
const DISASSEMBLER: &str = "llvm-objdump-19";
const COPIER: &str = "llvm-objcopy-19";

fn tools_are_missing() -> bool {
    let mut missing = false;
    for tool in [ASSEMBLER, DISASSEMBLER, COPIER] {
        if Command::new(tool).arg("--version").output().is_err() {
            skipped(&format!("no {tool}: LLVM's syntax was NOT compared"));
            missing = true;
        }
    }
    missing
}

/// Runs a tool to its end and gives what it printed.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let first: Vec<_> = errors.lines().take(20).collect();
    assert!(output.status.success(), "{tool}: {}", first.join("\n"));
    String::from_utf8(output.stdout).unwrap()
}

/// Assembles with LLVM; gives the path of the object file.
fn object(name: &str, source: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source_path = folder.join(format!("{name}.s"));
    let object_path = folder.join(format!("{name}.o"));
    fs::write(&source_path, source).unwrap();
    let object_path = object_path.to_str().unwrap().to_owned();
    let flags = ["-triple", "bpfel", "-mcpu=v4", "-filetype=obj", "-o"];
    let paths = [object_path.as_str(), source_path.to_str().unwrap()];
    run(ASSEMBLER, &[flags.as_slice(), &paths].concat());
    object_path
}

/// What LLVM cannot read back from its own text: the kind of a call, and
/// distances beyond 16 bits.
fn llvm_can_assemble(variant: &Variant, slot: Slot) -> bool {
    match variant.form {
        Form::Call => variant.value == 0,
        Form::LongJump => i16::try_from(slot.immediate).is_ok(),
        _ => true,
    }
}

#[test]
fn llvm_assembles_our_text_to_the_same_bytes() {
    if tools_are_missing() {
        return;
    }
    let mut program = Vec::new();
    for variant in VARIANTS {
        let samples = samples(variant).into_iter();
        let usable = samples.filter(|slots| llvm_can_assemble(variant, slots[0]));
        program.extend(usable.flatten());
    }

    let names = |_| Some("a_name_in_a_comment");
    let mut source = String::new();
    for line in disassemble(&program) {
        writeln!(source, "{}", line.text(Syntax::Llvm).with_names(&names)).unwrap();
    }
    let path = object("assembled", &source);
    let text_path = format!("{path}.text");
    let section = format!("--dump-section=.text={text_path}");
    run(COPIER, &[&section, &path]);
    let bytes = fs::read(text_path).unwrap();

    let expected = program.as_slice();
    for (index, (ours, theirs)) in expected.iter().zip(bytes.chunks(Slot::SIZE)).enumerate() {
        let line = disassemble(&expected[index..]).next().unwrap();
        assert_eq!(ours.as_bytes(), theirs, "{}", line.text(Syntax::Llvm));
    }
    assert_eq!(bytes.len(), expected.len() * Slot::SIZE);
}

#[test]
fn llvm_disassembles_to_our_text() {
    if tools_are_missing() {
        return;
    }
    let program: Vec<Slot> = VARIANTS.iter().flat_map(samples).flatten().collect();
    let mut source = String::new();
    for slot in &program {
        writeln!(source, ".quad {:#x}", slot.bits()).unwrap();
    }
    let path = object("disassembled", &source);
    let output = run(
        DISASSEMBLER,
        &["-d", "--mcpu=v4", "--no-show-raw-insn", &path],
    );

    // `  index:<tab>text <symbol+distance>`, behind a few lines of heading.
    let mut theirs = output.lines().filter_map(|line| {
        let (index, text) = line.split_once(":\t")?;
        let text = text.split_once(" <.text").map_or(text, |(text, _)| text);
        Some((index.trim().parse::<usize>().ok()?, text.to_owned()))
    });
    for line in disassemble(&program) {
        let ours = (line.index(), line.text(Syntax::Llvm).to_string());
        assert_eq!(Some(ours), theirs.next());
    }
    assert_eq!(theirs.next(), None);
}
