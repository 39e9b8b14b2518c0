// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime that hosts containers, the same on a workstation and on a
//! device.
//!
//! It keeps images in slots ([`Runtime::install`]), binds them to events
//! ([`Runtime::bind`]), runs them with the memory that the event grants and
//! nothing else ([`Runtime::coap`], [`Runtime::trigger`], [`Runtime::run`]),
//! calls helpers for them, keeps their values, and counts. What differs between hosts (clocks,
//! sensors, a console) is behind [`Services`]; what carries a request, to a container or of
//! one, is the transport's business and not known here.
//!
//! An image that is needed once runs without being installed
//! ([`Runtime::execute`]). Without a runtime at all, programs run with the same
//! helpers through [`Helpers`].
//!
//! Nothing is allocated: the memory for images, stack and responses is lent
//! by the host.
#![no_std]
#![forbid(unsafe_code)]

mod binding;
mod coap;
mod fault_log;
mod format;
mod helpers;
mod hook;
mod kv;
mod packet;
mod pause;
mod run;
mod runtime;
mod services;
mod share;
mod store;
mod tenant;
mod timer;
mod watch;

pub use binding::MAX_TARGET;
pub use coap::{CoapAnswer, CoapReply, CoapRequest};
pub use fault_log::{FaultEntry, FaultLog, FaultReport};
pub use format::{Digits, digits};
pub use hook::{Hook, Policy};
pub use kv::{HOST, KvEntry, KvScope};
pub use packet::{Direction, Packet, PacketCounters, PacketHook, PacketType, Verdict};
pub use pause::MAX_PAUSED_CONTEXT;
pub use run::{Grant, Helpers, RunReport, Runnable};
pub use runtime::{
    BindError, CoapError, ExecuteError, Memory, RunError, Runtime, Triggered, is_automatic,
    is_plain_path,
};
pub use services::{MAX_SENML_NAME, Pin, Remote, Sensor, Services};
pub use store::{AppId, AppInfo, Counters, InstallError, MAX_NAME, NAME_RULE, SlotInfo, is_name};
pub use tenant::{Allowance, TenantError, TenantId, TenantInfo};
pub use timer::MAX_TIMER;
