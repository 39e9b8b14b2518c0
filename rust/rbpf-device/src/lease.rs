// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers that are there for a time: unless who has installed one renews
//! its lease, the device removes it.
//!
//! Leases are few and lie in a table of their own, so that containers without
//! one take no more memory. Each tenant has at most its share of it, and so have the
//! containers without one. A lease belongs to an id: what replaces a container
//! has none.

use heapless::Vec;
use rbpf_runtime::AppId;

use crate::job::Status;

/// Seconds of the longest lease: a day.
pub const MAX_LEASE: u32 = 86_400;

/// Leases of at most `N` containers. With 0, none of its code remains.
#[derive(Debug, Default)]
pub struct Leases<const N: usize>(Vec<Lease, N>);

#[derive(Clone, Copy, Debug)]
struct Lease {
    app: AppId,
    /// When it is over, by the clock of the runtime's services; wraps.
    end: u32,
}

impl Lease {
    /// Milliseconds that are left; none or less, and it is over.
    fn left(&self, now: u32) -> i32 {
        // A lease is shorter than half of the clock's range.
        self.end.wrapping_sub(now) as i32
    }
}

impl<const N: usize> Leases<N> {
    /// No leases.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Gives a container a lease of so many seconds from now on, in place of the
    /// one that it has; 0 ends that, and the container stays. It is one of a `party`,
    /// whose containers have no more than one of so many equal shares of the table.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is longer than [`MAX_LEASE`], `Full` if there is no room, or
    /// none for that party.
    pub(crate) fn set(
        &mut self,
        app: AppId,
        seconds: u32,
        now: u32,
        party: impl Fn(AppId) -> bool,
        parties: usize,
    ) -> Result<(), Status> {
        if seconds > MAX_LEASE {
            return Err(Status::Invalid);
        }
        if seconds == 0 {
            self.0.retain(|lease| lease.app != app);
            return Ok(());
        }
        let end = now.wrapping_add(seconds * 1000);
        match self.0.iter_mut().find(|lease| lease.app == app) {
            Some(lease) => {
                lease.end = end;
                Ok(())
            }
            None => {
                let share = N.checked_div(parties).unwrap_or(N).max(1);
                if self.0.iter().filter(|lease| party(lease.app)).count() >= share {
                    return Err(Status::Full);
                }
                self.0.push(Lease { app, end }).map_err(|_| Status::Full)
            }
        }
    }

    /// Forgets the leases of containers that are gone; the owner of the runtime does it
    /// when its [revision](rbpf_runtime::Runtime::revision) is another one.
    pub fn retain(&mut self, is_there: impl Fn(AppId) -> bool) {
        self.0.retain(|lease| is_there(lease.app));
    }

    /// Seconds that a container has left, rounded up, if it has a lease.
    pub(crate) fn left(&self, app: AppId, now: u32) -> Option<u32> {
        if N == 0 {
            return None;
        }
        let lease = self.0.iter().find(|lease| lease.app == app)?;
        Some(lease.left(now).max(0).unsigned_abs().div_ceil(1000))
    }

    /// Milliseconds until a lease is over, 0 if one is; `None` if there are none.
    /// The owner of the runtime waits no longer than that.
    #[must_use]
    pub fn next(&self, now: u32) -> Option<u32> {
        let left = self.0.iter().map(|lease| lease.left(now)).min()?;
        Some(left.max(0).unsigned_abs())
    }

    /// Takes a lease that is over: its container, which may be gone, is to be
    /// removed. The owner of the runtime asks in its turns.
    pub fn take_expired(&mut self, now: u32) -> Option<AppId> {
        let over = self.0.iter().position(|lease| lease.left(now) <= 0)?;
        Some(self.0.swap_remove(over).app)
    }
}
