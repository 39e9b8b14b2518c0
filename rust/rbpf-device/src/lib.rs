// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may be asked of a device that hosts containers, and its answers: the
//! same on a workstation and on a microcontroller.
//!
//! A question is a [`Job`]: install this, list those, let a container answer
//! that request. The thread that owns the [`Runtime`](rbpf_runtime::Runtime)
//! does it with [`work`](work()). How jobs come to that thread is the host's
//! business, behind [`Device`].
//!
//! Answers are text, one record a line, or CBOR (RFC 8949), into a [`Page`].
//! With the feature `coap`, [`coap::Resources`] makes jobs of CoAP requests
//! and responses of their answers, for any CoAP stack; it is also a handler of
//! coap-handler. With `observe`, [`observe`] knows who is told of changes.
//!
//! Not here: threads, queues, sockets, consoles.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[cfg(feature = "coap")]
pub mod coap;
#[cfg(feature = "coap")]
mod hash;
mod job;
mod lease;
mod log;
#[cfg(feature = "observe")]
pub mod observe;
mod page;
mod report;
mod requests;
mod staging;
mod work;

pub use job::{Device, Fill, Job, MAX_QUERY, Operation, Status};
pub use lease::{Leases, MAX_LEASE};
pub use log::{LogRing, escape};
pub use page::{Page, number};
pub use rbpf_runtime::digits;
pub use report::Format;
pub use requests::{RequestId, Requests};
pub use staging::{PieceError, Staging};
pub use work::{Host, is_reserved, scope, store_name, work};
