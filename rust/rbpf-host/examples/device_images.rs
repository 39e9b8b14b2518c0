// SPDX-License-Identifier: MIT OR Apache-2.0
//! Assembles the containers of `tests/device` into a folder, for
//! `tests/device/interop.sh`.

use std::path::PathBuf;

#[path = "../tests/host/support/containers.rs"]
mod containers;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: device_images FOLDER");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&folder)?;
    for name in containers::write_images(&folder)? {
        println!("{name}.rbpf");
    }
    Ok(())
}
