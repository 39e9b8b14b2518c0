// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text through the assembler, slots through the disassembler, and both
//! through each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbpf_isa::{Slot, Syntax, assemble, disassemble};

fn round_trip(slots: &[Slot]) {
    let mut text = String::new();
    for line in disassemble(slots) {
        text += &format!("{}\n", line.text(Syntax::Assembler));
        // Only that it does not panic.
        let _ = line.text(Syntax::Llvm).to_string();
    }
    assert_eq!(assemble(&text).as_deref(), Ok(slots), "{text}");
}

fuzz_target!(|bytes: &[u8]| {
    let (words, _) = bytes.as_chunks::<8>();
    let slots: Vec<Slot> = words
        .iter()
        .map(|word| Slot::from_bits(u64::from_le_bytes(*word)))
        .collect();
    round_trip(&slots);
    if let Ok(text) = str::from_utf8(bytes) {
        match assemble(text) {
            Ok(slots) => round_trip(&slots),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
