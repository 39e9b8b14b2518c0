// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device says of its containers: the list `/rbpf`, and of their last
//! faults `/rbpf/faults`, in CBOR and in text (`rbpf-device` writes them).
//!
//! Devices may know more or less than this program: keys that are not known
//! here are skipped, and missing ones are missing. Texts are as the device
//! sent them: whoever prints one makes it printable first.

mod cbor;
mod text;

use rbpf_host::client::{Client, GetError, content_format};

pub use text::{fault_in, from_text};

/// The most containers of a device that are looked at.
const MAX_RECORDS: usize = 1000;
/// How often a list is asked for that came in pieces which do not fit.
const TRIES: usize = 3;

/// Registers of a program.
const REGISTERS: usize = 11;

/// Codes of those that know no CBOR, or no option Accept.
const NOT_ACCEPTABLE: u8 = 0x86;
const BAD_OPTION: u8 = 0x82;
/// Of those that have no such list.
const NOT_FOUND: u8 = 0x84;
const METHOD_NOT_ALLOWED: u8 = 0x85;

/// What is known of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: Option<String>,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// `verified`, `bound` or `quarantined`.
    pub state: Option<String>,
    /// The path that it is bound to.
    pub path: Option<String>,
    /// Bytes of its image.
    pub bytes: Option<u64>,
    /// Runs since it was installed.
    pub runs: Option<u64>,
    /// Runs that ended in a fault.
    pub faults: Option<u64>,
    /// Instructions of all runs.
    pub instructions: Option<u64>,
    /// Instructions of the longest run.
    pub longest: Option<u64>,
    /// Helper calls of all runs.
    pub helpers: Option<u64>,
    /// How its last faulty run ended.
    pub fault: Option<ReportedFault>,
}

/// A fault, as a device reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedFault {
    /// The name of its kind.
    pub kind: Option<String>,
    /// The slot.
    pub pc: Option<u64>,
    /// The guest address.
    pub address: Option<u64>,
    /// When it was, in milliseconds since the device's start.
    pub at_ms: Option<u64>,
    /// r0 to r10, or none.
    pub registers: Vec<u64>,
    /// Version of the image.
    pub version: Option<u64>,
    /// SHA-256 of the image, in hexadecimal.
    pub digest: Option<String>,
}

impl ReportedFault {
    /// Whether this may be the same fault.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.kind, self.pc, self.address) == (&other.kind, other.pc, other.address)
    }
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The device does not give one.
    #[error(transparent)]
    Get(#[from] GetError),
    /// What it gives is not one.
    #[error("its answer is no list of containers")]
    NoList,
    /// It answers with a format that was not asked for.
    #[error("its answer has the content format {0}, neither CBOR nor text")]
    Format(u16),
}

/// Asks a device for its list.
///
/// # Errors
///
/// If it does not answer, or with something else.
pub fn fetch(client: &mut Client) -> Result<Vec<Record>, ListError> {
    fetch_from(client, &["rbpf"])
}

/// Asks a device for the last faults, the latest first; none from a device that
/// does not keep them.
///
/// # Errors
///
/// As [`fetch`].
pub fn fetch_faults(client: &mut Client) -> Result<Vec<Record>, ListError> {
    match fetch_from(client, &["rbpf", "faults"]) {
        Err(ListError::Get(GetError::Refused(NOT_FOUND | METHOD_NOT_ALLOWED, _))) => Ok(Vec::new()),
        records => records,
    }
}

fn fetch_from(client: &mut Client, path: &[&str]) -> Result<Vec<Record>, ListError> {
    let mut result = Err(ListError::NoList);
    // A device takes each block from a list of its own time. If counters grow
    // between two, the pieces may not fit.
    for _ in 0..TRIES {
        let answer = match client.get(path, Some(content_format::CBOR)) {
            Err(GetError::Refused(NOT_ACCEPTABLE | BAD_OPTION, _)) => client.get(path, None)?,
            answer => answer?,
        };
        let records = match answer.content_format {
            Some(content_format::CBOR) => cbor::decode(&answer.payload),
            None | Some(content_format::TEXT) => {
                std::str::from_utf8(&answer.payload).ok().map(from_text)
            }
            Some(other) => return Err(ListError::Format(other)),
        };
        result = records.ok_or(ListError::NoList);
        if result.is_ok() || !answer.is_in_blocks() {
            break;
        }
    }
    result
}
