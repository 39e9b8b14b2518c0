// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the emulator tells its user about the guest: each thing once.

use std::collections::HashSet;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Of interest when the model itself is in doubt: shown with `--trace`.
    Trace,
    /// The guest did what it should not do on a real device: always shown.
    Warning,
}

/// Collects notes until somebody prints them.
#[derive(Debug, Default)]
pub struct Notes {
    trace: bool,
    seen: HashSet<(Level, &'static str, u32)>,
    texts: Vec<String>,
}

impl Notes {
    /// How many different notes are kept apart. A guest must not fill the
    /// host's memory.
    const LIMIT: usize = 4096;

    /// Notes of level [`Level::Trace`] are dropped unless `trace`.
    #[must_use]
    pub fn new(trace: bool) -> Self {
        Notes {
            trace,
            ..Notes::default()
        }
    }

    /// Adds a note, unless one of this kind about this address was made before.
    pub fn add(
        &mut self,
        level: Level,
        kind: &'static str,
        address: u32,
        text: impl FnOnce() -> String,
    ) {
        if level == Level::Trace && !self.trace {
            return;
        }
        if self.seen.len() < Self::LIMIT && self.seen.insert((level, kind, address)) {
            self.texts.push(text());
        }
    }

    /// Takes the texts that were not taken yet.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_is_made_once() {
        let mut notes = Notes::new(false);
        for _ in 0..2 {
            notes.add(Level::Warning, "a", 1, || "one".into());
            notes.add(Level::Trace, "b", 1, || "two".into());
        }
        assert_eq!(notes.take(), ["one"]);
        assert!(notes.take().is_empty());
    }
}
