// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sources say about their image, by the macros of `<rbpf/manifest.h>`:
//! each puts a number into a section of its own.

use rbpf_abi::Capabilities;
use rbpf_abi::image::KEEP_VALUES;

use super::Object;
use super::error::{LinkError, Problem};

/// Flags of the image, in a byte.
const FLAGS: &str = ".rbpf.flags";
/// Capabilities that it wants, as 32-bit numbers.
const WANTS: &str = ".rbpf.wants";
/// Its version, as a 32-bit number.
const VERSION: &str = ".rbpf.version";

/// What all sources together say.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) keep_values: bool,
    pub(super) wants: Capabilities,
    pub(super) version: Option<u32>,
}

impl Manifest {
    /// Reads the sections of all objects.
    pub(super) fn read(objects: &[Object]) -> Result<Self, LinkError> {
        let mut manifest = Self::default();
        for object in objects {
            for section in &object.sections {
                let bytes = section.bytes.as_slice();
                let read = match section.name.as_str() {
                    FLAGS => manifest.add_flags(bytes),
                    WANTS => manifest.add_wants(bytes),
                    VERSION => manifest.add_version(bytes),
                    _ => continue,
                };
                read.map_err(|(what, help)| {
                    let message = format!("section `{}` {what}", section.name);
                    let help = format!("write {help} of <rbpf/manifest.h>");
                    Problem::new(object.name(), message).help(help)
                })?;
            }
        }
        Ok(manifest)
    }

    /// What is wrong, and what is to be written instead.
    fn add_flags(&mut self, bytes: &[u8]) -> Result<(), (&'static str, &'static str)> {
        let flags = bytes.iter().fold(0, |all, &byte| all | byte);
        if flags & !KEEP_VALUES != 0 {
            return Err(("has bits that are no flag", "RBPF_KEEP_VALUES"));
        }
        self.keep_values |= flags & KEEP_VALUES != 0;
        Ok(())
    }

    fn add_wants(&mut self, bytes: &[u8]) -> Result<(), (&'static str, &'static str)> {
        let (numbers, rest) = bytes.as_chunks();
        let numbers = numbers.iter().copied().map(u32::from_le_bytes);
        let bits = numbers.fold(0, |all, number| all | number);
        match Capabilities::from_bits(bits) {
            Some(capabilities) if rest.is_empty() => self.wants |= capabilities,
            _ => {
                let help = "RBPF_WANTS(RBPF_CAPABILITY_...)";
                return Err(("has bits that are no capability", help));
            }
        }
        Ok(())
    }

    fn add_version(&mut self, bytes: &[u8]) -> Result<(), (&'static str, &'static str)> {
        let (numbers, rest) = bytes.as_chunks();
        for number in numbers.iter().copied().map(u32::from_le_bytes) {
            if self.version.is_some_and(|other| other != number) {
                return Err((
                    "says another version than one before",
                    "RBPF_VERSION(N) once",
                ));
            }
            self.version = Some(number);
        }
        if !rest.is_empty() {
            return Err(("holds no 32-bit number", "RBPF_VERSION(N)"));
        }
        Ok(())
    }
}
