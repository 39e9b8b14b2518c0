// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last faults, for whoever looks for their cause.

use heapless::{String, Vec};
use rbpf_vm::Fault;

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
    entries: Vec<FaultEntry, N>,
    /// Index of the oldest entry.
    oldest: usize,
}

impl<const N: usize> FaultLog<N> {
    /// A log without a fault.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            oldest: 0,
        }
    }

    /// Keeps a fault, and forgets the oldest if there is no room.
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
        if let Err(entry) = self.entries.push(entry)
            && let Some(oldest) = self.entries.get_mut(self.oldest)
        {
            *oldest = entry;
            self.oldest = (self.oldest + 1).checked_rem(N).unwrap_or(0);
        }
    }

    /// The fault at a position, from 0 for the last one.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&FaultEntry> {
        let (newer, older) = self.entries.split_at_checked(self.oldest)?;
        let mut newest_first = newer.iter().rev().chain(older.iter().rev());
        newest_first.nth(position)
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
        let mut log = FaultLog::new();
        for pc in 0..faults {
            let report = FaultReport {
                name: "name of 16 bytes",
                app: AppId {
                    slot: 1,
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
    fn none_are_kept_where_there_is_no_room() {
        assert_eq!(filled::<0>(7).get(0), None);
    }
}
