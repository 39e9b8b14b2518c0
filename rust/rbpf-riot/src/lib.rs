// SPDX-License-Identifier: MIT OR Apache-2.0
//! rBPF as a module of RIOT: the runtime in a thread of its own, and ways to
//! reach it.
//!
//! The thread `rbpf` owns the runtime. Whoever wants something of it (gcoap,
//! the shell, C) queues a job and waits for the answer or a time-out, so containers run at one priority whoever triggers them, and no
//! caller's stack bears them. What containers may do, and how they run, is
//! `rbpf-runtime`'s business, what may be asked `rbpf-device`'s, both the same
//! as on a workstation.
//!
//! RIOT's build system selects the parts: each optional module is a feature,
//! and the tunables are [constants](config) made from `pkg/rbpf/Kconfig`.
//!
//! # An application in Rust
//!
//! Its crate is the Rust root of the firmware and depends on this one; its
//! Makefile sets `APPLICATION_RUST_MODULE`. `examples/rbpf_rust` is a whole one.
//!
//! ```ignore
//! static TICK: Hook = Hook::new(c"tick");
//! static READ: Helper = Helper::new(0x8000, Capabilities::APPLICATION, read);
//!
//! fn read(call: &mut HelperCall, _: &mut MemoryMap<'_>) -> Result<u64, FaultKind> {
//!     Ok(call.arguments[0] + 1)
//! }
//!
//! READ.register()?;
//! TICK.register()?;
//! containers::install("blink", include_image!("blink"), Capabilities::all())?;
//! containers::bind("blink", "tick")?;
//! let triggered = TICK.trigger(&mut context, &mut [])?;
//! ```
//!
//! Unsafe code is in `sys`, `queue` (lending a function), `list`, `hooks`, `helpers`, `gpio`
//! and `client` (what is in lists, and what C has of it), `gcoap`, `client`, `gnrc`, `saul`,
//! `sched` and `shell` (what they call and are called by) and [`c_api`].
#![no_std]
#![cfg_attr(
    not(all(
        feature = "gcoap",
        feature = "shell",
        rbpf_unsigned_install,
        rbpf_expose
    )),
    allow(
        dead_code,
        reason = "some of what is shared is used by one optional part"
    )
)]

pub mod c_api;
mod config;
pub mod containers;
pub mod helpers;
pub mod hooks;
mod list;
mod queue;
mod services;
mod sys;
mod worker;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "gcoap")]
mod gcoap;
#[cfg(feature = "gnrc")]
mod gnrc;
#[cfg(feature = "gpio")]
pub mod gpio;
#[cfg(feature = "saul")]
pub mod saul;
#[cfg(feature = "sched")]
mod sched;
#[cfg(feature = "shell")]
mod shell;

pub use rbpf_abi::Capabilities;
pub use rbpf_device::Status;
pub use rbpf_runtime::{AppId, AppInfo, Counters, FaultEntry, Grant, Triggered};
pub use rbpf_vm::{FaultKind, HelperCall, MemoryMap, Rights};

/// Starts the module. Once; an application with auto_init need not.
///
/// # Errors
///
/// `Taken` if it has been started, `Full` if there are no more threads.
pub fn start() -> Result<(), Status> {
    worker::start()?;
    #[cfg(feature = "gnrc")]
    gnrc::start()?;
    #[cfg(feature = "sched")]
    sched::start()?;
    #[cfg(feature = "gcoap")]
    gcoap::register();
    Ok(())
}

/// What auto_init does.
fn auto_init() {
    if start().is_err() {
        sys::print("rbpf: error: no thread\n");
    }
}

// After all of RIOT's own modules, gcoap among them.
riot_wrappers::auto_init!(auto_init, 6000);
