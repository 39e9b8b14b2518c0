// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading tests from files, and running them on a workstation.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rbpf_isa::Slot;
use rbpf_vm::{Engine, FaultKind, VerifyErrorKind};

use crate::bytes::{hex, slots};
use crate::{Case, Expected, STACK};

const DEFAULT_BUDGET: u32 = 1_000_000;

/// All `.data` files in a folder and those below it, in order.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn data_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "data") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A test file.
#[derive(Clone, Debug)]
pub struct Test {
    /// The program; an error if it could not be assembled.
    pub program: Result<Vec<Slot>, String>,
    /// The memory, which may be empty.
    pub memory: Vec<u8>,
    /// What should happen.
    pub expected: Expected,
    /// Instructions that it should take.
    pub instructions: Option<u32>,
    /// Instructions that it may take.
    pub budget: u32,
}

impl Test {
    /// Reads a test from the text of its file.
    ///
    /// # Errors
    ///
    /// If a section is unknown, missing, there twice, or damaged.
    pub fn parse(text: &str) -> Result<Self> {
        let mut program = None;
        let mut raw = None;
        let mut memory = None;
        let mut expected = None;
        let mut instructions = None;
        let mut budget = None;
        for (name, body) in sections(text) {
            let (name, arguments) = match name {
                "no register offset" => ("c", ""),
                _ => name.split_once(' ').unwrap_or((name, "")),
            };
            let words: Vec<&str> = arguments.split_whitespace().chain(words(&body)).collect();
            let one = || match words[..] {
                [word] => number(word),
                _ => bail!("section `{name}` takes one number"),
            };
            match name {
                "asm" => {
                    let slots = rbpf_isa::assemble(&body).map_err(|error| error.to_string());
                    set(name, &mut program, slots)?;
                }
                "raw" => set(name, &mut raw, raw_slots(&words)?)?,
                "mem" => {
                    let bytes = hex(&words.concat()).context("section `mem`")?;
                    set(name, &mut memory, bytes)?;
                }
                "result" => set(name, &mut expected, Expected::Value(one()?))?,
                "error" => set(name, &mut expected, Expected::Rejected)?,
                "verify-error" => set(name, &mut expected, verify_error(&words)?)?,
                "fault" => set(name, &mut expected, fault(&words)?)?,
                "instructions" => set(name, &mut instructions, one()? as u32)?,
                "budget" => set(name, &mut budget, one()? as u32)?,
                "c" => {}
                _ => bail!("unknown section `{name}`"),
            }
        }
        if let (Some(Ok(program)), Some(raw)) = (&program, &raw) {
            ensure!(program == raw, "`asm` does not become `raw`");
        }
        Ok(Self {
            program: program
                .or(raw.map(Ok))
                .context("no section `asm` or `raw`")?,
            memory: memory.unwrap_or_default(),
            expected: expected.context("no expectation, such as a section `result`")?,
            instructions,
            budget: budget.unwrap_or(DEFAULT_BUDGET),
        })
    }

    /// What there is to run; `None` if the assembler rejects the program, as
    /// the test expects, which is all that there is to it.
    ///
    /// # Errors
    ///
    /// If the assembler rejects a program that it should not.
    pub fn case(&self) -> Result<Option<Case<'_>>> {
        match (&self.program, self.expected) {
            (Err(_), Expected::Rejected) => Ok(None),
            (Err(error), _) => bail!("cannot be assembled: {error}"),
            (Ok(program), expected) => Ok(Some(Case {
                program,
                memory: &self.memory,
                expected,
                instructions: self.instructions,
                budget: self.budget,
            })),
        }
    }

    /// Runs the test.
    ///
    /// # Errors
    ///
    /// What is different from what it expects.
    pub fn run(&self, engine: &mut dyn Engine) -> Result<()> {
        if let Some(case) = self.case()? {
            let mut memory = vec![0; case.memory.len()];
            case.run(engine, &mut [0; STACK], &mut memory)?;
        }
        Ok(())
    }
}

/// Splits a file into the names of sections and their lines, without
/// comments.
fn sections(text: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("-- ") {
            sections.push((name.trim(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line.split_once('#').map_or(line, |(before, _)| before));
            body.push('\n');
        }
    }
    sections
}

fn words(body: &str) -> impl Iterator<Item = &str> {
    body.split_whitespace()
}

fn set<T>(name: &str, place: &mut Option<T>, value: T) -> Result<()> {
    ensure!(
        place.is_none(),
        "section `{name}`, or one in its place, is there twice"
    );
    *place = Some(value);
    Ok(())
}

fn raw_slots(words: &[&str]) -> Result<Vec<Slot>> {
    if words.iter().any(|word| word.starts_with("0x")) {
        let slot = |word: &&str| Ok(Slot::from_bits(number(word)?));
        return words.iter().map(slot).collect();
    }
    slots(&hex(&words.concat()).context("section `raw`")?)
}

fn number(word: &str) -> Result<u64> {
    let value = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    value.map_err(|_| anyhow!("`{word}` is no number"))
}

fn small(word: &str) -> Result<u32> {
    u32::try_from(number(word)?).with_context(|| format!("`{word}` is no slot"))
}

fn verify_error(words: &[&str]) -> Result<Expected> {
    let (name, pc) = match *words {
        [name] => (name, None),
        [name, pc] => (name, Some(small(pc)?)),
        _ => bail!("section `verify-error` takes a name and a slot"),
    };
    let kind = VerifyErrorKind::ALL.iter().find(|kind| kind.name() == name);
    let kind = kind.with_context(|| format!("the verifier has no error `{name}`"))?;
    Ok(Expected::VerifyError(*kind, pc))
}

fn fault(words: &[&str]) -> Result<Expected> {
    let (name, pc, address) = match *words {
        [name] => (name, None, None),
        [name, pc] => (name, Some(small(pc)?), None),
        [name, pc, address] => (name, Some(small(pc)?), Some(number(address)?)),
        _ => bail!("section `fault` takes a name, a slot and an address"),
    };
    let kind = FaultKind::ALL.iter().find(|kind| kind.name() == name);
    let kind = kind.with_context(|| format!("there is no fault `{name}`"))?;
    Ok(Expected::Fault(*kind, pc, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_errors() {
        for (text, wrong) in [
            ("-- result\n1\n", "no section `asm`"),
            ("-- asm\nexit\n", "no expectation"),
            ("-- asm\nexit\n-- resutl\n1\n", "unknown section"),
            ("-- asm\nexit\n-- result\n1\n-- result\n1\n", "twice"),
            ("-- asm\nexit\n-- result\n0xg\n", "no number"),
            ("-- asm\nexit\n-- fault Nonsense\n", "no fault"),
            ("-- asm\nexit\n-- verify-error Nonsense\n", "no error"),
            ("-- raw\n00 00\n-- error\n", "8-byte slots"),
            ("-- raw\n0\n-- error\n", "odd number"),
        ] {
            let error = Test::parse(text).expect_err(text).to_string();
            let chain = format!("{:#}", Test::parse(text).expect_err(text));
            assert!(
                error.contains(wrong) || chain.contains(wrong),
                "{text}: {chain}"
            );
        }
    }
}
