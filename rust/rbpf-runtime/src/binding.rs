// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bindings: which container is triggered by what.

use heapless::String;

use crate::store::AppId;
use crate::timer::Timer;
use crate::watch::Watch;

/// Bytes of the longest target that a container can be bound to.
pub const MAX_TARGET: usize = 32;

#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) target: String<MAX_TARGET>,
    pub(crate) app: AppId,
    pub(crate) source: Source,
    /// Events that have come to it.
    pub(crate) events: u32,
}

/// Who triggers what is bound to a target.
#[derive(Debug)]
pub(crate) enum Source {
    /// The host: it is a path, or the name of a hook.
    Host,
    Timer(Timer),
    /// The container sets it, or not.
    Alarm(Option<Timer>),
    Watch(Watch),
    /// The answers to the container's own requests.
    Answer,
}

impl Binding {
    /// Counts an event that comes to it.
    pub(crate) fn count(&mut self) {
        self.events = self.events.wrapping_add(1);
    }

    /// What the clock triggers.
    pub(crate) fn timer(&self) -> Option<&Timer> {
        match &self.source {
            Source::Timer(timer) | Source::Alarm(Some(timer)) => Some(timer),
            _ => None,
        }
    }

    /// Forgets what the container has set itself.
    pub(crate) fn silence(&mut self) {
        if let Source::Alarm(alarm) = &mut self.source {
            *alarm = None;
        }
    }
}

/// The alarm of a container, if it is bound to one.
pub(crate) fn alarm_of(bindings: &mut [Binding], app: AppId) -> Option<&mut Option<Timer>> {
    bindings
        .iter_mut()
        .find_map(|binding| match &mut binding.source {
            Source::Alarm(alarm) if binding.app == app => Some(alarm),
            _ => None,
        })
}
