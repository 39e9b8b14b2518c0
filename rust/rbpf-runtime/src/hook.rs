// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hooks: what the host's events are to the runtime.

use rbpf_abi::Capabilities;

use crate::runtime::BindError;

/// Which containers an event runs, of those that are bound to its hook, and
/// which of their results is that of the event. A run that ended in a fault
/// has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// All run, and the last result counts.
    #[default]
    Last,
    /// The first result that is not 0 counts, and those after it do not run. If
    /// there is none, it is 0.
    FirstNonZero,
    /// All run and must agree: 0 if one result is, else the last.
    All,
    /// The last result counts; a fault ends the event, which has none then.
    StopOnFault,
}

impl Policy {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [Self::Last, Self::FirstNonZero, Self::All, Self::StopOnFault];

    /// The result of an event after a further run.
    pub(crate) fn combine(self, before: Option<u64>, result: u64) -> u64 {
        match before {
            Some(0) if self == Self::All => 0,
            _ => result,
        }
    }
}

/// A place where the host has containers run: its name, and the rules there.
///
/// Which there are is the host's business; the runtime keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook<'h> {
    /// What containers are bound to.
    pub name: &'h str,
    /// Which of several results is that of an event.
    pub policy: Policy,
    /// What a container must have been granted to be bound.
    pub needs: Capabilities,
    /// What a container must have been granted for its result to be looked at;
    /// without, it may only watch.
    pub say: Capabilities,
    /// What a container must not have been granted to be bound.
    pub forbids: Capabilities,
    /// Instructions that a run may execute here, not one more, whatever it may elsewhere.
    /// Such a run is never paused.
    pub budget: Option<u32>,
    /// Whether nobody waits for the event, so that a run that is over its budget
    /// may be [paused](crate::Runtime::set_pauses). It has no result then.
    pub posted: bool,
}

impl<'h> Hook<'h> {
    /// A hook for everyone, where the last result counts.
    #[must_use]
    pub const fn new(name: &'h str) -> Self {
        Self {
            name,
            policy: Policy::Last,
            needs: Capabilities::CORE,
            say: Capabilities::CORE,
            forbids: Capabilities::CORE,
            budget: None,
            posted: false,
        }
    }

    /// The same, for an event that nobody waits for.
    #[must_use]
    pub const fn posted(self) -> Self {
        Self {
            posted: true,
            ..self
        }
    }

    /// The same, with another policy.
    #[must_use]
    pub const fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same, with a bound on how long a run takes: so many instructions, and no
    /// container that calls helpers which [may wait](Capabilities::MAY_WAIT).
    #[must_use]
    pub const fn bounded(self, budget: u32) -> Self {
        Self {
            forbids: Capabilities::MAY_WAIT,
            budget: Some(budget),
            ..self
        }
    }

    /// Whether a container may be bound that has been granted this.
    pub(crate) fn admit(&self, granted: Capabilities) -> Result<(), BindError> {
        if !granted.contains(self.needs) {
            Err(BindError::Denied)
        } else if granted.intersects(self.forbids) {
            Err(BindError::Forbidden)
        } else {
            Ok(())
        }
    }
}
