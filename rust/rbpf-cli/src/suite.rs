// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests as data: the files of the public suite bpf_conformance, and our own
//! in the same format.
//!
//! A file is a list of sections. A section begins with a line `-- name`;
//! what stands before the first is a comment, and so is what follows `#` in a
//! line. Sections of the suite:
//!
//! | section | what |
//! |---|---|
//! | `asm` | the program, in the assembler's syntax |
//! | `raw` | the program, as bytes in hexadecimal, or as 64-bit numbers that begin with `0x`; beside `asm`, what that is to become |
//! | `mem` | memory for the program, in hexadecimal; r1 and r2 are its address and length |
//! | `result` | what it returns |
//! | `error` | it is rejected, for whatever reason |
//! | `c`, `no register offset` | ignored |
//!
//! Our own:
//!
//! | section | what |
//! |---|---|
//! | `verify-error NAME [slot]` | the verifier rejects it: the rule, the slot |
//! | `fault NAME [slot [address]]` | it ends in this fault |
//! | `instructions N` | it executes so many instructions |
//! | `budget N` | it may execute so many; 1,000,000 if not said |
//!
//! Arguments stand behind the name or in the lines below. Anything else is an
//! error, so that a misspelt test does not pass by doing nothing.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, FaultKind, Functions, HelperCall, HelperGrant, HelperPolicy, Host, Machine, MemoryMap,
    Outcome, Program, Rights, VerifyErrorKind, region,
};

use crate::container::{hex, slots};

/// The frame of every function, in bytes.
pub const FRAME: u16 = 512;
/// The stack, in bytes.
pub const STACK: usize = 4096;
const DEFAULT_BUDGET: u32 = 1_000_000;

/// What a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This result.
    Value(u64),
    /// The verifier or the assembler rejects it.
    Rejected,
    /// The verifier rejects it, for this reason, at this slot.
    VerifyError(VerifyErrorKind, Option<u32>),
    /// This fault, at this slot, with this address.
    Fault(FaultKind, Option<u32>, Option<u64>),
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

    /// Runs the test.
    ///
    /// # Errors
    ///
    /// What is different from what it expects.
    pub fn run(&self, engine: &mut dyn Engine) -> Result<()> {
        let text = match (&self.program, self.expected) {
            (Err(_), Expected::Rejected) => return Ok(()),
            (Err(error), _) => bail!("cannot be assembled: {error}"),
            (Ok(text), _) => text,
        };
        let mut memory = self.memory.clone();
        let run = Run::new(text, &mut memory, self.budget).execute(engine);
        match (run, self.expected) {
            (Err(_), Expected::Rejected) => Ok(()),
            (Err(error), Expected::VerifyError(kind, pc)) => {
                ensure!(
                    error.kind == kind && pc.is_none_or(|pc| pc == error.pc),
                    "rejected at slot {}: {}",
                    error.pc,
                    error.kind.name()
                );
                Ok(())
            }
            (Err(error), _) => bail!("rejected at slot {}: {}", error.pc, error.kind.name()),
            (Ok(end), expected) => self.judge(&end, expected),
        }
    }

    fn judge(&self, end: &End, expected: Expected) -> Result<()> {
        match (&end.outcome, expected) {
            (Ok(value), Expected::Value(wanted)) => {
                ensure!(*value == wanted, "returned {value:#x}, not {wanted:#x}");
            }
            (Err(fault), Expected::Fault(kind, pc, address)) => {
                let as_wanted = fault.kind == kind
                    && pc.is_none_or(|pc| pc == fault.pc)
                    && address.is_none_or(|address| address == fault.address);
                ensure!(as_wanted, "{}", describe(fault));
            }
            (Ok(value), _) => bail!("returned {value:#x}"),
            (Err(fault), _) => bail!("{}", describe(fault)),
        }
        if let Some(wanted) = self.instructions {
            let executed = end.instructions;
            ensure!(executed == wanted, "{executed} instructions, not {wanted}");
        }
        Ok(())
    }
}

fn describe(fault: &rbpf_vm::Fault) -> String {
    let name = fault.kind.name();
    format!(
        "fault {name} at slot {}, address {:#x}",
        fault.pc, fault.address
    )
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

/// How a run of raw bytecode ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// r0, or the fault; a used up budget is [`FaultKind::BudgetExhausted`].
    pub outcome: Result<u64, rbpf_vm::Fault>,
    /// Instructions executed.
    pub instructions: u32,
}

/// A run of raw bytecode, as the suite wants it: r1 and r2 say where the
/// memory is, and the helpers are those of its tests.
#[derive(Debug)]
pub struct Run<'a> {
    text: &'a [Slot],
    memory: &'a mut [u8],
    budget: u32,
}

impl<'a> Run<'a> {
    /// A run with memory, which may be empty, and a budget.
    pub fn new(text: &'a [Slot], memory: &'a mut [u8], budget: u32) -> Self {
        Self {
            text,
            memory,
            budget,
        }
    }

    /// Verifies the program and runs it.
    ///
    /// # Errors
    ///
    /// What the verifier says.
    pub fn execute(self, engine: &mut dyn Engine) -> Result<End, rbpf_vm::VerifyError> {
        let functions = Functions::Unlisted { frame: FRAME };
        let program = Program::verify(self.text, functions, &TestHelpers)?;
        let mut stack = vec![0; STACK];
        let mut map = MemoryMap::new(&mut stack);
        let mut arguments = [0; 5];
        if !self.memory.is_empty() {
            arguments[0] = region::address(region::CONTEXT);
            arguments[1] = self.memory.len() as u64;
            // Memory from a command line is far below 16 MiB; if not, the
            // program finds nothing there.
            let _ = map.map_mut(region::CONTEXT, self.memory, Rights::ReadWrite);
        }
        let mut machine = Machine::new(&program, arguments);
        machine.add_budget(self.budget);
        let outcome = match engine.run(&program, &mut machine, &mut map, &mut TestHelpers) {
            Outcome::Returned(value) => Ok(value),
            Outcome::Fault(fault) => Err(fault),
            Outcome::OutOfBudget => Err(rbpf_vm::Fault {
                kind: FaultKind::BudgetExhausted,
                pc: machine.pc(),
                address: 0,
            }),
        };
        Ok(End {
            outcome,
            instructions: machine.instructions(),
        })
    }
}

/// The helpers that the suite's programs call, with ids that are its own.
#[derive(Clone, Copy, Debug)]
pub struct TestHelpers;

impl HelperPolicy for TestHelpers {
    fn grant(&self, helper: u32) -> HelperGrant {
        match helper {
            0..=5 => HelperGrant::Granted,
            _ => HelperGrant::Unknown,
        }
    }
}

impl Host for TestHelpers {
    fn call(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let [a, b, c, d, e] = call.arguments;
        match call.id {
            // Five bytes as one number.
            0 => Ok([a, b, c, d, e]
                .iter()
                .fold(0, |all, byte| all << 8 | (byte & 0xff))),
            // Turns bits of each byte of a memory, there and back.
            1 => {
                call.address = a;
                memory.write(a, b)?.iter_mut().for_each(|byte| *byte ^= 42);
                Ok(0)
            }
            2 => Ok(0),
            3 => Ok(a.isqrt()),
            // Compares two strings.
            4 => {
                let string = |address| {
                    let rest = memory.readable_from(address)?;
                    let end = rest.iter().position(|byte| *byte == 0);
                    rest.get(..end.unwrap_or(rest.len()))
                        .ok_or(FaultKind::UnterminatedString)
                };
                Ok(u64::from(string(a)? != string(b)?))
            }
            // The suite's runner for uBPF ends a run here if the argument is 0.
            5 => Ok(a),
            _ => Err(FaultKind::UnknownHelper),
        }
    }
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
