// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of instructions, and what is derived from it directly.
//!
//! An opcode byte does not always say which instruction it is: the offset
//! tells `div` from `sdiv`, the immediate one atomic operation from another,
//! the source register a helper call from a local one. So a row is an opcode,
//! with the field that selects among its variants.

use crate::{Field, Form, Slot};

/// Conformance group of RFC 9669, section 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// 32-bit arithmetic, jumps, loads and stores: every implementation.
    Base32,
    /// The 64-bit instructions.
    Base64,
    /// 32-bit multiplication and division.
    Divmul32,
    /// 64-bit multiplication and division.
    Divmul64,
    /// 32-bit atomic operations.
    Atomic32,
    /// 64-bit atomic operations.
    Atomic64,
}

impl Group {
    /// The groups in the order of RFC 9669.
    pub const ALL: [Self; 6] = [
        Self::Base32,
        Self::Base64,
        Self::Divmul32,
        Self::Divmul64,
        Self::Atomic32,
        Self::Atomic64,
    ];

    /// The name that RFC 9669 gives the group.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base32 => "base32",
            Self::Base64 => "base64",
            Self::Divmul32 => "divmul32",
            Self::Divmul64 => "divmul64",
            Self::Atomic32 => "atomic32",
            Self::Atomic64 => "atomic64",
        }
    }
}

/// Calls a macro with every opcode.
///
/// Each row is
///
/// ```text
/// OPCODE Name Operation Form selector { VALUE Group "mnemonic" "template", ... }
/// ```
///
/// where the operation is what an engine computes, the same for operands in
/// registers and immediates and for memory accesses of all widths,
/// with one entry in the braces for each value of the selecting field that
/// is an instruction. Mnemonics are those of the public suite
/// bpf_conformance; templates are LLVM's syntax with `{operands}`: registers
/// `{dst}` and `{src}`, their low halves `{wdst}` and `{wsrc}`, numbers
/// `{imm}` and `{imm64}`, `{offset}` of a memory access with its sign, and
/// `{target}` of a jump. Both may be matched as `tt`.
#[macro_export]
macro_rules! for_each_opcode {
    ($callback:ident) => {
        $callback! {
            0x04 Add32Imm      Add32      Immediate       none { 0 Base32 "add32" "{wdst} += {imm}" }
            0x0c Add32Reg      Add32      Register        none { 0 Base32 "add32" "{wdst} += {wsrc}" }
            0x14 Sub32Imm      Sub32      Immediate       none { 0 Base32 "sub32" "{wdst} -= {imm}" }
            0x1c Sub32Reg      Sub32      Register        none { 0 Base32 "sub32" "{wdst} -= {wsrc}" }
            0x24 Mul32Imm      Mul32      Immediate       none { 0 Divmul32 "mul32" "{wdst} *= {imm}" }
            0x2c Mul32Reg      Mul32      Register        none { 0 Divmul32 "mul32" "{wdst} *= {wsrc}" }
            0x34 Div32Imm      Div32      Immediate       offset {
                0 Divmul32 "div32" "{wdst} /= {imm}",
                1 Divmul32 "sdiv32" "{wdst} s/= {imm}",
            }
            0x3c Div32Reg      Div32      Register        offset {
                0 Divmul32 "div32" "{wdst} /= {wsrc}",
                1 Divmul32 "sdiv32" "{wdst} s/= {wsrc}",
            }
            0x44 Or32Imm       Or32       Immediate       none { 0 Base32 "or32" "{wdst} |= {imm}" }
            0x4c Or32Reg       Or32       Register        none { 0 Base32 "or32" "{wdst} |= {wsrc}" }
            0x54 And32Imm      And32      Immediate       none { 0 Base32 "and32" "{wdst} &= {imm}" }
            0x5c And32Reg      And32      Register        none { 0 Base32 "and32" "{wdst} &= {wsrc}" }
            0x64 Lsh32Imm      Lsh32      Immediate       none { 0 Base32 "lsh32" "{wdst} <<= {imm}" }
            0x6c Lsh32Reg      Lsh32      Register        none { 0 Base32 "lsh32" "{wdst} <<= {wsrc}" }
            0x74 Rsh32Imm      Rsh32      Immediate       none { 0 Base32 "rsh32" "{wdst} >>= {imm}" }
            0x7c Rsh32Reg      Rsh32      Register        none { 0 Base32 "rsh32" "{wdst} >>= {wsrc}" }
            0x84 Neg32         Neg32      Unary           none { 0 Base32 "neg32" "{wdst} = -{wdst}" }
            0x94 Mod32Imm      Mod32      Immediate       offset {
                0 Divmul32 "mod32" "{wdst} %= {imm}",
                1 Divmul32 "smod32" "{wdst} s%= {imm}",
            }
            0x9c Mod32Reg      Mod32      Register        offset {
                0 Divmul32 "mod32" "{wdst} %= {wsrc}",
                1 Divmul32 "smod32" "{wdst} s%= {wsrc}",
            }
            0xa4 Xor32Imm      Xor32      Immediate       none { 0 Base32 "xor32" "{wdst} ^= {imm}" }
            0xac Xor32Reg      Xor32      Register        none { 0 Base32 "xor32" "{wdst} ^= {wsrc}" }
            0xb4 Mov32Imm      Mov32      Immediate       none { 0 Base32 "mov32" "{wdst} = {imm}" }
            0xbc Mov32Reg      Mov32      Register        offset {
                0 Base32 "mov32" "{wdst} = {wsrc}",
                8 Base32 "movsx832" "{wdst} = (s8){wsrc}",
                16 Base32 "movsx1632" "{wdst} = (s16){wsrc}",
            }
            0xc4 Arsh32Imm     Arsh32     Immediate       none { 0 Base32 "arsh32" "{wdst} s>>= {imm}" }
            0xcc Arsh32Reg     Arsh32     Register        none { 0 Base32 "arsh32" "{wdst} s>>= {wsrc}" }
            0x07 Add64Imm      Add64      Immediate       none { 0 Base64 "add" "{dst} += {imm}" }
            0x0f Add64Reg      Add64      Register        none { 0 Base64 "add" "{dst} += {src}" }
            0x17 Sub64Imm      Sub64      Immediate       none { 0 Base64 "sub" "{dst} -= {imm}" }
            0x1f Sub64Reg      Sub64      Register        none { 0 Base64 "sub" "{dst} -= {src}" }
            0x27 Mul64Imm      Mul64      Immediate       none { 0 Divmul64 "mul" "{dst} *= {imm}" }
            0x2f Mul64Reg      Mul64      Register        none { 0 Divmul64 "mul" "{dst} *= {src}" }
            0x37 Div64Imm      Div64      Immediate       offset {
                0 Divmul64 "div" "{dst} /= {imm}",
                1 Divmul64 "sdiv" "{dst} s/= {imm}",
            }
            0x3f Div64Reg      Div64      Register        offset {
                0 Divmul64 "div" "{dst} /= {src}",
                1 Divmul64 "sdiv" "{dst} s/= {src}",
            }
            0x47 Or64Imm       Or64       Immediate       none { 0 Base64 "or" "{dst} |= {imm}" }
            0x4f Or64Reg       Or64       Register        none { 0 Base64 "or" "{dst} |= {src}" }
            0x57 And64Imm      And64      Immediate       none { 0 Base64 "and" "{dst} &= {imm}" }
            0x5f And64Reg      And64      Register        none { 0 Base64 "and" "{dst} &= {src}" }
            0x67 Lsh64Imm      Lsh64      Immediate       none { 0 Base64 "lsh" "{dst} <<= {imm}" }
            0x6f Lsh64Reg      Lsh64      Register        none { 0 Base64 "lsh" "{dst} <<= {src}" }
            0x77 Rsh64Imm      Rsh64      Immediate       none { 0 Base64 "rsh" "{dst} >>= {imm}" }
            0x7f Rsh64Reg      Rsh64      Register        none { 0 Base64 "rsh" "{dst} >>= {src}" }
            0x87 Neg64         Neg64      Unary           none { 0 Base64 "neg" "{dst} = -{dst}" }
            0x97 Mod64Imm      Mod64      Immediate       offset {
                0 Divmul64 "mod" "{dst} %= {imm}",
                1 Divmul64 "smod" "{dst} s%= {imm}",
            }
            0x9f Mod64Reg      Mod64      Register        offset {
                0 Divmul64 "mod" "{dst} %= {src}",
                1 Divmul64 "smod" "{dst} s%= {src}",
            }
            0xa7 Xor64Imm      Xor64      Immediate       none { 0 Base64 "xor" "{dst} ^= {imm}" }
            0xaf Xor64Reg      Xor64      Register        none { 0 Base64 "xor" "{dst} ^= {src}" }
            0xb7 Mov64Imm      Mov64      Immediate       none { 0 Base64 "mov" "{dst} = {imm}" }
            0xbf Mov64Reg      Mov64      Register        offset {
                0 Base64 "mov" "{dst} = {src}",
                8 Base64 "movsx864" "{dst} = (s8){src}",
                16 Base64 "movsx1664" "{dst} = (s16){src}",
                32 Base64 "movsx3264" "{dst} = (s32){src}",
            }
            0xc7 Arsh64Imm     Arsh64     Immediate       none { 0 Base64 "arsh" "{dst} s>>= {imm}" }
            0xcf Arsh64Reg     Arsh64     Register        none { 0 Base64 "arsh" "{dst} s>>= {src}" }
            0xd4 ToLe          Endian     Swap            immediate {
                16 Base32 "le16" "{dst} = le16 {dst}",
                32 Base32 "le32" "{dst} = le32 {dst}",
                64 Base64 "le64" "{dst} = le64 {dst}",
            }
            0xdc ToBe          Endian     Swap            immediate {
                16 Base32 "be16" "{dst} = be16 {dst}",
                32 Base32 "be32" "{dst} = be32 {dst}",
                64 Base64 "be64" "{dst} = be64 {dst}",
            }
            0xd7 Swap          Swap       Swap            immediate {
                16 Base32 "swap16" "{dst} = bswap16 {dst}",
                32 Base32 "swap32" "{dst} = bswap32 {dst}",
                64 Base64 "swap64" "{dst} = bswap64 {dst}",
            }
            0x05 Ja            Ja         Jump            none { 0 Base32 "ja" "goto {target}" }
            0x06 Ja32          Ja32       LongJump        none { 0 Base32 "ja32" "gotol {target}" }
            0x15 Jeq64Imm      Jeq        BranchImmediate none { 0 Base64 "jeq" "if {dst} == {imm} goto {target}" }
            0x1d Jeq64Reg      Jeq        BranchRegister  none { 0 Base64 "jeq" "if {dst} == {src} goto {target}" }
            0x25 Jgt64Imm      Jgt        BranchImmediate none { 0 Base64 "jgt" "if {dst} > {imm} goto {target}" }
            0x2d Jgt64Reg      Jgt        BranchRegister  none { 0 Base64 "jgt" "if {dst} > {src} goto {target}" }
            0x35 Jge64Imm      Jge        BranchImmediate none { 0 Base64 "jge" "if {dst} >= {imm} goto {target}" }
            0x3d Jge64Reg      Jge        BranchRegister  none { 0 Base64 "jge" "if {dst} >= {src} goto {target}" }
            0x45 Jset64Imm     Jset       BranchImmediate none { 0 Base64 "jset" "if {dst} & {imm} goto {target}" }
            0x4d Jset64Reg     Jset       BranchRegister  none { 0 Base64 "jset" "if {dst} & {src} goto {target}" }
            0x55 Jne64Imm      Jne        BranchImmediate none { 0 Base64 "jne" "if {dst} != {imm} goto {target}" }
            0x5d Jne64Reg      Jne        BranchRegister  none { 0 Base64 "jne" "if {dst} != {src} goto {target}" }
            0x65 Jsgt64Imm     Jsgt       BranchImmediate none { 0 Base64 "jsgt" "if {dst} s> {imm} goto {target}" }
            0x6d Jsgt64Reg     Jsgt       BranchRegister  none { 0 Base64 "jsgt" "if {dst} s> {src} goto {target}" }
            0x75 Jsge64Imm     Jsge       BranchImmediate none { 0 Base64 "jsge" "if {dst} s>= {imm} goto {target}" }
            0x7d Jsge64Reg     Jsge       BranchRegister  none { 0 Base64 "jsge" "if {dst} s>= {src} goto {target}" }
            0xa5 Jlt64Imm      Jlt        BranchImmediate none { 0 Base64 "jlt" "if {dst} < {imm} goto {target}" }
            0xad Jlt64Reg      Jlt        BranchRegister  none { 0 Base64 "jlt" "if {dst} < {src} goto {target}" }
            0xb5 Jle64Imm      Jle        BranchImmediate none { 0 Base64 "jle" "if {dst} <= {imm} goto {target}" }
            0xbd Jle64Reg      Jle        BranchRegister  none { 0 Base64 "jle" "if {dst} <= {src} goto {target}" }
            0xc5 Jslt64Imm     Jslt       BranchImmediate none { 0 Base64 "jslt" "if {dst} s< {imm} goto {target}" }
            0xcd Jslt64Reg     Jslt       BranchRegister  none { 0 Base64 "jslt" "if {dst} s< {src} goto {target}" }
            0xd5 Jsle64Imm     Jsle       BranchImmediate none { 0 Base64 "jsle" "if {dst} s<= {imm} goto {target}" }
            0xdd Jsle64Reg     Jsle       BranchRegister  none { 0 Base64 "jsle" "if {dst} s<= {src} goto {target}" }
            0x16 Jeq32Imm      Jeq        BranchImmediate none { 0 Base32 "jeq32" "if {wdst} == {imm} goto {target}" }
            0x1e Jeq32Reg      Jeq        BranchRegister  none { 0 Base32 "jeq32" "if {wdst} == {wsrc} goto {target}" }
            0x26 Jgt32Imm      Jgt        BranchImmediate none { 0 Base32 "jgt32" "if {wdst} > {imm} goto {target}" }
            0x2e Jgt32Reg      Jgt        BranchRegister  none { 0 Base32 "jgt32" "if {wdst} > {wsrc} goto {target}" }
            0x36 Jge32Imm      Jge        BranchImmediate none { 0 Base32 "jge32" "if {wdst} >= {imm} goto {target}" }
            0x3e Jge32Reg      Jge        BranchRegister  none { 0 Base32 "jge32" "if {wdst} >= {wsrc} goto {target}" }
            0x46 Jset32Imm     Jset       BranchImmediate none { 0 Base32 "jset32" "if {wdst} & {imm} goto {target}" }
            0x4e Jset32Reg     Jset       BranchRegister  none { 0 Base32 "jset32" "if {wdst} & {wsrc} goto {target}" }
            0x56 Jne32Imm      Jne        BranchImmediate none { 0 Base32 "jne32" "if {wdst} != {imm} goto {target}" }
            0x5e Jne32Reg      Jne        BranchRegister  none { 0 Base32 "jne32" "if {wdst} != {wsrc} goto {target}" }
            0x66 Jsgt32Imm     Jsgt       BranchImmediate none { 0 Base32 "jsgt32" "if {wdst} s> {imm} goto {target}" }
            0x6e Jsgt32Reg     Jsgt       BranchRegister  none { 0 Base32 "jsgt32" "if {wdst} s> {wsrc} goto {target}" }
            0x76 Jsge32Imm     Jsge       BranchImmediate none { 0 Base32 "jsge32" "if {wdst} s>= {imm} goto {target}" }
            0x7e Jsge32Reg     Jsge       BranchRegister  none { 0 Base32 "jsge32" "if {wdst} s>= {wsrc} goto {target}" }
            0xa6 Jlt32Imm      Jlt        BranchImmediate none { 0 Base32 "jlt32" "if {wdst} < {imm} goto {target}" }
            0xae Jlt32Reg      Jlt        BranchRegister  none { 0 Base32 "jlt32" "if {wdst} < {wsrc} goto {target}" }
            0xb6 Jle32Imm      Jle        BranchImmediate none { 0 Base32 "jle32" "if {wdst} <= {imm} goto {target}" }
            0xbe Jle32Reg      Jle        BranchRegister  none { 0 Base32 "jle32" "if {wdst} <= {wsrc} goto {target}" }
            0xc6 Jslt32Imm     Jslt       BranchImmediate none { 0 Base32 "jslt32" "if {wdst} s< {imm} goto {target}" }
            0xce Jslt32Reg     Jslt       BranchRegister  none { 0 Base32 "jslt32" "if {wdst} s< {wsrc} goto {target}" }
            0xd6 Jsle32Imm     Jsle       BranchImmediate none { 0 Base32 "jsle32" "if {wdst} s<= {imm} goto {target}" }
            0xde Jsle32Reg     Jsle       BranchRegister  none { 0 Base32 "jsle32" "if {wdst} s<= {wsrc} goto {target}" }
            0x85 Call          Call       Call            source {
                0 Base32 "call" "call {imm}",
                1 Base32 "call local" "call {imm}",
            }
            0x95 Exit          Exit       Exit            none { 0 Base32 "exit" "exit" }
            0x18 LoadImm64     LoadImm64  LoadImmediate64 none { 0 Base64 "lddw" "{dst} = {imm64} ll" }
            0x61 LoadW         Load       Load            none { 0 Base32 "ldxw" "{wdst} = *(u32 *)({src}{offset})" }
            0x69 LoadH         Load       Load            none { 0 Base32 "ldxh" "{wdst} = *(u16 *)({src}{offset})" }
            0x71 LoadB         Load       Load            none { 0 Base32 "ldxb" "{wdst} = *(u8 *)({src}{offset})" }
            0x79 LoadDw        Load       Load            none { 0 Base64 "ldxdw" "{dst} = *(u64 *)({src}{offset})" }
            0x81 LoadSignedW   LoadSigned Load            none { 0 Base64 "ldxsw" "{dst} = *(s32 *)({src}{offset})" }
            0x89 LoadSignedH   LoadSigned Load            none { 0 Base64 "ldxsh" "{dst} = *(s16 *)({src}{offset})" }
            0x91 LoadSignedB   LoadSigned Load            none { 0 Base64 "ldxsb" "{dst} = *(s8 *)({src}{offset})" }
            0x62 StoreImmW     Store      StoreImmediate  none { 0 Base32 "stw" "*(u32 *)({dst}{offset}) = {imm}" }
            0x6a StoreImmH     Store      StoreImmediate  none { 0 Base32 "sth" "*(u16 *)({dst}{offset}) = {imm}" }
            0x72 StoreImmB     Store      StoreImmediate  none { 0 Base32 "stb" "*(u8 *)({dst}{offset}) = {imm}" }
            0x7a StoreImmDw    Store      StoreImmediate  none { 0 Base64 "stdw" "*(u64 *)({dst}{offset}) = {imm}" }
            0x63 StoreW        Store      StoreRegister   none { 0 Base32 "stxw" "*(u32 *)({dst}{offset}) = {wsrc}" }
            0x6b StoreH        Store      StoreRegister   none { 0 Base32 "stxh" "*(u16 *)({dst}{offset}) = {wsrc}" }
            0x73 StoreB        Store      StoreRegister   none { 0 Base32 "stxb" "*(u8 *)({dst}{offset}) = {wsrc}" }
            0x7b StoreDw       Store      StoreRegister   none { 0 Base64 "stxdw" "*(u64 *)({dst}{offset}) = {src}" }
            0xc3 AtomicW       Atomic     Atomic          immediate {
                0 Atomic32 "lock add32" "lock *(u32 *)({dst}{offset}) += {wsrc}",
                0x1 Atomic32 "lock fetch add32" "{wsrc} = atomic_fetch_add((u32 *)({dst}{offset}), {wsrc})",
                0x40 Atomic32 "lock or32" "lock *(u32 *)({dst}{offset}) |= {wsrc}",
                0x41 Atomic32 "lock fetch or32" "{wsrc} = atomic_fetch_or((u32 *)({dst}{offset}), {wsrc})",
                0x50 Atomic32 "lock and32" "lock *(u32 *)({dst}{offset}) &= {wsrc}",
                0x51 Atomic32 "lock fetch and32" "{wsrc} = atomic_fetch_and((u32 *)({dst}{offset}), {wsrc})",
                0xa0 Atomic32 "lock xor32" "lock *(u32 *)({dst}{offset}) ^= {wsrc}",
                0xa1 Atomic32 "lock fetch xor32" "{wsrc} = atomic_fetch_xor((u32 *)({dst}{offset}), {wsrc})",
                0xe1 Atomic32 "lock xchg32" "{wsrc} = xchg32_32({dst}{offset}, {wsrc})",
                0xf1 Atomic32 "lock cmpxchg32" "w0 = cmpxchg32_32({dst}{offset}, w0, {wsrc})",
            }
            0xdb AtomicDw      Atomic     Atomic          immediate {
                0 Atomic64 "lock add" "lock *(u64 *)({dst}{offset}) += {src}",
                0x1 Atomic64 "lock fetch add" "{src} = atomic_fetch_add((u64 *)({dst}{offset}), {src})",
                0x40 Atomic64 "lock or" "lock *(u64 *)({dst}{offset}) |= {src}",
                0x41 Atomic64 "lock fetch or" "{src} = atomic_fetch_or((u64 *)({dst}{offset}), {src})",
                0x50 Atomic64 "lock and" "lock *(u64 *)({dst}{offset}) &= {src}",
                0x51 Atomic64 "lock fetch and" "{src} = atomic_fetch_and((u64 *)({dst}{offset}), {src})",
                0xa0 Atomic64 "lock xor" "lock *(u64 *)({dst}{offset}) ^= {src}",
                0xa1 Atomic64 "lock fetch xor" "{src} = atomic_fetch_xor((u64 *)({dst}{offset}), {src})",
                0xe1 Atomic64 "lock xchg" "{src} = xchg_64({dst}{offset}, {src})",
                0xf1 Atomic64 "lock cmpxchg" "r0 = cmpxchg_64({dst}{offset}, r0, {src})",
            }
        }
    };
}

macro_rules! define_opcodes {
    ($($byte:literal $name:ident $operation:ident $form:ident $selector:ident { $($variants:tt)* })*) => {
        /// Opcode bytes by name.
        #[allow(non_upper_case_globals, reason = "names are those of the table")]
        #[allow(missing_docs, reason = "the table says what each is")]
        pub mod opcode {
            $(pub const $name: u8 = $byte;)*
        }

        /// Forms by opcode; a lookup table, because the verifier asks once
        /// for each slot.
        static FORMS: [Form; 256] = {
            let mut forms = [Form::Invalid; 256];
            $(forms[$byte] = Form::$form;)*
            forms
        };

        /// The field that tells apart the variants of an opcode.
        #[must_use]
        pub const fn selector(opcode: u8) -> Field {
            match opcode {
                $($byte => field_of!($selector),)*
                _ => Field::None,
            }
        }

        /// Whether the selecting field of a slot has a value that is an
        /// instruction. Opcodes that are not in the table are not judged.
        #[must_use]
        pub const fn selector_is_valid(slot: Slot) -> bool {
            match slot.opcode {
                $($byte => value_is_valid!($selector slot { $($variants)* }),)*
                _ => true,
            }
        }
    };
}

macro_rules! field_of {
    (none) => {
        Field::None
    };
    (offset) => {
        Field::Offset
    };
    (immediate) => {
        Field::Immediate
    };
    (source) => {
        Field::Source
    };
}

macro_rules! value_is_valid {
    (none $slot:ident $variants:tt) => { true };
    (offset $slot:ident { $($value:literal $g:ident $m:literal $t:literal),* $(,)? }) => {
        matches!($slot.offset, $($value)|*)
    };
    (immediate $slot:ident { $($value:literal $g:ident $m:literal $t:literal),* $(,)? }) => {
        matches!($slot.immediate, $($value)|*)
    };
    (source $slot:ident { $($value:literal $g:ident $m:literal $t:literal),* $(,)? }) => {
        matches!($slot.src(), $($value)|*)
    };
}

for_each_opcode!(define_opcodes);

/// The operand form of an opcode; [`Form::Invalid`] if there is none.
#[inline]
#[must_use]
pub fn form(opcode: u8) -> Form {
    FORMS[usize::from(opcode)]
}

/// One instruction: an opcode, and the value of its selecting field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The opcode byte.
    pub opcode: u8,
    /// Name of the opcode in the table.
    pub name: &'static str,
    /// Operands.
    pub form: Form,
    /// The field that tells this variant from others of the opcode.
    pub selector: Field,
    /// Its value in that field, 0 without one.
    pub value: i32,
    /// Conformance group.
    pub group: Group,
    /// Assembler mnemonic.
    pub mnemonic: &'static str,
    /// LLVM's syntax, with operands in braces.
    pub template: &'static str,
}

impl Variant {
    /// The instruction that the opcode and the selecting field of a slot
    /// name, `None` if there is none. Says nothing of the other fields.
    #[must_use]
    pub fn of(slot: Slot) -> Option<&'static Self> {
        VARIANTS.iter().find(|variant| {
            variant.opcode == slot.opcode
                && match variant.selector {
                    Field::None => true,
                    Field::Offset => i32::from(slot.offset) == variant.value,
                    Field::Immediate => slot.immediate == variant.value,
                    Field::Source => usize::try_from(variant.value) == Ok(slot.src()),
                }
        })
    }
}

macro_rules! define_variants {
    ($($byte:literal $name:ident $operation:ident $form:ident $selector:ident {
        $($value:literal $group:ident $mnemonic:literal $template:literal),* $(,)?
    })*) => {
        /// Every instruction of the table, in its order.
        pub const VARIANTS: &[Variant] = &[$($(
            Variant {
                opcode: $byte,
                name: stringify!($name),
                form: Form::$form,
                selector: field_of!($selector),
                value: $value,
                group: Group::$group,
                mnemonic: $mnemonic,
                template: $template,
            },
        )*)*];
    };
}

for_each_opcode!(define_variants);
