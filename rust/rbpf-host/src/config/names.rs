// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of sensor classes and units in a configuration.
//!
//! They are those of the constants in `rbpf-abi`, without prefix and in small
//! letters: `temp` is `SAUL_SENSE_TEMP`, `led-rgb` is `SAUL_ACT_LED_RGB`. An
//! actuator that shares the rest of its name with a sensor keeps a prefix:
//! `voltage` is `SAUL_SENSE_VOLTAGE`, `act-voltage` is `SAUL_ACT_VOLTAGE`.

use rbpf_abi::context::constants::{Constant, SAUL_CLASSES, UNITS};

/// Beginnings of the names of classes.
const SENSOR_PREFIX: &str = "SAUL_SENSE_";
const ACTUATOR_PREFIX: &str = "SAUL_ACT_";
const UNIT_PREFIX: &str = "UNIT_";
/// For searches: no device is of that class.
const ANY: &str = "any";

/// Symbols of units, besides the names.
const UNIT_SYMBOLS: [(&str, &str); 19] = [
    ("degC", "UNIT_TEMP_C"),
    ("degF", "UNIT_TEMP_F"),
    ("K", "UNIT_TEMP_K"),
    ("lx", "UNIT_LUX"),
    ("g", "UNIT_G_FORCE"),
    ("A", "UNIT_A"),
    ("V", "UNIT_V"),
    ("W", "UNIT_W"),
    ("Gs", "UNIT_GAUSS"),
    ("T", "UNIT_T"),
    ("dBm", "UNIT_DBM"),
    ("C", "UNIT_COULOMB"),
    ("F", "UNIT_F"),
    ("Ohm", "UNIT_OHM"),
    ("pH", "UNIT_PH"),
    ("Pa", "UNIT_PA"),
    ("%", "UNIT_PERCENT"),
    ("permille", "UNIT_PERMILL"),
    ("g/m3", "UNIT_GPM3"),
];

/// What follows the prefix, as it is written in a configuration.
fn short(name: &str, prefix: &str) -> Option<String> {
    let rest = name.strip_prefix(prefix)?;
    Some(rest.to_ascii_lowercase().replace('_', "-"))
}

/// The name of a class.
fn class_name(constant: &str) -> Option<String> {
    if let Some(sensor) = short(constant, SENSOR_PREFIX) {
        return Some(sensor);
    }
    let actuator = short(constant, ACTUATOR_PREFIX)?;
    let shared = SAUL_CLASSES
        .iter()
        .any(|other| short(other.name, SENSOR_PREFIX).as_ref() == Some(&actuator));
    Some(if shared && actuator != ANY {
        format!("act-{actuator}")
    } else {
        actuator
    })
}

fn classes() -> impl Iterator<Item = (String, u8)> {
    SAUL_CLASSES.iter().filter_map(|constant| {
        let name = class_name(constant.name)?;
        (name != ANY).then_some((name, u8::try_from(constant.value).ok()?))
    })
}

fn unit_value(constant: &Constant) -> Option<u8> {
    u8::try_from(constant.value).ok()
}

/// The class of this name, or the names that there are.
pub(super) fn class(name: &str) -> Result<u8, String> {
    classes()
        .find_map(|(candidate, value)| (candidate == name).then_some(value))
        .ok_or_else(|| {
            let names: Vec<String> = classes().map(|(name, _)| name).collect();
            format!(
                "there is no sensor class `{name}`; use one of {}",
                names.join(", ")
            )
        })
}

/// The unit of this name or symbol, or the names that there are.
pub(super) fn unit(name: &str) -> Result<u8, String> {
    let full = UNIT_SYMBOLS
        .iter()
        .find_map(|&(symbol, full)| (symbol == name).then_some(full));
    UNITS
        .iter()
        .find(|constant| {
            full == Some(constant.name)
                || short(constant.name, UNIT_PREFIX).as_deref() == Some(name)
        })
        .and_then(unit_value)
        .ok_or_else(|| {
            let names: Vec<String> = UNIT_SYMBOLS
                .iter()
                .map(|&(symbol, _)| symbol.to_owned())
                .chain(
                    UNITS
                        .iter()
                        .filter_map(|constant| short(constant.name, UNIT_PREFIX)),
                )
                .collect();
            format!("there is no unit `{name}`; use one of {}", names.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes_differ() {
        let mut names: Vec<String> = classes().map(|(name, _)| name).collect();
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(class("temp"), Ok(0x82));
        assert_eq!(class("switch"), Ok(0x44));
        assert_eq!(class("led-rgb"), Ok(0x41));
        assert_eq!(class("voltage"), Ok(0x99));
        assert_eq!(class("act-voltage"), Ok(0x46));
        assert_eq!(class("current"), Ok(0x96));
        assert_eq!(class("act-current"), Ok(0x47));
        assert!(class("act-any").is_err());
        assert!(class("any").is_err());
        assert!(class("tmp").unwrap_err().contains("use one of"));
    }

    #[test]
    fn every_symbol_names_a_unit() {
        for (symbol, full) in UNIT_SYMBOLS {
            assert!(unit(symbol).is_ok(), "{symbol}");
            assert!(UNITS.iter().any(|constant| constant.name == full), "{full}");
        }
        assert_eq!(unit("degC"), unit("temp-c"));
        assert_eq!(unit("bar"), Ok(22));
        assert!(unit("furlong").is_err());
    }
}
