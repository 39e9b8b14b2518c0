// SPDX-License-Identifier: MIT OR Apache-2.0
//! CoAP (RFC 7252) with block-wise transfers (RFC 7959), without sockets.
//!
//! [`Endpoint`] turns a datagram into the one that answers it, and keeps what
//! it must remember in between: replies for duplicates, block-wise transfers, both
//! limited in number, by host, and in time, and observers (RFC 7641), as `rbpf-device`
//! keeps them. Strangers get short answers (`echo.rs`). Messages are read
//! and written by `coap-lite`.
//!
//! Not from a crate, and why: `coap-lite`'s `BlockHandler` 0.13.3 fills the
//! holes of an upload with zeros instead of refusing blocks out of order,
//! limits neither the length of an upload nor the number of transfers, and
//! answers a new request from the last one's response; the `Server` of `coap`
//! 0.29 is built on it, has unbounded queues, and knows neither duplicates
//! nor RST.
//!
//! Deliberately not here: proxying, separate responses, multicast,
//! security.

mod answer;
pub(crate) mod block;
mod echo;
mod endpoint;
pub(crate) mod message;
pub(crate) mod options;
mod table;
mod transfer;

pub(crate) use endpoint::{Endpoint, Handler, Limits, Report, Turn};

/// Codes of messages.
mod code {
    pub(super) const EMPTY: u8 = 0x00;
    pub(super) const GET: u8 = 0x01;
    /// The largest code of a request.
    pub(super) const LAST_METHOD: u8 = 0x1f;
    pub(super) const CONTINUE: u8 = 0x5f;
    pub(super) const BAD_REQUEST: u8 = 0x80;
    pub(super) const BAD_OPTION: u8 = 0x82;
    pub(super) const NOT_FOUND: u8 = 0x84;
    pub(super) const NOT_ACCEPTABLE: u8 = 0x86;
    pub(super) const REQUEST_ENTITY_INCOMPLETE: u8 = 0x88;
    pub(super) const REQUEST_ENTITY_TOO_LARGE: u8 = 0x8d;
    pub(super) const PROXYING_NOT_SUPPORTED: u8 = 0xa5;
}
