// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measurements as SenML in CBOR (RFC 8428), with the bytes that RIOT's modules
//! `senml_cbor` and `senml_phydat` write (2026.07); `tests/rbpf_senml` compares them.

use minicbor::Encoder;
use minicbor::data::Tag;
use minicbor::encode::Error;
use minicbor::encode::write::{Cursor, EndOfSlice};
use rbpf_abi::context::Phydat;
use rbpf_abi::context::constants::*;

/// Labels of a record (RFC 8428, section 6).
mod label {
    pub(super) const NAME: u8 = 0;
    pub(super) const UNIT: u8 = 1;
    pub(super) const VALUE: u8 = 2;
    pub(super) const BOOLEAN_VALUE: u8 = 4;
}

/// A decimal fraction (RFC 8949, section 3.4.4).
const DECIMAL_FRACTION: Tag = Tag::new(4);

/// Writes a pack with a record for each of the first dimensions, and returns how many
/// bytes it has.
pub(super) fn write(
    out: &mut [u8],
    name: &str,
    value: &Phydat,
    dimensions: u8,
) -> Result<usize, Error<EndOfSlice>> {
    let mut encoder = Encoder::new(Cursor::new(out));
    encoder.begin_array()?;
    for (dimension, mantissa) in value.val.iter().take(dimensions.into()).enumerate() {
        let (unit, exponent) = unit(value.unit.into(), dimension);
        encoder.map(if unit.is_some() { 3 } else { 2 })?;
        encoder.u8(label::NAME)?.str(name)?;
        if let Some(unit) = unit {
            encoder.u8(label::UNIT)?.str(unit)?;
        }
        if u32::from(value.unit) == UNIT_BOOL {
            encoder
                .u8(label::BOOLEAN_VALUE)?
                .bool(mantissa.get() == 1)?;
        } else {
            encoder.u8(label::VALUE)?.tag(DECIMAL_FRACTION)?.array(2)?;
            encoder.i32(i32::from(value.scale) + exponent)?;
            encoder.i16(mantissa.get())?;
        }
    }
    encoder.end()?;
    Ok(encoder.writer().position())
}

/// The unit of SenML (RFC 8428, section 12.1, and RFC 8798) for one of a `phydat_t`,
/// if there is one, and the power of ten between the two.
fn unit(unit: u32, dimension: usize) -> (Option<&'static str>, i32) {
    let (name, exponent) = match unit {
        UNIT_TEMP_C => ("Cel", 0),
        UNIT_TEMP_K => ("K", 0),
        UNIT_LUX => ("lx", 0),
        UNIT_M => ("m", 0),
        UNIT_M2 => ("m2", 0),
        UNIT_M3 => ("m3", 0),
        UNIT_GRAM => ("g", 0),
        UNIT_A => ("A", 0),
        UNIT_V => ("V", 0),
        UNIT_W => ("W", 0),
        UNIT_GAUSS => ("T", -4),
        UNIT_T => ("T", 0),
        UNIT_DBM => ("dBm", 0),
        UNIT_COULOMB => ("C", 0),
        UNIT_F => ("F", 0),
        UNIT_OHM => ("Ohm", 0),
        UNIT_PH => ("pH", 0),
        UNIT_BAR => ("Pa", 5),
        UNIT_PA => ("Pa", 0),
        UNIT_CD => ("cd", 0),
        UNIT_PERCENT => ("/100", 0),
        UNIT_PERMILL => ("/1000", 0),
        UNIT_PPM => ("ppm", 0),
        UNIT_PPB => ("ppb", 0),
        UNIT_TIME => (["s", "min", "h"].get(dimension).copied().unwrap_or("h"), 0),
        UNIT_GPM3 => ("kg/m3", -3),
        _ => return (None, 0),
    };
    (Some(name), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What RIOT's modules write, which its test compares with the same file.
    const CASES: &str = include_str!("../../../../tests/rbpf_senml/cases.inc");

    /// The fields of a line `CASE(NAME, DIMENSIONS, X, Y, Z, UNIT, SCALE, BYTES)`.
    fn case(line: &str) -> Option<(&str, Phydat, u8, Vec<u8>)> {
        let fields = line.strip_prefix("CASE(")?.strip_suffix(')')?;
        let fields: Vec<_> = fields
            .split(", ")
            .map(|field| field.trim_matches('"'))
            .collect();
        let [name, dimensions, x, y, z, unit, scale, bytes] = fields[..] else {
            panic!("{line}");
        };
        let number = |text: &str| text.parse::<i16>().unwrap();
        let unit = UNITS.iter().find(|constant| constant.name == unit).unwrap();
        let value = Phydat {
            val: [x, y, z].map(|text| number(text).into()),
            unit: unit.value as u8,
            scale: number(scale) as i8,
        };
        let digit = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes = bytes.as_bytes().chunks(2).map(digit).collect();
        Some((name, value, number(dimensions) as u8, bytes))
    }

    #[test]
    fn the_bytes_of_riots_modules() {
        let mut units = std::collections::BTreeSet::new();
        for (name, value, dimensions, bytes) in CASES.lines().filter_map(case) {
            let mut out = vec![0xaa; bytes.len() + 1];
            let length = write(&mut out, name, &value, dimensions).unwrap();
            assert_eq!(out[..length], bytes, "{name} {value:?}");
            assert_eq!(out[length..], [0xaa]);
            for room in 0..bytes.len() {
                assert!(write(&mut out[..room], name, &value, dimensions).is_err());
            }
            units.insert(value.unit);
        }
        assert_eq!(units.len(), UNITS.len(), "each unit has a case");
    }
}
