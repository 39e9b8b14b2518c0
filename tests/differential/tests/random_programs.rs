// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter computes what others compute.
//!
//! `PROPTEST_CASES` sets how many programs each comparison takes. A program
//! that shows a difference is saved under `target/differential`.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rbpf_differential::oracle::{Model, Ours, Rbpf, Solana};
use rbpf_differential::program::listing;
use rbpf_differential::{MEMORY, Observation, Oracle, Program};
use rbpf_isa::{Slot, VARIANTS, assemble, disassemble};

/// Programs for each comparison, unless the environment says otherwise.
const CASES: u32 = 2000;

/// A run's result and what it left in memory, or why there is none.
type Outcome = Result<(Observation, Vec<u8>), String>;

fn run(oracle: &dyn Oracle, text: &[Slot]) -> Outcome {
    let mut memory: Vec<u8> = (0..MEMORY).map(|n| (n * 167) as u8).collect();
    let result = catch_unwind(AssertUnwindSafe(|| oracle.run(text, &mut memory)))
        .unwrap_or_else(|_| Err("panicked".to_owned()));
    result.map(|observation| (observation, memory))
}

/// Whether two outcomes are alike. Nobody may refuse a program.
fn agree(ours: &Outcome, other: &Outcome) -> bool {
    let (Ok((ours, our_memory)), Ok((other, other_memory))) = (ours, other) else {
        return false;
    };
    let counts = ours.instructions.zip(other.instructions);
    ours.value == other.value
        && our_memory == other_memory
        && counts.is_none_or(|(ours, other)| ours == other)
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Ok((observation, memory)) => {
            let Observation {
                value,
                instructions,
            } = observation;
            format!("r0 {value:#x}, {instructions:?} instructions, memory {memory:02x?}")
        }
        Err(error) => error.clone(),
    }
}

fn compare(rival: &dyn Oracle) {
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let result = TestRunner::new(config).run(&Program::any(), |program| {
        let text = program.text(rival.divergences());
        let (ours, other) = (run(&Ours, &text), run(rival, &text));
        if agree(&ours, &other) {
            return Ok(());
        }
        let report = format!(
            "# ours: {}\n# {}: {}\n{}",
            describe(&ours),
            rival.name(),
            describe(&other),
            listing(&text)
        );
        // The last one saved is the smallest.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/differential");
        let path = folder.join(format!("{}.s", rival.name()));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(path, &report))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        Err(TestCaseError::fail(format!("they differ:\n{report}")))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn model_agrees() {
    compare(&Model);
}

#[test]
fn rbpf_agrees() {
    compare(&Rbpf);
}

#[test]
fn solana_agrees() {
    compare(&Solana);
}

/// Programs are made of every instruction there is, but for calls of helpers,
/// which no two oracles have in common.
#[test]
fn every_instruction_is_generated() {
    let mut missing: BTreeSet<&str> = VARIANTS.iter().map(|row| row.mnemonic).collect();
    missing.remove("call");
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let program = Program::any().new_tree(&mut runner).expect("a program");
        for line in disassemble(&program.current().text(&[])) {
            if let Some(row) = line.variant() {
                missing.remove(row.mnemonic);
            }
        }
    }
    assert!(missing.is_empty(), "never generated: {missing:?}");
}

/// Every exception that is made for a rival is still needed, and the rival is
/// wrong there, not we.
#[test]
fn divergences_are_real() {
    let rivals: [&dyn Oracle; 2] = [&Rbpf, &Solana];
    for rival in rivals {
        for divergence in rival.divergences() {
            let text = assemble(divergence.example)
                .unwrap_or_else(|error| panic!("{}: {error:?}", divergence.reason));
            assert!(
                text.iter().any(|slot| (divergence.concerns)(*slot)),
                "{}: the example does not concern it",
                divergence.reason
            );
            let ours = run(&Ours, &text);
            assert!(
                agree(&ours, &run(&Model, &text)),
                "{}: ours and the model differ",
                divergence.reason
            );
            assert!(
                !agree(&ours, &run(rival, &text)),
                "{} agrees by now: {}",
                rival.name(),
                divergence.reason
            );
        }
    }
}
