// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applications and errors, for those who watch the device.

use rbpf_abi::Capabilities;
use rbpf_runtime::{BindError, Counters, InstallError, TenantError};
use rbpf_vm::Fault;

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

/// What is wrong with a tenant, in one line.
pub(super) const fn tenant_error(error: TenantError) -> &'static str {
    match error {
        TenantError::Name => "no name for a tenant",
        TenantError::Taken => "there is one of that name",
        TenantError::Full => "there are too many",
        TenantError::Paused => "there are not so many places for paused runs",
    }
}

/// What is wrong with a path, in one line.
pub(super) const fn bind_error(error: BindError) -> &'static str {
    match error {
        BindError::UnknownApp => "there is no such application",
        BindError::Target => "the target is malformed, or too long: more than 32 bytes",
        BindError::Taken => {
            "an application of another tenant answers there, or this one is bound there"
        }
        BindError::Full => "too many bindings",
        BindError::Denied => "the container lacks a right that this takes",
        BindError::Forbidden => {
            "the container has a right that is forbidden there: its helpers may wait"
        }
    }
}
