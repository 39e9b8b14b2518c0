// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed files are what the generator writes; `UPDATE=1` writes them.

use std::path::Path;

#[test]
fn committed_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (path, contents) in rbpf_sdk::generate::files() {
        let file = root.join(path);
        if update {
            std::fs::create_dir_all(file.parent().expect("the path has a folder"))
                .and_then(|()| std::fs::write(&file, contents))
                .unwrap_or_else(|error| panic!("{path}: {error}"));
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(&contents) {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "run `UPDATE=1 cargo test -p rbpf-sdk`: {stale:?}"
    );
}

#[test]
fn every_header_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut found = Vec::new();
    for part in ["bpf/bpfapi", "rbpf"] {
        for entry in std::fs::read_dir(folder.join(part)).expect("the folder is there") {
            let name = entry.expect("it can be read").file_name();
            found.push(format!("{part}/{}", name.to_str().expect("a plain name")));
        }
    }
    found.sort();
    assert!(
        rbpf_sdk::HEADERS
            .iter()
            .map(|(path, _)| *path)
            .eq(found.iter().map(String::as_str))
    );
}
