// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all contestants work on: the data and the compiled guest programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection};

use crate::contestants::native;

/// Bytes to sum up.
const LENGTH: usize = 64 * 1024;

/// The data and the programs.
pub(crate) struct Workload {
    /// The data.
    pub(crate) words: Vec<u16>,
    /// eBPF instructions as clang makes them for `-mcpu=v3`.
    pub(crate) ebpf: Vec<u8>,
    /// A WebAssembly module.
    pub(crate) wasm: Vec<u8>,
}

impl Workload {
    /// Reads the programs that `bench.sh` has compiled.
    pub(crate) fn load(programs: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = programs.join(name);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        // Numbers from a generator, so that no contestant sees a pattern.
        let mut state = 0x2545_f491_u32;
        let words = (0..LENGTH / 2)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u16
            })
            .collect();
        Ok(Self {
            words,
            ebpf: text_section(&read("fletcher32.v3.o")?)?,
            wasm: read("fletcher32.wasm")?,
        })
    }

    /// The data as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// The guest's context for a machine with 64-bit pointers: where the data
    /// is, and how many words.
    pub(crate) fn context64(&self, data: u64) -> [u8; 16] {
        let mut context = [0; 16];
        context[..8].copy_from_slice(&data.to_le_bytes());
        context[8..12].copy_from_slice(&(self.words.len() as u32).to_le_bytes());
        context
    }

    /// The same for 32-bit pointers.
    pub(crate) fn context32(&self, data: u32) -> [u8; 8] {
        let mut context = [0; 8];
        context[..4].copy_from_slice(&data.to_le_bytes());
        context[4..].copy_from_slice(&(self.words.len() as u32).to_le_bytes());
        context
    }

    /// What native code says.
    pub(crate) fn expected(&self) -> u32 {
        native::fletcher32(&self.words)
    }
}

/// The instructions of an object file; it must not need a linker.
fn text_section(object: &[u8]) -> Result<Vec<u8>> {
    let file = object::File::parse(object)?;
    let text = file.section_by_name(".text").context("no .text")?;
    ensure!(
        text.relocations().next().is_none(),
        "the program has relocations"
    );
    Ok(text.data()?.to_vec())
}
