// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pausing: a run that is over its budget goes on later.
//!
//! Containers run one at a time on one stack. So what a paused run has there, in
//! its data and in its context is kept aside, and others run meanwhile. It is for
//! runs that nobody waits for.

use heapless::Vec;
use rbpf_vm::Machine;

use crate::kv::retain;
use crate::store::AppId;
use crate::tenant::TenantId;

/// Bytes of the longest context of a run that is paused.
pub const MAX_PAUSED_CONTEXT: usize = 64;

/// A run that is to go on.
#[derive(Debug)]
pub(crate) struct PausedRun {
    pub(crate) app: AppId,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) machine: Machine,
    /// How often it may still be paused.
    pub(crate) left: u16,
    /// Bytes of its context.
    pub(crate) context: usize,
    /// Which part of the memory is its; who keeps it says.
    pub(crate) place: usize,
}

/// Up to `RUNS` paused runs, in the order of their turns, and the memory for what
/// they have, of which each has an equal part. Where there are none, no code for
/// it is linked.
#[derive(Debug)]
pub(crate) struct Pause<'s, const RUNS: usize> {
    runs: Vec<PausedRun, RUNS>,
    memory: &'s mut [u8],
}

impl<'s, const RUNS: usize> Pause<'s, RUNS> {
    pub(crate) fn new() -> Self {
        Self {
            runs: Vec::new(),
            memory: &mut [],
        }
    }

    pub(crate) fn set_memory(&mut self, memory: &'s mut [u8]) {
        self.runs.clear();
        self.memory = memory;
    }

    /// The containers whose runs are paused, in the order of their turns.
    pub(crate) fn runs(&self) -> &[PausedRun] {
        if RUNS == 0 { &[] } else { &self.runs }
    }

    /// Takes out the run of a container. Its memory is there until another is
    /// kept.
    pub(crate) fn take(&mut self, app: AppId) -> Option<PausedRun> {
        let index = self.runs().iter().position(|run| run.app == app)?;
        Some(self.runs.remove(index))
    }

    /// Forgets runs of containers without a tenant, but for so many.
    pub(crate) fn leave_to_others(&mut self, most: usize) {
        let mut kept = 0;
        retain(&mut self.runs, &mut |run| {
            kept += usize::from(run.tenant.is_none());
            run.tenant.is_some() || kept <= most
        });
    }

    /// Bytes for each run.
    fn room(&self) -> usize {
        self.memory.len().checked_div(RUNS).unwrap_or(0)
    }

    /// The memory of a place.
    fn memory(&mut self, place: usize) -> &mut [u8] {
        let room = self.room();
        let mut places = self.memory.chunks_exact_mut(room.max(1));
        places.nth(place).unwrap_or_default()
    }

    /// Keeps stack, data and context of a run, and says where: in
    /// [`PausedRun::place`] of the run to be [kept](Self::keep) next. `None` if there
    /// is no room, or as many of its tenant's are here as may be.
    pub(crate) fn save(
        &mut self,
        tenant: Option<TenantId>,
        most: usize,
        memory: [&[u8]; 3],
    ) -> Option<usize> {
        let others = self.runs.iter().filter(|other| other.tenant == tenant);
        let length: usize = memory.iter().map(|part| part.len()).sum();
        let [.., context] = memory;
        if others.count() >= most || context.len() > MAX_PAUSED_CONTEXT || length > self.room() {
            return None;
        }
        let free = |&place: &usize| self.runs.iter().all(|other| other.place != place);
        let place = (0..RUNS).find(free)?;
        let mut rest = self.memory(place);
        for part in memory {
            let (kept, after) = rest.split_at_mut_checked(part.len())?;
            kept.copy_from_slice(part);
            rest = after;
        }
        Some(place)
    }

    /// Keeps a run as the last.
    pub(crate) fn keep(&mut self, run: PausedRun) {
        // Its place was free, so there is room.
        let _ = self.runs.push(run);
    }

    /// Puts back what a run had when it was kept.
    pub(crate) fn restore(&mut self, run: &PausedRun, memory: [&mut [u8]; 3]) {
        let mut rest = &*self.memory(run.place);
        for part in memory {
            let Some((kept, after)) = rest.split_at_checked(part.len()) else {
                return;
            };
            part.copy_from_slice(kept);
            rest = after;
        }
    }
}
