// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plain interpreter, written from RFC 9669 and shared with nothing.
//!
//! It decodes the bits of an instruction as the RFC describes them, knows no
//! table, and calculates in 128 bits, so that a mistake in the project's
//! table or arithmetic does not repeat itself here. It trusts its programs:
//! what is wrong with them is an error at run time, or not noticed.

use std::collections::HashMap;

use rbpf_isa::Slot;

use super::{BUDGET, Divergence, FRAME, Observation, Oracle};

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Model;

const CONTEXT: u64 = 0x1234_0000_0000;
const STACK: u64 = 0x5678_0000_0000;

impl Oracle for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn divergences(&self) -> &'static [Divergence] {
        &[]
    }

    fn run(&self, text: &[Slot], memory: &mut [u8]) -> Result<Observation, String> {
        let bytes = (CONTEXT..).zip(memory.iter().copied()).collect();
        let mut state = State {
            registers: [0; 11],
            bytes,
            frames: Vec::new(),
            pc: 0,
        };
        state.registers[1] = CONTEXT;
        state.registers[2] = memory.len() as u64;
        state.registers[10] = STACK;
        state.grant_frame();
        let mut instructions = 0;
        while !state.step(text)? {
            instructions += 1;
            if instructions >= u64::from(BUDGET) {
                return Err("does not end".to_owned());
            }
        }
        for (address, byte) in (CONTEXT..).zip(memory) {
            *byte = state.bytes[&address];
        }
        Ok(Observation {
            value: state.registers[0],
            instructions: Some(instructions + 1),
        })
    }
}

struct State {
    registers: [u64; 11],
    /// Every byte that may be touched, by its address.
    bytes: HashMap<u64, u8>,
    /// r6 to r10 and the slot to return to.
    frames: Vec<([u64; 5], usize)>,
    pc: usize,
}

impl State {
    /// Lets the guest touch the frame below r10.
    fn grant_frame(&mut self) {
        for address in self.registers[10] - u64::from(FRAME)..self.registers[10] {
            self.bytes.entry(address).or_insert(0);
        }
    }

    fn load(&self, address: u64, size: u64) -> Result<u64, String> {
        let mut value = 0;
        for place in 0..size {
            let byte = self.bytes.get(&address.wrapping_add(place));
            let byte = byte.ok_or_else(|| format!("read at {address:#x}"))?;
            value |= u64::from(*byte) << (8 * place);
        }
        Ok(value)
    }

    fn store(&mut self, address: u64, size: u64, value: u64) -> Result<(), String> {
        for place in 0..size {
            let byte = self.bytes.get_mut(&address.wrapping_add(place));
            let byte = byte.ok_or_else(|| format!("write at {address:#x}"))?;
            *byte = (value >> (8 * place)) as u8;
        }
        Ok(())
    }

    /// Executes an instruction; whether it was the last.
    fn step(&mut self, text: &[Slot]) -> Result<bool, String> {
        let slot = *text.get(self.pc).ok_or("left the program")?;
        self.pc += 1;
        let (class, size, mode) = (slot.opcode & 7, slot.opcode & 0x18, slot.opcode & 0xe0);
        let (operation, by_register) = (slot.opcode >> 4, slot.opcode & 8 != 0);
        let (dst, src) = (slot.dst(), slot.src());
        let immediate = i64::from(slot.immediate) as u64;
        let operand = if by_register {
            self.registers[src]
        } else {
            immediate
        };
        let bytes = match size {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => 8,
        };
        let at = |register: u64| register.wrapping_add(i64::from(slot.offset) as u64);
        match class {
            // LD: only the 64-bit immediate.
            0 => {
                let second = text.get(self.pc).ok_or("half an instruction")?;
                self.pc += 1;
                self.registers[dst] =
                    u64::from(slot.immediate as u32) + (u64::from(second.immediate as u32) << 32);
            }
            // LDX
            1 => {
                let value = self.load(at(self.registers[src]), bytes)?;
                self.registers[dst] = match mode {
                    0x80 => extend(value, 8 * bytes as u32),
                    _ => value,
                };
            }
            // ST
            2 => self.store(at(self.registers[dst]), bytes, immediate)?,
            // STX
            3 if mode == 0xc0 => self.atomic(slot, at(self.registers[dst]), bytes)?,
            3 => self.store(at(self.registers[dst]), bytes, self.registers[src])?,
            // ALU, ALU64
            4 | 7 => {
                self.registers[dst] = arithmetic(slot, self.registers[dst], operand)?;
            }
            // JMP, JMP32
            _ => match operation {
                0 if class == 6 => self.jump(slot.immediate),
                0 => self.jump(slot.offset.into()),
                8 => {
                    if src != 1 {
                        return Err("no helpers".to_owned());
                    }
                    let mut saved = [0; 5];
                    saved.copy_from_slice(&self.registers[6..]);
                    self.frames.push((saved, self.pc));
                    self.registers[10] += u64::from(FRAME);
                    self.grant_frame();
                    self.jump(slot.immediate);
                }
                9 => {
                    let Some((saved, pc)) = self.frames.pop() else {
                        return Ok(true);
                    };
                    self.registers[6..].copy_from_slice(&saved);
                    self.pc = pc;
                }
                _ => {
                    let bits = if class == 6 { 32 } else { 64 };
                    if holds(operation, bits, self.registers[dst], operand)? {
                        self.jump(slot.offset.into());
                    }
                }
            },
        }
        Ok(false)
    }

    fn jump(&mut self, distance: i32) {
        self.pc = self.pc.wrapping_add_signed(distance as isize);
    }

    /// Section 5.3.
    fn atomic(&mut self, slot: Slot, address: u64, bytes: u64) -> Result<(), String> {
        let old = self.load(address, bytes)?;
        let operand = self.registers[slot.src()];
        let (fetch, operation) = (slot.immediate & 1 != 0, slot.immediate & !1);
        let expected = cut(self.registers[0], 8 * bytes as u32);
        let new = match operation {
            0x00 => old.wrapping_add(operand),
            0x40 => old | operand,
            0x50 => old & operand,
            0xa0 => old ^ operand,
            0xe0 => operand,
            0xf0 if old == expected => operand,
            0xf0 => old,
            _ => return Err(format!("atomic operation {operation:#x}")),
        };
        self.store(address, bytes, new)?;
        if operation == 0xf0 {
            self.registers[0] = old;
        } else if fetch {
            self.registers[slot.src()] = old;
        }
        Ok(())
    }
}

/// The low bits of a value.
fn cut(value: u64, bits: u32) -> u64 {
    (u128::from(value) % (1 << bits)) as u64
}

/// The low bits of a value with their sign.
fn extend(value: u64, bits: u32) -> u64 {
    signed(value, bits) as u64
}

/// The low bits of a value as a number with a sign.
fn signed(value: u64, bits: u32) -> i128 {
    let value = i128::from(cut(value, bits));
    if value >= 1 << (bits - 1) {
        value - (1 << bits)
    } else {
        value
    }
}

/// Sections 4.1 and 4.2.
fn arithmetic(slot: Slot, dst: u64, operand: u64) -> Result<u64, String> {
    let wide = slot.opcode & 7 == 7;
    let bits = if wide { 64 } else { 32 };
    let (a, b) = (cut(dst, bits), cut(operand, bits));
    let (signed_a, signed_b) = (signed(dst, bits), signed(operand, bits));
    let sign = slot.offset == 1;
    let result: i128 = match slot.opcode >> 4 {
        0x0 => i128::from(a) + i128::from(b),
        0x1 => i128::from(a) - i128::from(b),
        0x2 => (u128::from(a) * u128::from(b)) as i128,
        0x3 if b == 0 => 0,
        0x3 if sign => signed_a / signed_b,
        0x3 => i128::from(a / b),
        0x4 => i128::from(a | b),
        0x5 => i128::from(a & b),
        0x6 => i128::from(a) << (b % u64::from(bits)),
        0x7 => i128::from(a) >> (b % u64::from(bits)),
        0x8 => -i128::from(a),
        0x9 if b == 0 => i128::from(a),
        0x9 if sign => signed_a % signed_b,
        0x9 => i128::from(a % b),
        0xa => i128::from(a ^ b),
        0xb => match slot.offset {
            0 => i128::from(b),
            from => signed(operand, from as u32),
        },
        0xc => signed_a >> (b % u64::from(bits)),
        0xd => {
            // In class ALU the source bit means big-endian, in class ALU64
            // the bytes are always reversed.
            let width = slot.immediate as u32;
            let mut bytes = dst.to_le_bytes()[..width as usize / 8].to_vec();
            if wide || slot.opcode & 8 != 0 {
                bytes.reverse();
            }
            bytes.resize(8, 0);
            let bytes: [u8; 8] = bytes.try_into().map_err(|_| "width")?;
            return Ok(u64::from_le_bytes(bytes));
        }
        other => return Err(format!("operation {other:#x}")),
    };
    Ok(cut(result as u64, bits))
}

/// Section 4.3: whether a condition holds.
fn holds(operation: u8, bits: u32, dst: u64, operand: u64) -> Result<bool, String> {
    let (a, b) = (cut(dst, bits), cut(operand, bits));
    let (signed_a, signed_b) = (signed(dst, bits), signed(operand, bits));
    Ok(match operation {
        0x1 => a == b,
        0x2 => a > b,
        0x3 => a >= b,
        0x4 => a & b != 0,
        0x5 => a != b,
        0x6 => signed_a > signed_b,
        0x7 => signed_a >= signed_b,
        0xa => a < b,
        0xb => a <= b,
        0xc => signed_a < signed_b,
        0xd => signed_a <= signed_b,
        other => return Err(format!("condition {other:#x}")),
    })
}
