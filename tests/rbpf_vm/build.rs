// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns the files of `tests/data` into constants.
//!
//! Files are read, and programs assembled, by the code that does so on a
//! workstation, `rbpf_suite::Test`; a file that it does not understand stops
//! the build. What cannot run on a board is listed with its reason, so that
//! the firmware can say it: no file is dropped in silence. The programs are also
//! run here, so that the firmware can compare how many instructions they take
//! in all, also those whose files do not say it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use rbpf_suite::{Case, Expected, STACK, Test, data_files};
use rbpf_vm::Interpreter;

/// Relative to this file.
const DATA: &str = "../data";

/// Bytes of memory that a test may have, beside a stack of 4 KiB, so that the
/// smallest board (16 KiB of RAM) has room.
const MEMORY: usize = 2048;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={DATA}");
    let data = Path::new(DATA);
    let mut cases = String::new();
    let mut left_out = String::new();
    let mut instructions = 0;
    for file in data_files(data).context("tests/data")? {
        let name = file.strip_prefix(data)?.with_extension("");
        let name = name.display().to_string();
        let test = fs::read_to_string(&file).map_err(anyhow::Error::from);
        let test = test.and_then(|text| Test::parse(&text));
        let test = test.with_context(|| name.clone())?;
        match test.case().with_context(|| name.clone())? {
            None => writeln!(left_out, "({name:?}, \"only for the assembler\"),")?,
            Some(case) if case.memory.len() > MEMORY => {
                writeln!(left_out, "({name:?}, \"needs more memory\"),")?;
            }
            Some(case) => {
                writeln!(cases, "({name:?}, {}),", constant(&case))?;
                // If it fails, it will fail on the board, too, and be named.
                let run = case.run(&mut Interpreter, &mut [0; STACK], &mut [0; MEMORY]);
                instructions += u64::from(run.unwrap_or(0));
            }
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    fs::write(
        out.join("cases.rs"),
        format!(
            "/// The most memory that a test has, in bytes.\n\
             pub const MEMORY: usize = {MEMORY};\n\
             /// Instructions that they take on a workstation, without those that fail.\n\
             pub const INSTRUCTIONS: u64 = {instructions};\n\
             /// The tests, by name.\n\
             pub static CASES: &[(&str, Case<'static>)] = &[\n{cases}];\n\
             /// Tests that are not run here, and why.\n\
             pub static LEFT_OUT: &[(&str, &str)] = &[\n{left_out}];\n"
        ),
    )?;
    Ok(())
}

/// A test as an expression. Slots are written as slots, and so aligned as the
/// virtual machine wants them.
fn constant(case: &Case<'_>) -> String {
    let slots: Vec<String> = case
        .program
        .iter()
        .map(|slot| format!("Slot::from_bits({:#x})", slot.bits()))
        .collect();
    let expected = match case.expected {
        Expected::Value(value) => format!("Value({value:#x})"),
        Expected::Rejected => "Rejected".to_owned(),
        Expected::VerifyError(kind, pc) => {
            format!("VerifyError(VerifyErrorKind::{}, {pc:?})", kind.name())
        }
        Expected::Fault(kind, pc, address) => {
            format!("Fault(FaultKind::{}, {pc:?}, {address:?})", kind.name())
        }
    };
    format!(
        "Case {{ program: &[{}], memory: &{:?}, expected: Expected::{expected}, \
         instructions: {:?}, budget: {} }}",
        slots.join(", "),
        case.memory,
        case.instructions,
        case.budget,
    )
}
