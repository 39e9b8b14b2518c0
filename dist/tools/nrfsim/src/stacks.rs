// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of its stack each thread of a RIOT image has used, at most.
//!
//! A thread control block lies at the top of its thread's stack, and
//! `sched_threads` points to it. The stack's extent comes from the control
//! block where the image has it (DEVELHELP), else from the symbol that the
//! control block lies in: stacks are static arrays. How far it was used shows
//! in the lowest word that has changed: from its own address, where RIOT
//! prepared the stack so (THREAD_CREATE_STACKTEST), else from zero, with which
//! `.bss` begins. In the second case a word that was used but holds zero is
//! overlooked, so the result is a lower bound, close in practice.

use crate::image::Image;
use crate::layout::ThreadLayout;
use crate::memory::{Memory, RAM_BASE};

/// What RIOT's start-up code fills the interrupt stack with
/// (`STACK_CANARY_WORD`).
const CANARY: u32 = 0xe7fe_e7fe;
/// Longest name of a thread.
const NAME: u32 = 64;

/// How a stack was prepared, which says how far the result can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Each word with its own address.
    Addresses,
    /// With a fixed word.
    Canary,
    /// With zeros: the result is a lower bound.
    Zeros,
}

/// The use of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackUse {
    /// The thread's number; `None` for the stack of interrupts.
    pub pid: Option<u32>,
    /// The thread's name, or that of its stack.
    pub name: String,
    /// Bytes from the top to the lowest word that was used, with the control
    /// block.
    pub used: u32,
    /// Bytes in all.
    pub size: u32,
    /// How the stack was prepared.
    pub fill: Fill,
}

/// The use of all stacks; empty if the image is not RIOT.
#[must_use]
pub fn measure(image: &Image, memory: &Memory) -> Vec<StackUse> {
    let mut stacks = Vec::new();
    stacks.extend(interrupt_stack(image, memory));
    let Some(table) = image.symbol("sched_threads") else {
        return stacks;
    };
    let layout = ThreadLayout::of(image);
    for pid in 0..table.size / 4 {
        let Some(block) = memory
            .word(table.address.wrapping_add(4 * pid))
            .filter(|block| *block != 0)
        else {
            continue;
        };
        stacks.extend(thread_stack(image, memory, &layout, pid, block));
    }
    stacks
}

fn interrupt_stack(image: &Image, memory: &Memory) -> Option<StackUse> {
    let (start, end) = (
        image.symbol("_sstack")?.address,
        image.symbol("_estack")?.address,
    );
    let size = end
        .checked_sub(start)
        .filter(|size| Memory::is_ram(start, *size))?;
    // Without DEVELHELP it is not filled, and holds what it held at power-on.
    let canary = (0..size / 4).any(|index| memory.word(start + 4 * index) == Some(CANARY));
    let (fill, prepared) = if canary {
        (Fill::Canary, CANARY)
    } else {
        (Fill::Zeros, 0)
    };
    let used = size - untouched(memory, start, size, |_| prepared);
    Some(StackUse {
        pid: None,
        name: "interrupts, boot".into(),
        used,
        size,
        fill,
    })
}

fn thread_stack(
    image: &Image,
    memory: &Memory,
    layout: &ThreadLayout,
    pid: u32,
    block: u32,
) -> Option<StackUse> {
    let field = |offset: Option<u32>| memory.word(block.wrapping_add(offset?));
    let array = image.symbol_at(block, false);
    let recorded = field(layout.stack_start).zip(field(layout.stack_size));
    let (start, size) = recorded
        .filter(|(start, size)| block.wrapping_sub(*start) < *size)
        .or_else(|| array.map(|array| (array.address, array.size)))?;
    if !Memory::is_ram(start, size) {
        return None;
    }
    let name = field(layout.name)
        .and_then(|name| memory.text(name, NAME))
        .or_else(|| array.map(|array| array.name.clone()));
    // The guard at the bottom may be all that was written by THREAD_CREATE_NO_STACKTEST.
    let start = start.next_multiple_of(4);
    let size = size & !3;
    let prepared = memory.word(start.wrapping_add(4)) == Some(start.wrapping_add(4));
    let (fill, free) = if prepared {
        (
            Fill::Addresses,
            untouched(memory, start, size, |address| address),
        )
    } else {
        let guard = if memory.word(start) == Some(start) {
            4
        } else {
            0
        };
        (
            Fill::Zeros,
            guard + untouched(memory, start + guard, size.saturating_sub(guard), |_| 0),
        )
    };
    Some(StackUse {
        pid: Some(pid),
        name: name.unwrap_or_default(),
        used: size.saturating_sub(free),
        size,
        fill,
    })
}

/// Bytes from `start` whose words are still as they were prepared.
fn untouched(memory: &Memory, start: u32, size: u32, prepared: impl Fn(u32) -> u32) -> u32 {
    let words = (0..size / 4).map(|index| start.wrapping_add(4 * index));
    4 * words
        .take_while(|address| {
            *address >= RAM_BASE && memory.word(*address) == Some(prepared(*address))
        })
        .count() as u32
}

/// The report as a table.
#[must_use]
pub fn table(stacks: &[StackUse]) -> String {
    let mut text = String::from("stack use, high-water marks in bytes:");
    if stacks.is_empty() {
        text += "\n  none found: the image has no symbols `sched_threads`, `_sstack`";
    }
    for stack in stacks {
        let pid = stack.pid.map_or_else(|| "-".into(), |pid| pid.to_string());
        let percent = u64::from(stack.used) * 100 / u64::from(stack.size.max(1));
        let bound = match stack.fill {
            Fill::Zeros => "  at least",
            _ if stack.used == stack.size => "  full, perhaps more",
            _ => "",
        };
        text += &format!(
            "\n  {pid:>3}  {:<20} {:>6} of {:>6}  {percent:>3} %{bound}",
            stack.name, stack.used, stack.size
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_the_lowest_word_that_changed() {
        let memory = Memory::new();
        for address in (RAM_BASE..RAM_BASE + 64).step_by(4) {
            assert!(memory.write(address, &address.to_le_bytes()));
        }
        assert_eq!(untouched(&memory, RAM_BASE, 64, |address| address), 64);
        assert!(memory.write(RAM_BASE + 20, &[0; 4]));
        assert_eq!(untouched(&memory, RAM_BASE, 64, |address| address), 20);
        assert_eq!(untouched(&memory, u32::MAX - 8, 64, |_| 0), 0);
    }

    #[test]
    fn an_image_that_is_not_riot_has_no_stacks() {
        let mut code = vec![0; 16];
        code[..8].copy_from_slice(&[0, 0, 4, 0x20, 9, 0, 0, 0]);
        let image = Image::from_flash(&code).unwrap_or_else(|error| panic!("{error}"));
        assert!(measure(&image, &Memory::new()).is_empty());
        assert!(table(&[]).contains("none found"));
    }
}
