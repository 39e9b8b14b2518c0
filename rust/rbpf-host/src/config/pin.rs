// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[pin]]` as it is written, and the way from there to what it means.

use rbpf_runtime::{MAX_TARGET, MAX_TIMER};
use serde::Deserialize;
use toml::Spanned;

use super::raw::Reader;
use super::{ConfigError, Direction, GPIO_PREFIX, PinChange, PinConfig};

/// The longest name: its hook is a target of bindings.
const MAX_PIN_NAME: usize = MAX_TARGET - GPIO_PREFIX.len();
/// Indices of pins are 16 bits wide.
pub(super) const MAX_PINS: usize = 1 << 16;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawDirection {
    Input,
    Output,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPin {
    name: Spanned<String>,
    direction: RawDirection,
    level: Option<Spanned<u32>>,
    changes: Option<Spanned<Vec<Spanned<RawChange>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange {
    at_ms: Spanned<u32>,
    level: Spanned<u32>,
}

impl Reader<'_> {
    pub(super) fn pin(
        &self,
        pin: &Spanned<RawPin>,
        others: &[PinConfig],
    ) -> Result<PinConfig, ConfigError> {
        if others.len() == MAX_PINS {
            return Err(self.error(&pin.span(), "too many pins; remove this one"));
        }
        let raw = pin.get_ref();
        let name = raw.name.get_ref();
        let visible = name.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=MAX_PIN_NAME).contains(&name.len()) || !visible {
            return Err(self.error(
                &raw.name.span(),
                format!(
                    "a pin's name has 1 to {MAX_PIN_NAME} visible ASCII characters; choose another"
                ),
            ));
        }
        if others.iter().any(|other| other.name == *name) {
            return Err(self.error(
                &raw.name.span(),
                format!("there is a pin `{name}` already; choose another name"),
            ));
        }
        let direction = match raw.direction {
            RawDirection::Input => Direction::Input,
            RawDirection::Output => Direction::Output,
        };
        Ok(PinConfig {
            name: name.clone(),
            direction,
            high: self.level(raw.level.as_ref())?,
            changes: self.changes(raw, direction)?,
        })
    }

    fn level(&self, level: Option<&Spanned<u32>>) -> Result<bool, ConfigError> {
        self.number(level, 0, 0..=1).map(|level| level != 0)
    }

    fn changes(&self, raw: &RawPin, direction: Direction) -> Result<Vec<PinChange>, ConfigError> {
        let Some(raw) = &raw.changes else {
            return Ok(Vec::new());
        };
        if direction == Direction::Output {
            return Err(self.error(
                &raw.span(),
                "`changes` belong to inputs; an output has the level that containers write",
            ));
        }
        let mut changes: Vec<PinChange> = Vec::new();
        for change in raw.get_ref() {
            let RawChange { at_ms, level } = change.get_ref();
            let at_ms_value = self.number(Some(at_ms), 0, 0..=MAX_TIMER)?;
            if changes
                .last()
                .is_some_and(|before| before.at_ms >= at_ms_value)
            {
                return Err(self.error(
                    &at_ms.span(),
                    "changes stand in the order of their times; write a later one",
                ));
            }
            changes.push(PinChange {
                at_ms: at_ms_value,
                high: self.level(Some(level))?,
            });
        }
        Ok(changes)
    }
}
