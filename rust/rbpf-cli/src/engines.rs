// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engines by name, and the helpers that programs may call.

use anyhow::{Result, bail};
use rbpf_abi::helpers::is_application_helper;
use rbpf_abi::{Capabilities, Helper};
use rbpf_vm::{Engine, HelperGrant, Interpreter};

/// The names of the engines, the default one first.
pub const NAMES: &[&str] = &["interpreter"];

/// The engine of a name.
///
/// # Errors
///
/// If there is none; the message lists those that there are.
pub fn by_name(name: &str) -> Result<Box<dyn Engine>> {
    match name {
        "interpreter" => Ok(Box::new(Interpreter)),
        _ => bail!("no engine `{name}`; there are: {}", NAMES.join(", ")),
    }
}

/// What a container with these capabilities may do with a helper.
#[must_use]
pub fn grant(capabilities: Capabilities, id: u32) -> HelperGrant {
    let needed = match Helper::from_id(id) {
        Some(helper) => helper.capability(),
        None if is_application_helper(id) => Capabilities::APPLICATION,
        None => return HelperGrant::Unknown,
    };
    if capabilities.contains(needed) {
        HelperGrant::Granted
    } else {
        HelperGrant::Denied
    }
}

/// The name of a helper, for the disassembler.
#[must_use]
pub fn helper_name(id: u32) -> Option<&'static str> {
    Helper::from_id(id).map(Helper::name)
}
