// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time of a helper that others have taken.
//!
//! A workstation runs other programs. A thread that is interrupted by them seems to wait
//! for milliseconds where it does not, and no container is to be charged for that; one that
//! sleeps or is blocked does wait.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// What others had taken of the processor at some time.
#[derive(Debug)]
pub(super) struct Interruptions(Option<Usage>);

impl Interruptions {
    pub(super) fn now() -> Self {
        Self(getrusage(UsageWho::RUSAGE_THREAD).ok())
    }

    /// Microseconds that this thread has had of a processor since, if it was interrupted.
    pub(super) fn since(&self) -> Option<u32> {
        let (then, now) = (self.0?, Self::now().0?);
        let had = |usage: Usage| {
            let time = usage.user_time() + usage.system_time();
            time.num_microseconds()
        };
        let is_interrupted =
            now.involuntary_context_switches() != then.involuntary_context_switches();
        is_interrupted.then(|| u32::try_from(had(now) - had(then)).unwrap_or(u32::MAX))
    }
}
