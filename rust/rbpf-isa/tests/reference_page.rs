// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed reference page is the one that the table gives.

use std::path::Path;
use std::{env, fs};

#[test]
fn the_committed_page_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/doc/isa.md");
    let page = rbpf_isa::reference_page();
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // Not `assert_eq`, which would print both pages.
    assert!(
        committed == page,
        "dist/doc/isa.md is not what the table gives; renew it with \
         `UPDATE=1 cargo test -p rbpf-isa --features text`"
    );
}
