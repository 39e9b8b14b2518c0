// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operands of an instruction in the order in which the assembler's syntax
//! writes them.
//!
//! Assembler, disassembler and reference page read this one list, so that
//! what one writes the other reads. It does not say how an operand looks in
//! LLVM's syntax; that is in the templates of the table.

use crate::{Form, Variant};

/// Value of the source field that makes a call a local one (RFC 9669,
/// section 4.3).
const LOCAL_CALL: i32 = 1;

/// One operand, and the fields of the slot that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// Register in the destination field.
    Destination,
    /// Register in the source field.
    Source,
    /// Number in the immediate.
    Immediate,
    /// Number in the immediates of two slots.
    Immediate64,
    /// Distance of a jump in the offset.
    Target,
    /// Distance of a jump in the immediate.
    LongTarget,
    /// Memory at the destination register plus the offset.
    DestinationMemory,
    /// Memory at the source register plus the offset.
    SourceMemory,
}

impl Operand {
    /// What the operand is, for messages.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Destination | Self::Source => "a register",
            Self::Immediate | Self::Immediate64 => "a number",
            Self::Target | Self::LongTarget => "a label or a signed distance",
            Self::DestinationMemory | Self::SourceMemory => "memory such as [%r1+4]",
        }
    }

    /// The operand with the names of the fields, for the reference page.
    pub(crate) const fn pattern(self) -> &'static str {
        match self {
            Self::Destination => "dst",
            Self::Source => "src",
            Self::Immediate => "imm",
            Self::Immediate64 => "imm64",
            Self::Target => "target in offset",
            Self::LongTarget => "target in imm",
            Self::DestinationMemory => "[dst+offset]",
            Self::SourceMemory => "[src+offset]",
        }
    }
}

/// The operands of an instruction, in the assembler's order.
pub(crate) const fn operands(variant: &Variant) -> &'static [Operand] {
    use Operand as O;
    match variant.form {
        Form::Invalid | Form::Exit => &[],
        Form::Immediate => &[O::Destination, O::Immediate],
        Form::Register => &[O::Destination, O::Source],
        Form::Unary | Form::Swap => &[O::Destination],
        Form::Jump => &[O::Target],
        Form::LongJump => &[O::LongTarget],
        Form::BranchImmediate => &[O::Destination, O::Immediate, O::Target],
        Form::BranchRegister => &[O::Destination, O::Source, O::Target],
        Form::Call => match variant.value {
            LOCAL_CALL => &[O::LongTarget],
            _ => &[O::Immediate],
        },
        Form::LoadImmediate64 => &[O::Destination, O::Immediate64],
        Form::Load => &[O::Destination, O::SourceMemory],
        Form::StoreImmediate => &[O::DestinationMemory, O::Immediate],
        Form::StoreRegister | Form::Atomic => &[O::DestinationMemory, O::Source],
    }
}

/// Whether an instruction is the call of a helper.
pub(crate) const fn calls_helper(variant: &Variant) -> bool {
    matches!(variant.form, Form::Call) && variant.value != LOCAL_CALL
}

#[cfg(test)]
mod tests {
    use super::{Operand as O, operands};
    use crate::VARIANTS;

    /// The forms say which fields are used, this module in which order; the
    /// two must not drift apart.
    #[test]
    fn operands_use_the_fields_that_the_form_uses() {
        for variant in VARIANTS {
            let list = operands(variant);
            let any = |of: &[O]| list.iter().any(|operand| of.contains(operand));
            let form = variant.form;
            assert_eq!(
                any(&[O::Destination, O::DestinationMemory]),
                form.uses_dst(),
                "{variant:?}"
            );
            assert_eq!(
                any(&[O::Source, O::SourceMemory]),
                form.uses_src(),
                "{variant:?}"
            );
            assert_eq!(
                any(&[O::Target, O::DestinationMemory, O::SourceMemory]),
                form.uses_offset(),
                "{variant:?}"
            );
            assert_eq!(
                any(&[O::Immediate, O::Immediate64, O::LongTarget]),
                form.uses_immediate(),
                "{variant:?}"
            );
        }
    }
}
