// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that are measured, as they lie in flash.

use rbpf_isa::{Slot, opcode};

/// Data that fletcher32 runs over: as long as that of the paper.
pub(crate) static INPUT: [u8; 361] = *include_bytes!("../input.txt");

/// Bytecode made by clang, to be read in place as slots.
macro_rules! bytecode {
    ($file:literal) => {{
        const BYTES: &[u8] = include_bytes!(concat!(env!("BENCH_M4_BYTECODE"), "/", $file));
        const SLOTS: [Slot; BYTES.len() / Slot::SIZE] = slots(BYTES);
        &SLOTS
    }};
}

/// fletcher32.c compiled with `-mcpu=v2`, `v3` and `v4`.
pub(crate) static FLETCHER32: [&[Slot]; 3] = [
    bytecode!("fletcher32.v2.bin"),
    bytecode!("fletcher32.v3.bin"),
    bytecode!("fletcher32.v4.bin"),
];

const fn slots<const N: usize>(bytes: &[u8]) -> [Slot; N] {
    let mut slots = [Slot::new(0, 0, 0, 0, 0); N];
    let mut i = 0;
    while i < N {
        let (_, slot) = bytes.split_at(i * Slot::SIZE);
        let [op, registers, o0, o1, i0, i1, i2, i3, ..] = *slot else {
            panic!("bytecode is no multiple of 8 bytes");
        };
        slots[i] = Slot::new(
            op,
            registers & 0xf,
            registers >> 4,
            i16::from_le_bytes([o0, o1]),
            i32::from_le_bytes([i0, i1, i2, i3]),
        );
        i += 1;
    }
    slots
}

/// The shortest program.
pub(crate) static TRIVIAL: [Slot; 2] = [
    Slot::new(opcode::Mov64Imm, 0, 0, 0, 0),
    Slot::new(opcode::Exit, 0, 0, 0, 0),
];

/// Copies of an instruction in a loop.
const COPIES: usize = 16;

/// Times that the loop is run.
const ITERATIONS: i32 = 1000;

/// How often a measured instruction is executed, for the model to read.
#[unsafe(no_mangle)]
static REPETITIONS: u32 = COPIES as u32 * ITERATIONS as u32;

/// Registers of the loops: what the measured instruction may use.
const CONTEXT: u8 = 7;
const LARGE: u8 = 8;
const SMALL: u8 = 9;
const RESULT: u8 = 2;
const COUNTER: u8 = 6;

/// A program that repeats one instruction.
pub(crate) struct Repeated {
    slots: [Slot; 48],
    length: usize,
}

impl Repeated {
    pub(crate) fn text(&self) -> &[Slot] {
        self.slots.get(..self.length).unwrap_or_default()
    }

    const fn push(mut self, slot: Slot) -> Self {
        self.slots[self.length] = slot;
        self.length += 1;
        self
    }

    /// A loop around `COPIES` of `body`, which are one or two slots. Local
    /// calls in it go to an `exit` at the end, whatever their immediate.
    const fn new(body: &[Slot]) -> Self {
        let mut program = Self {
            slots: [Slot::new(0, 0, 0, 0, 0); 48],
            length: 0,
        }
        .push(Slot::new(opcode::Mov64Imm, COUNTER, 0, 0, ITERATIONS))
        .push(Slot::new(opcode::Mov64Reg, CONTEXT, 1, 0, 0))
        .push(Slot::new(opcode::Mov64Imm, LARGE, 0, 0, 1_000_000))
        .push(Slot::new(opcode::Mov64Imm, SMALL, 0, 0, 7));
        let start = program.length;
        let exit = start + COPIES * body.len() + 4;
        let mut copy = 0;
        while copy < COPIES {
            let mut i = 0;
            while i < body.len() {
                let mut slot = body[i];
                if slot.opcode == opcode::Call && slot.src() == 1 {
                    slot.immediate = (exit - program.length - 1) as i32;
                }
                program = program.push(slot);
                i += 1;
            }
            copy += 1;
        }
        program = program.push(Slot::new(opcode::Add64Imm, COUNTER, 0, 0, -1));
        let back = start as i16 - program.length as i16 - 1;
        program
            .push(Slot::new(opcode::Jne64Imm, COUNTER, 0, back, 0))
            .push(Slot::new(opcode::Mov64Imm, 0, 0, 0, 0))
            .push(Slot::new(opcode::Exit, 0, 0, 0, 0))
            .push(Slot::new(opcode::Exit, 0, 0, 0, 0))
    }
}

macro_rules! instructions {
    ($($name:literal: $(($($field:expr),*))*;)*) => {
        /// Names of [`INSTRUCTIONS`], one a line, for the model to read. The
        /// first is the loop without a body.
        #[unsafe(no_mangle)]
        pub(crate) static INSTRUCTION_NAMES: &str = concat!($($name, "\n"),*);

        /// Loops that repeat one instruction each.
        pub(crate) static INSTRUCTIONS: &[Repeated] = &[
            $(Repeated::new(&[$(Slot::new($($field),*)),*])),*
        ];
    };
}

instructions! {
    "loop":;
    "mov64 reg": (opcode::Mov64Reg, RESULT, LARGE, 0, 0);
    "mov64 imm": (opcode::Mov64Imm, RESULT, 0, 0, 5);
    "mov32 reg": (opcode::Mov32Reg, RESULT, LARGE, 0, 0);
    "movsx64 8": (opcode::Mov64Reg, RESULT, LARGE, 8, 0);
    "add64 imm": (opcode::Add64Imm, RESULT, 0, 0, 5);
    "add64 reg": (opcode::Add64Reg, RESULT, LARGE, 0, 0);
    "add32 imm": (opcode::Add32Imm, RESULT, 0, 0, 5);
    "add32 reg": (opcode::Add32Reg, RESULT, LARGE, 0, 0);
    "and64 imm": (opcode::And64Imm, RESULT, 0, 0, 5);
    "mul64 reg": (opcode::Mul64Reg, RESULT, LARGE, 0, 0);
    "div64 reg, 32-bit": (opcode::Div64Reg, LARGE, SMALL, 0, 0);
    "lsh64 imm": (opcode::Lsh64Imm, RESULT, 0, 0, 5);
    "rsh64 imm": (opcode::Rsh64Imm, RESULT, 0, 0, 5);
    "arsh64 imm": (opcode::Arsh64Imm, RESULT, 0, 0, 5);
    "rsh64 reg": (opcode::Rsh64Reg, RESULT, SMALL, 0, 0);
    "be16": (opcode::ToBe, LARGE, 0, 0, 16);
    "lddw": (opcode::LoadImm64, RESULT, 0, 0, 5) (0, 0, 0, 0, 5);
    "ldxb": (opcode::LoadB, RESULT, CONTEXT, 8, 0);
    "ldxh": (opcode::LoadH, RESULT, CONTEXT, 8, 0);
    "ldxw": (opcode::LoadW, RESULT, CONTEXT, 8, 0);
    "ldxdw": (opcode::LoadDw, RESULT, CONTEXT, 8, 0);
    "ldxdw stack": (opcode::LoadDw, RESULT, 10, -8, 0);
    "stxb": (opcode::StoreB, CONTEXT, LARGE, 12, 0);
    "stxw": (opcode::StoreW, CONTEXT, LARGE, 12, 0);
    "stxdw": (opcode::StoreDw, CONTEXT, LARGE, 8, 0);
    "stxdw stack": (opcode::StoreDw, 10, LARGE, -8, 0);
    "stw": (opcode::StoreImmW, CONTEXT, 0, 12, 5);
    "lock add32": (opcode::AtomicW, CONTEXT, LARGE, 12, 0);
    "ja +0": (opcode::Ja, 0, 0, 0, 0);
    "jeq64 not taken": (opcode::Jeq64Imm, LARGE, 0, 0, 5);
    "jeq64 taken": (opcode::Jeq64Imm, LARGE, 0, 0, 1_000_000);
    "jne32 not taken": (opcode::Jne32Imm, LARGE, 0, 0, 1_000_000);
    "jlt64 reg, taken": (opcode::Jlt64Reg, SMALL, LARGE, 0, 0);
    "call helper": (opcode::Call, 0, 0, 0, 1);
    "call local, exit": (opcode::Call, 0, 1, 0, 0);
}
