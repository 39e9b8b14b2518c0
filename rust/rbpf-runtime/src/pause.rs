// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pausing: a run that is over its budget goes on later.
//!
//! Containers run one at a time on one stack. So what a paused run has there, in
//! its data and in its context is kept aside, and others run meanwhile. There is
//! one place, for runs that nobody waits for.

use rbpf_vm::Machine;

use crate::store::AppId;

/// Bytes of the longest context of a run that is paused.
pub const MAX_PAUSED_CONTEXT: usize = 64;

/// A run that is to go on.
#[derive(Debug)]
pub(crate) struct PausedRun {
    pub(crate) app: AppId,
    pub(crate) machine: Machine,
    /// How often it may still be paused.
    pub(crate) left: u16,
    /// Bytes of its context.
    pub(crate) context: usize,
}

/// The place for a paused run, with `BYTES` for its memory. Without any, nothing
/// is paused, and no code for it is linked.
#[derive(Debug)]
pub(crate) struct Pause<const BYTES: usize> {
    run: Option<PausedRun>,
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Pause<BYTES> {
    pub(crate) const fn new() -> Self {
        Self {
            run: None,
            bytes: [0; BYTES],
        }
    }

    /// The run that is paused.
    pub(crate) fn run(&self) -> Option<&PausedRun> {
        if BYTES == 0 { None } else { self.run.as_ref() }
    }

    /// Takes the run out, whose memory stays here until another is kept.
    pub(crate) fn take(&mut self) -> Option<PausedRun> {
        if BYTES == 0 { None } else { self.run.take() }
    }

    /// Whether a run could be kept with so much memory.
    pub(crate) fn has_room(&self, stack: usize, data: usize, context: usize) -> bool {
        self.run.is_none() && context <= MAX_PAUSED_CONTEXT && stack + data + context <= BYTES
    }

    /// Keeps a run and its memory, for which there is room.
    pub(crate) fn keep(&mut self, run: PausedRun, memory: [&[u8]; 3]) {
        let mut rest = &mut self.bytes[..];
        for part in memory {
            let Some((place, after)) = rest.split_at_mut_checked(part.len()) else {
                return;
            };
            place.copy_from_slice(part);
            rest = after;
        }
        self.run = Some(run);
    }

    /// Puts the memory back.
    pub(crate) fn restore(&self, memory: [&mut [u8]; 3]) {
        let mut rest = &self.bytes[..];
        for part in memory {
            let Some((place, after)) = rest.split_at_checked(part.len()) else {
                return;
            };
            part.copy_from_slice(place);
            rest = after;
        }
    }
}
