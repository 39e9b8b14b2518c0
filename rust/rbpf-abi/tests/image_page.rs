// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dist/doc/image.md` says what the code does.

use core::mem::offset_of;

use rbpf_abi::capability::CAPABILITIES;
use rbpf_abi::image::{Header, MAX_LEN};

const PAGE: &str = include_str!("../../../dist/doc/image.md");

#[test]
fn header_offsets() {
    macro_rules! fields {
        ($($field:ident)*) => {
            [$((offset_of!(Header, $field), stringify!($field))),*]
        };
    }
    let fields = fields! {
        magic version flags stack_size capabilities text_slots rodata_len data_len bss_len
        functions helpers
    };
    let ends = fields
        .iter()
        .skip(1)
        .map(|field| field.0)
        .chain([size_of::<Header>()]);
    for (&(offset, name), end) in fields.iter().zip(ends) {
        let row = format!("| {offset} | {} | `{name}` |", end - offset);
        assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn capability_bits() {
    for (bit, name) in CAPABILITIES {
        let row = format!("| {} | `{name}` |\n", bit.bits().trailing_zeros());
        assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn largest_image() {
    let millions = MAX_LEN / 1_000_000;
    let text = format!(
        "{millions},{:03},{:03} bytes",
        MAX_LEN / 1000 % 1000,
        MAX_LEN % 1000
    );
    assert!(PAGE.contains(&text), "{text}");
}
