// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events of SAUL devices: an application says when a value is worth one.
//!
//! Drivers have no events of their own that SAUL knows. Whoever notices, in a
//! thread or an interrupt, has the containers run that are bound to the hook
//! `saul:NAME`, with the value if it is at hand; else they read it, in the worker.

use core::cell::Cell;
use core::ffi::CStr;

use rbpf_abi::Capabilities;
use rbpf_abi::context::SaulContext;
use rbpf_device::Status;
use rbpf_runtime::Policy;

use crate::config::EVENT_SIZE;
use crate::hooks::Hook;
use crate::{services, sys};

/// What the names of hooks begin with.
const PREFIX: &str = "saul:";

/// @brief   A SAUL device that has events
///
/// A static, initialised by @ref RBPF_SAUL_SOURCE_INIT and registered once.
#[cfg(feature = "saul")]
#[derive(Debug)]
#[repr(C)]
pub struct SaulSource {
    /// What its events trigger; private
    hook: Hook,
    /// Handle by which containers know the device; private
    handle: Cell<u16>,
}

// SAFETY: the handle is set once, with interrupts off, before containers can be bound
// to the hook, and read only where some are; and the hook is one.
unsafe impl Sync for SaulSource {}

impl SaulSource {
    /// A source of this name, which stands behind `saul:`: 1 to 27 visible
    /// characters of ASCII.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            hook: Hook::with_rights(name, Policy::Last, Capabilities::SENSOR, Capabilities::CORE),
            handle: Cell::new(0),
        }
    }

    /// Makes its hook known, for the device at a position of the registry, from 0.
    /// Threads only.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is none, or a `CONFIG_RBPF_EVENT_SIZE` below 16;
    /// `NotFound` if there is no such device; `Taken` if there is a hook of that
    /// name.
    pub fn register(&'static self, position: u16) -> Result<(), Status> {
        let name = self.hook.name().strip_prefix(PREFIX).unwrap_or_default();
        if name.is_empty() || size_of::<SaulContext>() > EVENT_SIZE as usize {
            return Err(Status::Invalid);
        }
        let handle = position.checked_add(1).ok_or(Status::NotFound)?;
        sys::saul::Device::nth(position).ok_or(Status::NotFound)?;
        // With interrupts off: nobody is bound before it has its handle.
        riot_wrappers::interrupt::free(|_| {
            self.hook.register()?;
            self.handle.set(handle);
            Ok(())
        })
    }

    /// Containers that are bound to it; 255 stands for more, too. From any
    /// context.
    #[must_use]
    pub fn bound(&self) -> u8 {
        self.hook.bound()
    }

    /// Has the containers that are bound to it run soon, with the value and its
    /// dimensions, 1 to 3, or without. From any context, also an interrupt.
    ///
    /// # Errors
    ///
    /// `Invalid` for other dimensions, `Full` if `CONFIG_RBPF_EVENTS` events wait.
    pub fn event(&'static self, value: Option<(&riot_sys::phydat_t, u8)>) -> Result<(), Status> {
        if self.bound() == 0 {
            return Ok(());
        }
        let (value, dimensions) = match value {
            Some((value, dimensions @ 1..=3)) => (services::reading(value, dimensions), dimensions),
            Some(_) => return Err(Status::Invalid),
            None => Default::default(),
        };
        let context = SaulContext {
            device: u32::from(self.handle.get()).into(),
            dimensions: u32::from(dimensions).into(),
            value,
        };
        self.hook.post(context.bytes())
    }
}
