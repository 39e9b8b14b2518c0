// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waking from WFE by a pending interrupt that is not enabled.
//!
//! With SCR.SEVONPEND, an interrupt that becomes pending is an event, enabled
//! or not, and ends WFE (Armv7-M, B1.5.18). The core of `rsemu` wakes only for
//! enabled interrupts, and its event register is out of reach. RIOT's random
//! number driver sleeps exactly so. The way out: for the time of one NOP, which
//! the bus keeps at [`NOP_BASE`], the core is shown a spare interrupt, enabled
//! and pending, while PRIMASK keeps it from being taken.

use rsemu::cpu::arm::v7m::ArmV7m;
use rsemu::cpu::arm::v7m::sys::Exception;

use crate::bus::NOP_BASE;
use crate::memory::Memory;

/// SCR.SEVONPEND.
const SEVONPEND: u32 = 1 << 4;
/// The encoding of WFE.
const WFE: u16 = 0xbf20;
/// The highest exception, which no nRF52840 has.
const SPARE: usize = Exception::COUNT - 1;

/// Wakes a sleeping core if an event does that; returns the cycles it took.
pub fn wake(core: &ArmV7m, memory: &Memory) -> Option<u64> {
    let pending =
        core.with_sys(|sys| sys.scr & SEVONPEND != 0 && sys.pending.iter().any(|word| *word != 0));
    if !pending || !sleeps_for_event(core, memory) {
        return None;
    }
    let (word, bit) = (SPARE / 32, 1 << (SPARE % 32));
    let before = core.regs();
    let mpu = core.with_sys(|sys| {
        sys.enable[word] |= bit;
        sys.pending[word] |= bit;
        std::mem::take(&mut sys.mpu_ctrl)
    });
    let mut masked = before;
    masked.primask = true;
    masked.r[15] = NOP_BASE;
    core.set_regs(masked);
    let cycles = core.step();
    core.with_sys(|sys| {
        sys.enable[word] &= !bit;
        sys.pending[word] &= !bit;
        sys.mpu_ctrl = mpu;
    });
    core.set_regs(before);
    (!core.is_asleep()).then_some(cycles)
}

/// Whether the instruction that put the core to sleep was WFE.
fn sleeps_for_event(core: &ArmV7m, memory: &Memory) -> bool {
    let mut instruction = [0; 2];
    memory.read(core.pc().wrapping_sub(2), &mut instruction)
        && u16::from_le_bytes(instruction) == WFE
}
