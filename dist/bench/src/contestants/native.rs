// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checksum without a virtual machine: the reference for the results, and
//! the floor for the times.

use std::hint::black_box;

use anyhow::Result;

use super::{Contestant, Kind};
use crate::workload::Workload;

/// As many words can be added up before the second sum exceeds 32 bits.
const BLOCK: usize = 359;

/// Fletcher32, the same algorithm as the guest's, written independently.
pub(crate) fn fletcher32(words: &[u16]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut sum1, mut sum2) = (0xffff, 0xffff);
    for block in words.chunks(BLOCK) {
        for &word in block {
            sum1 += u32::from(word);
            sum2 += sum1;
        }
        (sum1, sum2) = (fold(sum1), fold(sum2));
    }
    fold(sum2) << 16 | fold(sum1)
}

pub(crate) struct Rust<'w>(&'w [u16]);

impl<'w> Rust<'w> {
    pub(crate) fn new(workload: &'w Workload) -> Self {
        Self(&workload.words)
    }
}

impl Contestant for Rust<'_> {
    fn name(&self) -> &str {
        "native Rust"
    }

    fn kind(&self) -> Kind {
        Kind::Native
    }

    fn remark(&self) -> &'static str {
        "written independently"
    }

    fn run(&mut self) -> Result<u32> {
        Ok(fletcher32(black_box(self.0)))
    }
}

/// The context of the C function: `rbpf_words_ctx_t`.
#[repr(C)]
struct Words {
    data: *const u16,
    words: u32,
}

pub(crate) struct C<'w>(&'w [u16]);

impl<'w> C<'w> {
    pub(crate) fn new(workload: &'w Workload) -> Self {
        Self(&workload.words)
    }
}

impl Contestant for C<'_> {
    fn name(&self) -> &str {
        "native C"
    }

    fn kind(&self) -> Kind {
        Kind::Native
    }

    fn remark(&self) -> &'static str {
        "the guest's source, clang -O2"
    }

    fn run(&mut self) -> Result<u32> {
        unsafe extern "C" {
            #[link_name = "fletcher32"]
            fn c_fletcher32(context: *const Words) -> u32;
        }
        let context = Words {
            data: self.0.as_ptr(),
            words: self.0.len() as u32,
        };
        // SAFETY: the context names a slice and its length, which are only
        // read.
        Ok(unsafe { c_fletcher32(black_box(&context)) })
    }
}
