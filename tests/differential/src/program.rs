// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random programs that end, and that touch only what every oracle grants.
//!
//! A program is a tree of steps, so that a shrunk one is still a program.
//! Registers have fixed parts: r0 to r5 are computed with, r6 is the address
//! of the memory, r7 and r8 count loops, r9 lives within one step. No address
//! gets into r0 to r5 or into memory, since addresses differ between oracles.
//! At the end all of r0 to r5 is stored, so that everything shows.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rbpf_isa::{Field, Form, Slot, Syntax, VARIANTS, Variant, disassemble, opcode};

use crate::oracle::{Divergence, SCRATCH};

/// Bytes of memory that a program can use.
pub const MEMORY: usize = DATA + 6 * 8;

/// Of these, bytes for loads and stores of the steps; r0 to r5 are stored
/// behind them.
const DATA: usize = 128;

/// Bytes of each frame that are used; few, so that loads meet stores.
const STACK: i16 = 32;

/// Registers that are computed with.
const VALUES: u8 = 6;
/// The address of the memory.
const BASE: u8 = 6;
/// Loop counters by depth of nesting.
const COUNTERS: [u8; 2] = [7, 8];
const FRAME_POINTER: u8 = 10;

/// A part of a program.
#[derive(Clone, Debug)]
enum Step {
    /// One instruction in one slot.
    Plain(Slot),
    /// `lddw`.
    LoadImmediate(u8, u64),
    /// A load or store at the memory's start plus a register, in bounds.
    Computed(Slot, u8),
    /// A jump over steps: conditional or not.
    Skip(Slot, Vec<Step>),
    /// Steps that are repeated.
    Loop(u8, Vec<Step>),
    /// A call of a function of its own.
    Call(Vec<Step>),
}

/// A random program.
#[derive(Clone, Debug)]
pub struct Program {
    /// What r0 to r5 are at first.
    values: [u64; VALUES as usize],
    steps: Vec<Step>,
}

impl Program {
    /// Programs of all kinds.
    pub fn any() -> impl Strategy<Value = Self> {
        let values = proptest::array::uniform6(number());
        (values, vec(any_step(), 1..24)).prop_map(|(values, steps)| Self { values, steps })
    }

    /// The instructions, with others in the place of those that a rival is
    /// known to get wrong.
    #[must_use]
    pub fn text(&self, divergences: &[Divergence]) -> Vec<Slot> {
        let mut writer = Writer {
            divergences,
            text: Vec::new(),
            calls: Vec::new(),
        };
        writer.put(Slot::new(opcode::Mov64Reg, BASE, 1, 0, 0));
        for (register, value) in (0..).zip(self.values) {
            writer.load_immediate(register, value);
        }
        writer.steps(&self.steps, 0);
        for register in 0..VALUES {
            let offset = DATA as i16 + 8 * i16::from(register);
            writer.put(Slot::new(opcode::StoreDw, BASE, register, offset, 0));
        }
        writer.put(EXIT);
        writer.functions();
        writer.text
    }
}

const EXIT: Slot = Slot::new(opcode::Exit, 0, 0, 0, 0);

/// The program as text for the assembler.
#[must_use]
pub fn listing(text: &[Slot]) -> String {
    disassemble(text)
        .map(|line| format!("{}\n", line.text(Syntax::Assembler)))
        .collect()
}

/// Numbers, those at the edges more often than others.
fn number() -> impl Strategy<Value = u64> {
    const EDGES: &[u64] = &[
        0,
        1,
        2,
        0x7f,
        0x80,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_ffff_8000_0000,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_ffff_ffff,
    ];
    prop_oneof![
        select(EDGES).boxed(),
        any::<u64>().boxed(),
        (0u64..70).boxed()
    ]
}

fn immediate() -> impl Strategy<Value = i32> {
    prop_oneof![number().prop_map(|n| n as i32), -8i32..70]
}

fn is_plain(variant: &Variant) -> bool {
    use Form::*;
    matches!(
        variant.form,
        Immediate | Register | Unary | Swap | Load | StoreImmediate | StoreRegister | Atomic
    )
}

fn is_access(slot: Slot) -> bool {
    use Form::*;
    matches!(
        rbpf_isa::form(slot.opcode),
        Load | StoreImmediate | StoreRegister | Atomic
    )
}

fn is_jump(variant: &Variant) -> bool {
    use Form::*;
    matches!(
        variant.form,
        Jump | LongJump | BranchImmediate | BranchRegister
    )
}

/// An instruction of a row of the table, with random operands. Accesses have
/// offset 0 and no base yet.
fn instruction(rows: fn(&Variant) -> bool) -> impl Strategy<Value = Slot> {
    let rows: Vec<&Variant> = VARIANTS.iter().filter(|row| rows(row)).collect();
    (select(rows), 0..VALUES, 0..VALUES, immediate()).prop_map(|(row, dst, src, immediate)| {
        let mut slot = Slot::new(
            row.opcode,
            if row.form.uses_dst() { dst } else { 0 },
            if row.form.uses_src() { src } else { 0 },
            0,
            if row.form.uses_immediate() {
                immediate
            } else {
                0
            },
        );
        match row.selector {
            Field::Offset => slot.offset = row.value as i16,
            Field::Immediate => slot.immediate = row.value,
            Field::None | Field::Source => {}
        }
        slot
    })
}

/// The same access with another address: `base + offset`.
fn at(slot: Slot, base: u8, offset: i16) -> Slot {
    let (dst, src) = if rbpf_isa::form(slot.opcode) == Form::Load {
        (slot.dst() as u8, base)
    } else {
        (base, slot.src() as u8)
    };
    Slot::new(slot.opcode, dst, src, offset, slot.immediate)
}

fn plain() -> impl Strategy<Value = Step> {
    (instruction(is_plain), any::<u16>(), 0u8..4, 0..VALUES).prop_map(
        |(slot, place, kind, register)| {
            if !is_access(slot) {
                return Step::Plain(slot);
            }
            // Any alignment; eight bytes fit everywhere.
            match kind {
                0 => Step::Computed(slot, register),
                1 => Step::Plain(at(slot, FRAME_POINTER, -8 - (place as i16 & (STACK - 9)))),
                _ => Step::Plain(at(slot, BASE, (place % (DATA as u16 - 7)) as i16)),
            }
        },
    )
}

fn load_immediate() -> impl Strategy<Value = Step> {
    (0..VALUES, number()).prop_map(|(dst, value)| Step::LoadImmediate(dst, value))
}

fn any_step() -> impl Strategy<Value = Step> {
    let leaf = prop_oneof![9 => plain(), 1 => load_immediate()];
    leaf.prop_recursive(3, 48, 8, |inner| {
        let steps = move |least| vec(inner.clone(), least..8);
        prop_oneof![
            6 => plain(),
            3 => (instruction(is_jump), steps(0)).prop_map(|(jump, steps)| Step::Skip(jump, steps)),
            1 => (1u8..8, steps(1)).prop_map(|(count, steps)| Step::Loop(count, steps)),
            1 => steps(0).prop_map(Step::Call),
        ]
    })
}

struct Writer<'d, 'p> {
    divergences: &'d [Divergence],
    text: Vec<Slot>,
    /// Places of calls, and the functions that they call.
    calls: Vec<(usize, &'p [Step])>,
}

impl<'p> Writer<'_, 'p> {
    fn put(&mut self, slot: Slot) {
        // One after the other: an instruction may be wrong in two ways.
        let slots = self
            .divergences
            .iter()
            .fold(vec![slot], |slots, divergence| {
                let replace = |slot| match (divergence.concerns)(slot) {
                    true => (divergence.instead)(slot),
                    false => vec![slot],
                };
                slots.into_iter().flat_map(replace).collect()
            });
        self.text.extend(slots);
    }

    fn load_immediate(&mut self, dst: u8, value: u64) {
        self.text
            .push(Slot::new(opcode::LoadImm64, dst, 0, 0, value as i32));
        self.text.push(Slot::new(0, 0, 0, 0, (value >> 32) as i32));
    }

    fn steps(&mut self, steps: &'p [Step], loops: usize) {
        for step in steps {
            self.step(step, loops);
        }
    }

    fn step(&mut self, step: &'p Step, loops: usize) {
        match step {
            Step::Plain(slot) => self.put(*slot),
            Step::LoadImmediate(dst, value) => self.load_immediate(*dst, *value),
            Step::Computed(slot, register) => {
                const ALIGNED: i32 = DATA as i32 - 8;
                self.put(Slot::new(opcode::Mov64Reg, SCRATCH, *register, 0, 0));
                self.put(Slot::new(opcode::And64Imm, SCRATCH, 0, 0, ALIGNED));
                self.put(Slot::new(opcode::Add64Reg, SCRATCH, BASE, 0, 0));
                self.put(at(*slot, SCRATCH, 0));
            }
            Step::Skip(jump, steps) => {
                // As a forward jump its distance is known only later, but
                // not what stands in its place.
                self.put(*jump);
                let place = self.text.len() - 1;
                self.steps(steps, loops);
                let distance = self.text.len() - place - 1;
                let jump = &mut self.text[place];
                if rbpf_isa::form(jump.opcode) == Form::LongJump {
                    jump.immediate = distance as i32;
                } else {
                    jump.offset = distance as i16;
                }
            }
            Step::Loop(count, steps) => {
                let Some(&counter) = COUNTERS.get(loops) else {
                    // Too deeply nested: once.
                    return self.steps(steps, loops);
                };
                self.put(Slot::new(opcode::Mov64Imm, counter, 0, 0, (*count).into()));
                let start = self.text.len();
                self.steps(steps, loops + 1);
                self.put(Slot::new(opcode::Sub64Imm, counter, 0, 0, 1));
                let distance = self.text.len() - start + 1;
                let back = -(distance as i16);
                self.put(Slot::new(opcode::Jne64Imm, counter, 0, back, 0));
            }
            Step::Call(steps) => {
                self.calls.push((self.text.len(), steps));
                // r0 to r5 are the callee's too; the call's distance is
                // filled in later.
                self.put(Slot::new(opcode::Call, 0, 1, 0, 0));
            }
        }
    }

    /// The functions behind the program. What they call in turn is done in
    /// place: one level is what the stack of `rbpf` is made for.
    fn functions(&mut self) {
        for (place, steps) in std::mem::take(&mut self.calls) {
            self.text[place].immediate = (self.text.len() - place - 1) as i32;
            self.function(steps);
        }
    }

    fn function(&mut self, steps: &'p [Step]) {
        let before = self.calls.len();
        self.steps(steps, 0);
        self.put(EXIT);
        // Calls within a function: jump over nothing instead.
        for (place, _) in self.calls.drain(before..) {
            self.text[place] = Slot::new(opcode::Ja, 0, 0, 0, 0);
        }
    }
}
