// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs tests that are data, on every engine: those of the repository, in
//! `tests/data`, and those of the public suite bpf_conformance, which are not
//! part of it. The latter are looked for in `shared/conformance` beside the
//! repository, or in the folder that the environment variable
//! `RBPF_CONFORMANCE` names.

mod common;

use std::path::{Path, PathBuf};

use common::skipped;
use rbpf_cli::engines;
use rbpf_suite::{Test, data_files};
use rbpf_vm::{Engine, Observed, Observer};

/// The one program of the public suite that is to be rejected: it calls
/// through a register.
const INDIRECT_CALL: &str = "callx.data";

struct Nobody;

impl Observer for Nobody {
    fn step(&mut self, _: u32, _: &[u64; 11]) {}
}

/// Runs every file on every engine, and panics with all that failed.
fn run_all(folder: &Path, least: usize) {
    let files = data_files(folder).expect("the folder can be read");
    let mut failures = Vec::new();
    let mut nobody = Nobody;
    let mut observed = Observed(&mut nobody);
    let mut named: Vec<(&str, Box<dyn Engine>)> = engines::NAMES
        .iter()
        .map(|name| (*name, engines::by_name(name).expect("the list is right")))
        .collect();
    let mut engines: Vec<(&str, &mut dyn Engine)> = vec![("observed", &mut observed)];
    for (name, engine) in &mut named {
        engines.push((name, &mut **engine));
    }

    for file in &files {
        let name = file.strip_prefix(folder).unwrap_or(file).display();
        if file.file_name().is_some_and(|name| name == INDIRECT_CALL) {
            skipped(&format!(
                "{name}: calls through a register are not supported"
            ));
            continue;
        }
        let text = std::fs::read_to_string(file).expect("the file can be read");
        match Test::parse(&text) {
            Err(error) => failures.push(format!("{name}: {error:#}")),
            Ok(test) => {
                for (engine_name, engine) in &mut engines {
                    if let Err(error) = test.run(*engine) {
                        failures.push(format!("{name} ({engine_name}): {error:#}"));
                    }
                }
            }
        }
    }
    let list = failures.join("\n");
    assert!(failures.is_empty(), "{} failed:\n{list}", failures.len());
    let (found, folder) = (files.len(), folder.display());
    assert!(found >= least, "only {found} files in {folder}");
}

#[test]
fn our_own() {
    run_all(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data"),
        150,
    );
}

#[test]
fn the_public_suite() {
    let variable = std::env::var_os("RBPF_CONFORMANCE").filter(|folder| !folder.is_empty());
    let folder = match &variable {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    if variable.is_none() && !folder.is_dir() {
        skipped(
            "the public suite bpf_conformance is not there; \
             RBPF_CONFORMANCE=<folder with .data files> runs it",
        );
        return;
    }
    run_all(&folder, 1);
}
