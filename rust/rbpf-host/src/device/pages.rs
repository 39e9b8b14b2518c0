// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the device itself says: its resources, its applications, errors.

use std::fmt::{self, Write as _};

use coap_lite::link_format::{LINK_ATTR_CONTENT_FORMAT, LinkFormatWrite};
use rbpf_abi::Capabilities;
use rbpf_runtime::{BindError, Counters, InstallError};
use rbpf_vm::Fault;

use super::{Reply, code};

/// The list of resources (RFC 6690).
pub(super) const CORE_PATH: &str = "/.well-known/core";
/// The list of applications.
pub(super) const LIST_PATH: &str = "/rbpf";
/// Paths on which the device itself answers.
pub const RESERVED_PATHS: [&str; 2] = [CORE_PATH, LIST_PATH];

/// What a request for an unknown path is told.
pub(super) const NOT_FOUND: &str = "no application answers here";

/// Content-Formats.
const TEXT: u16 = 0;
const LINK_FORMAT: u16 = 40;

/// An application and how it fares.
#[derive(Clone, Debug)]
pub struct ApplicationStatus {
    /// Its name.
    pub name: String,
    /// The path that it answers on, if any.
    pub path: Option<String>,
    /// Bytes of its image.
    pub size: usize,
    /// What it may do.
    pub granted: Capabilities,
    /// Its counters.
    pub counters: Counters,
    /// How its last faulty run ended.
    pub last_fault: Option<Fault>,
}

/// One record, as it stands in lists.
impl fmt::Display for ApplicationStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = &self.counters;
        write!(
            formatter,
            "{} path {} bytes {} runs {} faults {} instructions {} longest {} helpers {}",
            self.name,
            self.path.as_deref().unwrap_or("-"),
            self.size,
            counters.runs,
            counters.faults,
            counters.instructions,
            counters.longest_run,
            counters.helper_calls,
        )?;
        match &self.last_fault {
            Some(last) => write!(formatter, " last {}", fault(last)),
            None => Ok(()),
        }
    }
}

/// A fault in one line.
pub(super) fn fault(fault: &Fault) -> String {
    format!(
        "fault {} pc {} address {:#x}",
        fault.kind.name(),
        fault.pc,
        fault.address
    )
}

/// What is wrong with an image, in one line.
pub(super) fn install_error(error: &InstallError) -> String {
    match error {
        InstallError::Image(image) => format!("{}: {image}", error.text()),
        InstallError::Verify(verify) => format!(
            "{}: {} at pc {}",
            error.text(),
            verify.kind.text(),
            verify.pc
        ),
        _ => error.text().to_owned(),
    }
}

/// What is wrong with a path, in one line.
pub(super) const fn bind_error(error: BindError) -> &'static str {
    match error {
        BindError::UnknownApp => "there is no such application",
        BindError::Target => "the path is too long, or has other than visible characters",
        BindError::Taken => "another application answers there",
        BindError::Full => "too many paths",
    }
}

/// The device's resources, in the link format.
pub(super) fn core<'p>(paths: impl Iterator<Item = &'p String>) -> Reply {
    let mut text = String::new();
    let mut links = LinkFormatWrite::new(&mut text);
    // Writing to a string does not fail.
    for path in paths {
        let _ = links.link(path).finish();
    }
    let _ = links
        .link(LIST_PATH)
        .attr_u32(LINK_ATTR_CONTENT_FORMAT, TEXT.into())
        .finish();
    Reply::new(code::CONTENT, Some(LINK_FORMAT), text.as_bytes())
}

/// The applications, one a line.
pub(super) fn list(applications: &[ApplicationStatus]) -> Reply {
    let mut text = String::new();
    for application in applications {
        let _ = writeln!(text, "{application}");
    }
    Reply::new(code::CONTENT, Some(TEXT), text.as_bytes())
}
