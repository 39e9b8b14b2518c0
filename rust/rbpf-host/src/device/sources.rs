// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated sources of events: what happens to pins.
//!
//! They have no thread: the device's own asks in its turns what is due, and waits
//! no longer than until the next.

use rbpf_abi::Capabilities;
use rbpf_abi::context::GpioContext;
use rbpf_runtime::Hook;

use super::DeviceSettings;
use crate::config::{Direction, GPIO_PREFIX, PinConfig};

/// A hook that they have.
#[derive(Debug)]
struct Source {
    name: String,
    /// What a container must have been granted to be bound.
    needs: Capabilities,
}

/// What is to come.
#[derive(Debug)]
struct Event {
    /// Index of its source.
    source: usize,
    /// When: milliseconds of the device's clock, which wraps.
    due: u32,
    context: Vec<u8>,
}

/// The sources of a device.
#[derive(Debug)]
pub(super) struct Sources {
    sources: Vec<Source>,
    events: Vec<Event>,
}

impl Sources {
    pub(super) fn new(settings: &DeviceSettings) -> Self {
        let mut this = Self {
            sources: Vec::new(),
            events: Vec::new(),
        };
        for (index, pin) in (0..).zip(&settings.pins) {
            this.pin(index, pin);
        }
        this
    }

    /// The edges of a pin, if it is an input.
    fn pin(&mut self, index: u32, pin: &PinConfig) {
        if pin.direction == Direction::Output {
            return;
        }
        let source = self.source(&format!("{GPIO_PREFIX}{}", pin.name));
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
                source,
                due: change.at_ms,
                context: context.bytes().to_vec(),
            });
        }
    }

    /// The source of this name.
    fn source(&mut self, name: &str) -> usize {
        let known = self.sources.iter().position(|source| source.name == name);
        known.unwrap_or_else(|| {
            let needs = if name.starts_with(GPIO_PREFIX) {
                Capabilities::GPIO
            } else {
                Capabilities::CORE
            };
            self.sources.push(Source {
                name: name.to_owned(),
                needs,
            });
            self.sources.len() - 1
        })
    }

    /// The hook at a position, from 0.
    pub(super) fn hook(&self, position: usize) -> Option<Hook<'_>> {
        let Source { name, needs } = self.sources.get(position)?;
        Some(Hook {
            needs: *needs,
            ..Hook::new(name)
        })
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

    /// Takes what is due for the longest: its hook and context.
    pub(super) fn take(&mut self, now: u32) -> Option<(Hook<'_>, Vec<u8>)> {
        let events = self.events.iter().enumerate();
        let (index, _) = events
            .filter(|(_, event)| event.left(now) <= 0)
            .min_by_key(|(_, event)| event.left(now))?;
        let Event {
            source, context, ..
        } = self.events.remove(index);
        Some((self.hook(source)?.posted(), context))
    }
}

impl Event {
    /// Milliseconds until it is due; negative if it has been.
    fn left(&self, now: u32) -> i32 {
        self.due.wrapping_sub(now).cast_signed()
    }
}
