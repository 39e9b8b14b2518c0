// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last faults, for whoever looks for their cause.
//!
//! All containers share the room, so one that faults all the time loses its own
//! entries, not those of others.

use heapless::{String, Vec};
use rbpf_vm::Fault;

use crate::kv::retain;
use crate::store::{AppId, MAX_NAME};

/// A run that ended in a fault just now.
#[derive(Clone, Copy, Debug)]
pub struct FaultReport<'r> {
    /// Name of the container; `-` for an image that was not installed.
    pub name: &'r str,
    /// The container; its slot is [`HOST`](crate::HOST) for an image that was not
    /// installed.
    pub app: AppId,
    /// What went wrong, and where.
    pub fault: Fault,
    /// r0 to r10. Of a result that is no CoAP response there is r0 alone, and the
    /// others are 0.
    pub registers: &'r [u64; 11],
}

/// A fault as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// Name that the container had.
    pub name: String<MAX_NAME>,
    /// The container, which may be gone.
    pub app: AppId,
    /// What went wrong, and where.
    pub fault: Fault,
    /// As in [`FaultReport::registers`].
    pub registers: [u64; 11],
    /// When it was, by the clock of [`Services::now_ms`](crate::Services::now_ms).
    pub at_ms: u32,
}

/// The last `N` faults. A host keeps it among its [`Services`](crate::Services).
///
/// With `N` 0 it keeps nothing, and what fills it is no code.
#[derive(Debug)]
pub struct FaultLog<const N: usize> {
    /// The oldest first.
    entries: Vec<FaultEntry, N>,
}

impl<const N: usize> FaultLog<N> {
    /// A log without a fault.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Keeps a fault. If there is no room, the oldest is forgotten of the slot that
    /// has most, with this one; of several slots, the oldest of theirs.
    pub fn push(&mut self, report: &FaultReport<'_>, at_ms: u32) {
        if N == 0 {
            return;
        }
        let entry = FaultEntry {
            // A program outside of a store may have a longer name, which nobody needs.
            name: String::try_from(report.name).unwrap_or_default(),
            app: report.app,
            fault: report.fault,
            registers: *report.registers,
            at_ms,
        };
        if let Err(mut entry) = self.entries.push(entry) {
            let slot = |entry: &FaultEntry| entry.app.slot();
            let of = |other: &FaultEntry| {
                let entries = self.entries.iter().chain([&entry]);
                entries.filter(|entry| slot(entry) == slot(other)).count()
            };
            let newest_first = self.entries.iter().enumerate().rev();
            // Of equal ones, the last.
            let first = newest_first.max_by_key(|(_, entry)| of(entry));
            let first = first.map_or(0, |(index, _)| index);
            // Each moves to the place before, and that one out.
            for place in self.entries.iter_mut().skip(first).rev() {
                core::mem::swap(place, &mut entry);
            }
        }
    }

    /// Forgets the faults of a container that is gone.
    pub fn forget(&mut self, app: AppId) {
        if N != 0 {
            retain(&mut self.entries, &mut |entry| entry.app != app);
        }
    }

    /// The fault at a position, from 0 for the last one.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&FaultEntry> {
        self.entries.iter().rev().nth(position)
    }
}

impl<const N: usize> Default for FaultLog<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use rbpf_vm::FaultKind;

    use super::*;

    fn filled<const N: usize>(faults: u32) -> FaultLog<N> {
        of_slots((0..faults).map(|_| 1))
    }

    /// A fault of each slot, one after the other; the pc is the position.
    fn of_slots<const N: usize>(slots: impl IntoIterator<Item = u8>) -> FaultLog<N> {
        let mut log = FaultLog::new();
        for (pc, slot) in (0..).zip(slots) {
            let report = FaultReport {
                name: "name of 16 bytes",
                app: AppId {
                    slot,
                    generation: 2,
                },
                fault: Fault {
                    kind: FaultKind::InvalidRead,
                    pc,
                    address: 0,
                },
                registers: &[pc.into(); 11],
            };
            log.push(&report, pc + 100);
        }
        log
    }

    fn pcs<const N: usize>(log: &FaultLog<N>) -> impl Iterator<Item = u32> {
        (0..)
            .map_while(|position| log.get(position))
            .map(|entry| entry.fault.pc)
    }

    #[test]
    fn the_last_is_the_first() {
        assert!(pcs(&filled::<3>(0)).eq([]));
        assert!(pcs(&filled::<3>(2)).eq([1, 0]));
        assert!(pcs(&filled::<3>(3)).eq([2, 1, 0]));
        assert!(pcs(&filled::<3>(7)).eq([6, 5, 4]));
        assert!(pcs(&filled::<1>(7)).eq([6]));
        let log = filled::<3>(7);
        let entry = log.get(0).expect("a fault");
        assert_eq!(
            (entry.name.as_str(), entry.at_ms),
            ("name of 16 bytes", 106)
        );
        assert_eq!(entry.registers, [6; 11]);
        assert_eq!(log.get(usize::MAX), None);
    }

    #[test]
    fn who_has_most_gives_way() {
        // One that faults all the time, and others that did once.
        assert!(pcs(&of_slots::<3>([0, 1, 2, 2, 2, 2])).eq([5, 1, 0]));
        assert!(pcs(&of_slots::<4>([0, 2, 2, 1, 2, 2, 2])).eq([6, 5, 3, 0]));
        // With the new one it has most.
        assert!(pcs(&of_slots::<4>([0, 0, 1, 1, 1])).eq([4, 3, 1, 0]));
        // Of several that have most, the oldest.
        assert!(pcs(&of_slots::<4>([0, 1, 1, 0, 2])).eq([4, 3, 2, 1]));
        assert!(pcs(&of_slots::<3>([0, 1, 2, 3, 4])).eq([4, 3, 2]));
        assert!(pcs(&of_slots::<1>([0, 1, 2])).eq([2]));
        // Images that are not installed are as a container.
        let host = crate::HOST;
        assert!(pcs(&of_slots::<2>([0, host, host, host])).eq([3, 0]));
    }

    #[test]
    fn those_of_a_container_end_with_it() {
        let mut log = filled::<3>(3);
        let gone = log.get(0).expect("a fault").app;
        let other = AppId {
            generation: gone.generation + 1,
            ..gone
        };
        log.push(
            &FaultReport {
                name: "its successor",
                app: other,
                fault: log.get(0).expect("a fault").fault,
                registers: &[0; 11],
            },
            7,
        );
        log.forget(gone);
        assert_eq!(log.get(0).map(|entry| entry.app), Some(other));
        assert_eq!(log.get(1), None);
    }

    #[test]
    fn none_are_kept_where_there_is_no_room() {
        assert_eq!(filled::<0>(7).get(0), None);
    }
}
