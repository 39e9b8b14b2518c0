// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor knew when it took a fault.

use std::fmt::Write;

use rsemu::cpu::arm::v7m::ArmV7m;

use crate::image::Image;
use crate::memory::Memory;

/// The exception number of HardFault.
pub const HARD_FAULT: u32 = 3;

const CFSR: [(u32, &str); 17] = [
    (0, "no execute permission (MPU)"),
    (1, "no data permission (MPU)"),
    (3, "MPU fault at exception return"),
    (4, "MPU fault at exception entry"),
    (5, "MPU fault while saving the FPU"),
    (8, "no memory to execute from"),
    (9, "precise data bus error"),
    (10, "imprecise data bus error"),
    (11, "bus error at exception return"),
    (12, "bus error at exception entry (stack overflow?)"),
    (13, "bus error while saving the FPU"),
    (16, "undefined instruction"),
    (17, "not in Thumb state"),
    (18, "bad return from an exception"),
    (19, "no coprocessor"),
    (24, "unaligned access"),
    (25, "division by zero"),
];
const MMFAR_VALID: u32 = 1 << 7;
const BFAR_VALID: u32 = 1 << 15;

const HFSR: [(u32, &str); 3] = [(1, "no vector"), (30, "escalated"), (31, "breakpoint")];

/// Whether this exception number is that of a fault.
#[must_use]
pub const fn is_fault(exception: u32) -> bool {
    matches!(exception, HARD_FAULT..=6)
}

/// A report on the fault whose handler the processor has just entered.
#[must_use]
pub fn report(core: &ArmV7m, memory: &Memory, image: &Image, exception: u32) -> String {
    let registers = core.regs();
    let [.., link, _] = registers.r[12..16] else {
        return String::new();
    };
    // EXC_RETURN says on which stack the frame is.
    let frame = if link & 4 != 0 {
        registers.psp
    } else {
        registers.msp
    };
    let stacked = |index: u32| memory.word(frame.wrapping_add(4 * index));
    let name = match exception {
        HARD_FAULT => "HardFault",
        4 => "MemManage fault",
        5 => "BusFault",
        _ => "UsageFault",
    };
    let mut text = String::from(name);
    let mode = if link & 8 == 0 {
        "an interrupt handler"
    } else {
        "a thread"
    };
    let stack = if link & 4 != 0 { "process" } else { "main" };
    // Writing to a String cannot fail.
    let _ = write!(text, " in {mode} on the {stack} stack");
    match (stacked(6), stacked(5)) {
        (Some(pc), Some(lr)) => {
            let _ = write!(
                text,
                "\n  pc  {}\n  lr  {}",
                image.describe_code(pc),
                image.describe_code(lr)
            );
            for (index, register) in ["r0", "r1", "r2", "r3", "r12"].into_iter().enumerate() {
                let separator = if index == 0 { "\n  " } else { "  " };
                let value = stacked(index as u32).unwrap_or_default();
                let _ = write!(text, "{separator}{register} {value:#010x}");
            }
            let xpsr = stacked(7).unwrap_or_default();
            let _ = write!(text, "  xpsr {xpsr:#010x}");
        }
        _ => {
            let _ = write!(
                text,
                "\n  the frame at {frame:#010x} is not in memory: the stack pointer was bad"
            );
        }
    }
    for (index, value) in registers.r.iter().enumerate().take(12).skip(4) {
        let separator = if index == 4 { "\n  " } else { "  " };
        let _ = write!(text, "{separator}r{index} {value:#010x}");
    }
    let _ = write!(
        text,
        "\n  frame {frame:#010x}  msp {:#010x}  psp {:#010x}",
        registers.msp, registers.psp
    );
    let (cfsr, hfsr, mmfar, bfar) = core.with_sys(|sys| (sys.cfsr, sys.hfsr, sys.mmfar, sys.bfar));
    let _ = write!(text, "\n  cfsr {cfsr:#010x}  hfsr {hfsr:#010x}");
    let causes = CFSR
        .iter()
        .filter(|(bit, _)| cfsr >> bit & 1 == 1)
        .chain(HFSR.iter().filter(|(bit, _)| hfsr >> bit & 1 == 1));
    for (_, cause) in causes {
        let _ = write!(text, "\n  {cause}");
    }
    if cfsr & MMFAR_VALID != 0 {
        let _ = write!(text, " at {mmfar:#010x}");
    }
    if cfsr & BFAR_VALID != 0 {
        let _ = write!(text, " (address {bfar:#010x})");
    }
    text
}
