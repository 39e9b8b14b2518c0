// SPDX-License-Identifier: MIT OR Apache-2.0
//! rBPF as a module of RIOT: the runtime in a thread of its own, and ways to
//! reach it.
//!
//! The thread `rbpf` owns the runtime. Whoever wants something of it (gcoap,
//! the shell, C) queues a [job](job::Job) and waits for the answer or a
//! time-out, so containers run at one priority whoever triggers them, and no
//! caller's stack bears them. What containers may do, and how they run, is
//! `rbpf-runtime`'s business and the same as on a workstation.
//!
//! RIOT's build system selects the parts: each optional module is a feature,
//! and the tunables are [constants](config) made from `pkg/rbpf/Kconfig`.
//!
//! Unsafe code is in [`sys`], in the matcher of `gcoap` and in `c_api`.
#![no_std]
#![cfg_attr(
    not(all(feature = "gcoap", feature = "shell", rbpf_unsigned_install)),
    allow(
        dead_code,
        reason = "some of what is shared is used by one optional part"
    )
)]

pub mod c_api;
#[cfg(feature = "gcoap")]
mod coap;
mod config;
mod job;
mod page;
mod queue;
mod services;
mod staging;
mod sys;
mod worker;

#[cfg(feature = "gcoap")]
mod gcoap;
#[cfg(feature = "shell")]
mod shell;

/// Starts the module; called once, before `main`.
fn rbpf_init() {
    match worker::start() {
        #[cfg(feature = "gcoap")]
        Ok(()) => gcoap::register(),
        #[cfg(not(feature = "gcoap"))]
        Ok(()) => {}
        Err(()) => sys::print("rbpf: error: no thread\n"),
    }
}

// After all of RIOT's own modules, gcoap among them.
riot_wrappers::auto_init!(rbpf_init, 6000);
