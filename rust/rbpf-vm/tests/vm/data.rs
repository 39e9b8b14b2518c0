// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files in `tests/data`, on the interpreter. `rbpf-cli` runs them on every
//! engine, and `tests/rbpf_vm` on boards.

use std::path::Path;

use rbpf_suite::{Test, data_files};
use rbpf_vm::Interpreter;

#[test]
fn every_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let files = data_files(&folder).expect("the folder can be read");
    let failures: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let text = std::fs::read_to_string(file).expect("the file can be read");
            let run = Test::parse(&text).and_then(|test| test.run(&mut Interpreter));
            Some(format!("{}: {:#}", file.display(), run.err()?))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(files.len() >= 150, "only {} files", files.len());
}
