// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[sensor]]` as it is written, and the way from there to what it means.

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::raw::Reader;
use super::{ConfigError, Ramp, Reading, SensorConfig, Source, names};

/// The unit of sensors whose configuration names none: `UNIT_NONE`.
const NO_UNIT: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Constant,
    Ramp,
    File,
    Actuator,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    Read,
    Second,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSensor {
    name: String,
    class: Spanned<String>,
    unit: Option<Spanned<String>>,
    #[serde(default)]
    scale: i8,
    kind: Kind,
    value: Option<Spanned<Vec<i16>>>,
    start: Option<Spanned<i16>>,
    step: Option<Spanned<i16>>,
    min: Option<Spanned<i16>>,
    max: Option<Spanned<i16>>,
    per: Option<Spanned<Per>>,
    path: Option<Spanned<PathBuf>>,
}

impl Reader<'_> {
    pub(super) fn sensor(&self, sensor: &Spanned<RawSensor>) -> Result<SensorConfig, ConfigError> {
        let span = sensor.span();
        let raw = sensor.get_ref();
        let class = names::class(raw.class.get_ref())
            .map_err(|message| self.error(&raw.class.span(), message))?;
        let unit = match &raw.unit {
            Some(unit) => {
                names::unit(unit.get_ref()).map_err(|message| self.error(&unit.span(), message))?
            }
            None => NO_UNIT,
        };
        self.refuse_others(raw)?;
        let source = match raw.kind {
            Kind::Constant => Source::Constant(self.value(raw)?.ok_or_else(|| {
                self.error(
                    &span,
                    "a constant needs its `value`; write for example `value = [2150]`",
                )
            })?),
            Kind::Actuator => Source::Actuator(self.value(raw)?.unwrap_or(Reading {
                val: [0; 3],
                dimensions: 1,
            })),
            Kind::Ramp => Source::Ramp(self.ramp(raw, &span)?),
            Kind::File => Source::Lines(self.lines(raw, &span)?),
        };
        Ok(SensorConfig {
            name: raw.name.clone(),
            class,
            unit,
            scale: raw.scale,
            source,
        })
    }

    /// Refuses keys that belong to another kind.
    fn refuse_others(&self, raw: &RawSensor) -> Result<(), ConfigError> {
        let span_of = |value: &Option<Spanned<i16>>| value.as_ref().map(Spanned::span);
        type Key = (&'static str, Option<Range<usize>>, &'static [Kind]);
        let keys: [Key; 7] = [
            (
                "value",
                raw.value.as_ref().map(Spanned::span),
                &[Kind::Constant, Kind::Actuator],
            ),
            ("start", span_of(&raw.start), &[Kind::Ramp]),
            ("step", span_of(&raw.step), &[Kind::Ramp]),
            ("min", span_of(&raw.min), &[Kind::Ramp]),
            ("max", span_of(&raw.max), &[Kind::Ramp]),
            ("per", raw.per.as_ref().map(Spanned::span), &[Kind::Ramp]),
            ("path", raw.path.as_ref().map(Spanned::span), &[Kind::File]),
        ];
        for (key, span, kinds) in keys {
            if let Some(span) = span
                && !kinds.contains(&raw.kind)
            {
                let kinds: Vec<String> = kinds
                    .iter()
                    .map(|kind| format!("`{kind:?}`").to_ascii_lowercase())
                    .collect();
                return Err(self.error(
                    &span,
                    format!(
                        "`{key}` belongs to sensors of the kind {}; remove it or change `kind`",
                        kinds.join(" or ")
                    ),
                ));
            }
        }
        Ok(())
    }

    fn value(&self, raw: &RawSensor) -> Result<Option<Reading>, ConfigError> {
        let Some(value) = &raw.value else {
            return Ok(None);
        };
        reading(value.get_ref()).map(Some).ok_or_else(|| {
            self.error(
                &value.span(),
                "a value has one to three dimensions; write for example `[2150]` or `[0, 0, -981]`",
            )
        })
    }

    fn ramp(&self, raw: &RawSensor, span: &Range<usize>) -> Result<Ramp, ConfigError> {
        let number = |value: &Option<Spanned<i16>>| value.as_ref().map(|value| *value.get_ref());
        let missing = |key: &str| {
            self.error(
                span,
                format!("a ramp needs its `{key}`; write for example `{key} = 10`"),
            )
        };
        let start = number(&raw.start).ok_or_else(|| missing("start"))?;
        let step = number(&raw.step).ok_or_else(|| missing("step"))?;
        let min = number(&raw.min).unwrap_or(i16::MIN);
        let max = number(&raw.max).unwrap_or(i16::MAX);
        if !(min..=max).contains(&start) {
            let place = raw
                .start
                .as_ref()
                .map_or_else(|| span.clone(), Spanned::span);
            return Err(self.error(
                &place,
                format!("`start` is outside of `min` to `max`; write a number from {min} to {max}"),
            ));
        }
        let per_second = matches!(raw.per.as_ref().map(Spanned::get_ref), Some(Per::Second));
        Ok(Ramp {
            start,
            step,
            min,
            max,
            per_second,
        })
    }

    /// Reads a file of readings: one a line, dimensions separated by blanks or
    /// commas; empty lines and what follows a `#` are skipped.
    fn lines(&self, raw: &RawSensor, span: &Range<usize>) -> Result<Vec<Reading>, ConfigError> {
        let path = raw.path.as_ref().ok_or_else(|| {
            self.error(
                span,
                "a file of readings needs its `path`; write for example `path = \"readings.txt\"`",
            )
        })?;
        let file = self.beside(path.get_ref());
        let text = std::fs::read_to_string(&file).map_err(|error| {
            self.error(
                &path.span(),
                format!(
                    "`{}` cannot be read: {error}; paths are relative to this file's folder",
                    path.get_ref().display()
                ),
            )
        })?;
        let mut readings = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let numbers = line.split('#').next().unwrap_or_default();
            let numbers: Vec<&str> = numbers
                .split([' ', '\t', ','])
                .filter(|number| !number.is_empty())
                .collect();
            if numbers.is_empty() {
                continue;
            }
            let reading = numbers
                .iter()
                .map(|number| number.parse::<i16>().ok())
                .collect::<Option<Vec<i16>>>()
                .and_then(|numbers| reading(&numbers))
                .ok_or_else(|| ConfigError {
                    file: file.clone(),
                    place: Some((index + 1, 1)),
                    message: "a reading is one to three whole numbers from -32768 to 32767; \
                              use `scale` for fractions"
                        .into(),
                })?;
            readings.push(reading);
        }
        if readings.is_empty() {
            return Err(ConfigError::whole(
                &file,
                "holds no reading; write one a line",
            ));
        }
        Ok(readings)
    }
}

/// A reading of one to three dimensions.
fn reading(numbers: &[i16]) -> Option<Reading> {
    let mut val = [0; 3];
    val.get_mut(..numbers.len())?.copy_from_slice(numbers);
    (!numbers.is_empty()).then_some(Reading {
        val,
        dimensions: numbers.len() as u8,
    })
}
