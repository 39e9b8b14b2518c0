// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference of helpers, `dist/doc/helpers.md`.

use std::fmt::Write as _;

use rbpf_abi::helpers::ResultKind;
use rbpf_abi::{Errno, HELPERS};

use super::{argument_text, capability, paragraphs, prototype};

/// The page.
pub(super) fn helpers() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n| id | helper | capability |\n|---|---|---|\n");
    for info in HELPERS {
        let _ = writeln!(
            page,
            "| 0x{:02x} | [{name}](#{name}) | {} |",
            info.helper.id(),
            capability(info.helper),
            name = info.helper.name(),
        );
    }
    for info in HELPERS {
        let _ = writeln!(
            page,
            "\n## {}\n\n```c\n{};\n```",
            info.helper.name(),
            prototype(info)
        );
        for paragraph in paragraphs(info) {
            let _ = writeln!(page, "\n{paragraph}");
        }
        let _ = writeln!(
            page,
            "\nId 0x{:02x}, capability {}.",
            info.helper.id(),
            capability(info.helper)
        );
        if !info.arguments.is_empty() || info.result != ResultKind::None {
            page.push_str("\n| register | holds |\n|---|---|\n");
        }
        for (index, argument) in info.arguments.iter().enumerate() {
            let text = argument_text(argument);
            let _ = writeln!(page, "| r{} | `{}`: {text} |", index + 1, argument.name);
        }
        let result = match info.result {
            ResultKind::U32 => "result: number, zero-extended",
            ResultKind::I32 => "result: number or negative error, sign-extended",
            ResultKind::U64 => "result: 64-bit number",
            ResultKind::Handle => "result: handle, 0 for none",
            ResultKind::Address => "result: address, 0 for none",
            ResultKind::None => continue,
        };
        let _ = writeln!(page, "| r0 | {result} |");
    }
    page.push_str(ERRORS);
    for error in Errno::ALL {
        let _ = writeln!(
            page,
            "| {} | `{}` | {} |",
            error.to_guest(),
            error.name(),
            error.description()
        );
    }
    page
}

const HEAD: &str = "\
<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->
<!-- Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. -->
# Helpers

The host functions that a container may call, with `call ID`. Arguments stand in r1 to r5; of a
number the register's low bits count. The result is in r0; a helper without one leaves 0 there.

An address is one of the container's own, and the host checks all memory behind it before the
helper does anything: memory that is not the container's, or may not be read or written so, ends
the run with a fault. What a helper reports as a negative number in r0 is an error for the
container to handle, and not a fault.

A container can call a helper only if it was granted the helper's capability; the verifier sees to
it. Ids from 0x8000 on belong to the application that hosts the containers, and need the capability
`application`.
";

const ERRORS: &str = "
## Errors

The same numbers on every device, whatever its C library says.

| r0 | name | meaning |
|---|---|---|
";
