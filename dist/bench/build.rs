// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the guest program for the machine itself, as the reference.

use std::env;
use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = root.join("examples/containers/fletcher32.c");
    println!("cargo::rerun-if-changed={}", source.display());
    cc::Build::new()
        .compiler("clang-19")
        .file(source)
        .include(root.join("rust/rbpf-sdk/include"))
        .opt_level(2)
        .compile("fletcher32");
}
