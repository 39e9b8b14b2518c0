// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated sources of events: what happens to pins, and what else is said to happen.
//!
//! They have no thread: the device's own asks in its turns what is due, and waits
//! no longer than until the next.

use rbpf_abi::Capabilities;
use rbpf_abi::context::GpioContext;
use rbpf_runtime::Hook;

use super::DeviceSettings;
use crate::config::{Direction, EventConfig, GPIO_PREFIX, PinConfig, SAUL_PREFIX, When};

/// The hook of switches from one thread to another.
const SCHED: &str = "sched";
/// Instructions for one of them; as many as on a device by default.
const SCHED_BUDGET: u32 = 500;

/// What is to come.
#[derive(Debug)]
struct Event {
    /// Index of its hook.
    hook: usize,
    /// When: milliseconds of the device's clock, which wraps.
    due: u32,
    /// Milliseconds from one time to the next, if it happens again.
    period: Option<u32>,
    context: Vec<u8>,
}

/// The sources of a device.
#[derive(Debug)]
pub(super) struct Sources {
    /// The names of their hooks.
    hooks: Vec<String>,
    events: Vec<Event>,
}

impl Sources {
    pub(super) fn new(settings: &DeviceSettings) -> Self {
        let mut this = Self {
            hooks: Vec::new(),
            events: Vec::new(),
        };
        for (index, pin) in (0..).zip(&settings.pins) {
            this.pin(index, pin);
        }
        for event in &settings.events {
            this.event(event);
        }
        this
    }

    /// The edges of a pin, if it is an input.
    fn pin(&mut self, index: u32, pin: &PinConfig) {
        if pin.direction == Direction::Output {
            return;
        }
        let hook = self.index(&format!("{GPIO_PREFIX}{}", pin.name));
        let mut before = pin.high;
        for change in &pin.changes {
            // What changes nothing is no edge.
            if std::mem::replace(&mut before, change.high) == change.high {
                continue;
            }
            let context = GpioContext {
                pin: index.into(),
                level: u32::from(change.high).into(),
            };
            self.events.push(Event {
                hook,
                due: change.at_ms,
                period: None,
                context: context.bytes().to_vec(),
            });
        }
    }

    fn event(&mut self, event: &EventConfig) {
        let (due, period) = match event.when {
            When::Once(at) => (at, None),
            When::Every(period) => (period, Some(period)),
        };
        let hook = self.index(&event.hook);
        self.events.push(Event {
            hook,
            due,
            period,
            context: event.context.clone(),
        });
    }

    /// Where the hook of this name is.
    fn index(&mut self, name: &str) -> usize {
        let known = self.hooks.iter().position(|hook| hook == name);
        known.unwrap_or_else(|| {
            self.hooks.push(name.to_owned());
            self.hooks.len() - 1
        })
    }

    /// The hook at a position, from 0, with the rules of its kind.
    pub(super) fn hook(&self, position: usize) -> Option<Hook<'_>> {
        let hook = Hook::new(self.hooks.get(position)?);
        let needs = match hook.name {
            SCHED => return Some(hook.bounded(SCHED_BUDGET)),
            name if name.starts_with(GPIO_PREFIX) => Capabilities::GPIO,
            name if name.starts_with(SAUL_PREFIX) => Capabilities::SENSOR,
            _ => Capabilities::CORE,
        };
        Some(Hook { needs, ..hook })
    }

    /// Whether nothing is to come.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Milliseconds until something is due, 0 if it is so far.
    pub(super) fn next(&self, now: u32) -> Option<u32> {
        let left = self.events.iter().map(|event| event.left(now)).min();
        left.map(|left| left.max(0).unsigned_abs())
    }

    /// Takes what is due for the longest: its hook and context. Of what happens over
    /// and over, times that were missed are passed over.
    pub(super) fn take(&mut self, now: u32) -> Option<(Hook<'_>, Vec<u8>)> {
        let events = self.events.iter().enumerate();
        let (index, _) = events
            .filter(|(_, event)| event.left(now) <= 0)
            .min_by_key(|(_, event)| event.left(now))?;
        let event = self.events.get_mut(index)?;
        let (hook, context) = (event.hook, event.context.clone());
        match event.period {
            Some(period) => event.advance(now, period),
            None => drop(self.events.remove(index)),
        }
        Some((self.hook(hook)?.posted(), context))
    }
}

impl Event {
    /// Milliseconds until it is due; negative if it has been.
    fn left(&self, now: u32) -> i32 {
        self.due.wrapping_sub(now).cast_signed()
    }

    /// To the first time that is still to come.
    fn advance(&mut self, now: u32, period: u32) {
        let late = now.wrapping_sub(self.due);
        // No period is longer than half of the clock, so neither is the way.
        self.due = now.wrapping_add(period - late % period);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Remotes;
    use crate::config::PinChange;

    fn settings(pins: Vec<PinConfig>, events: Vec<EventConfig>) -> DeviceSettings {
        DeviceSettings {
            tenants: vec![],
            pins,
            events,
            remotes: Remotes::default(),
            applications: vec![],
            budget: 1,
            response_size: 64,
            fault_limit: 0,
            pauses: 0,
            log_size: 0,
            changes: crate::services::Changes::default(),
            rate: 0,
            timeout: Duration::ZERO,
            may_change: false,
            exposes: false,
        }
    }

    fn event(hook: &str, when: When, context: &[u8]) -> EventConfig {
        EventConfig {
            hook: hook.into(),
            when,
            context: context.into(),
        }
    }

    fn pin(name: &str, direction: Direction, changes: &[(u32, bool)]) -> PinConfig {
        PinConfig {
            name: name.into(),
            direction,
            high: false,
            changes: changes
                .iter()
                .map(|&(at_ms, high)| PinChange { at_ms, high })
                .collect(),
        }
    }

    /// All that is due: hooks and contexts.
    fn due(sources: &mut Sources, now: u32) -> Vec<(String, Vec<u8>)> {
        std::iter::from_fn(|| {
            let (hook, context) = sources.take(now)?;
            assert!(hook.posted);
            Some((hook.name.to_owned(), context))
        })
        .collect()
    }

    #[test]
    fn hooks_have_the_rules_of_their_kind() {
        let events = [
            event("saul:hot", When::Once(0), &[]),
            event("gpio:a", When::Once(0), &[]),
            event("door", When::Once(0), &[]),
            event("door", When::Once(0), &[]),
            event("sched", When::Once(0), &[]),
        ];
        let pins = vec![
            pin("a", Direction::Input, &[]),
            pin("b", Direction::Output, &[]),
        ];
        let sources = Sources::new(&settings(pins, events.into()));
        let hooks = (0..).map_while(|position| sources.hook(position));
        let needs = |name, needs| Hook {
            needs,
            ..Hook::new(name)
        };
        let expected = [
            needs("gpio:a", Capabilities::GPIO),
            needs("saul:hot", Capabilities::SENSOR),
            Hook::new("door"),
            Hook::new("sched").bounded(500),
        ];
        assert!(hooks.eq(expected));
    }

    #[test]
    fn edges_are_changes_in_their_order() {
        let changes = [(5, false), (6, true), (7, true), (9, false)];
        let pins = vec![
            pin("a", Direction::Input, &[(8, true)]),
            pin("b", Direction::Input, &changes),
        ];
        let mut sources = Sources::new(&settings(pins, vec![]));
        assert_eq!(sources.next(0), Some(6));
        assert_eq!(due(&mut sources, 5), []);
        let edge = |name: &str, pin, level| (name.to_owned(), vec![pin, 0, 0, 0, level, 0, 0, 0]);
        assert_eq!(due(&mut sources, 6), [edge("gpio:b", 1, 1)]);
        assert_eq!(sources.next(6), Some(2));
        // Late, and of two kinds.
        let both = [edge("gpio:a", 0, 1), edge("gpio:b", 1, 0)];
        assert_eq!(due(&mut sources, 100), both);
        assert!(sources.is_empty());
        assert_eq!(sources.next(100), None);
    }

    #[test]
    fn what_happens_again_passes_missed_times_over() {
        let events = vec![
            event("a", When::Every(10), &[1]),
            event("b", When::Once(15), &[]),
        ];
        let mut sources = Sources::new(&settings(vec![], events));
        let a = ("a".to_owned(), vec![1]);
        let again = vec![a.clone()];
        assert_eq!(due(&mut sources, 9), []);
        assert_eq!(due(&mut sources, 10), again);
        assert_eq!(sources.next(10), Some(5));
        assert_eq!(due(&mut sources, 43), [("b".to_owned(), vec![]), a]);
        assert_eq!(sources.next(43), Some(7));
        assert_eq!(due(&mut sources, 50), again);
        // The clock wraps.
        for now in [1 << 30, 1 << 31, 3 << 30, u32::MAX - 5] {
            assert_eq!(due(&mut sources, now), again, "{now}");
        }
        assert_eq!(sources.next(u32::MAX), Some(5));
        assert_eq!(due(&mut sources, 8), again);
    }
}
