// SPDX-License-Identifier: MIT OR Apache-2.0
//! A CoAP client (RFC 7252) over UDP, with retransmission and blocks both ways
//! (RFC 7959).
//!
//! Devices are not trusted: what they send is limited in length, number and
//! time, and anything may be wrong with it. Messages are read and written by
//! `coap-lite`.
//!
//! Not from a crate, and why: the client of `coap` 0.29 brings tokio along,
//! limits neither the length of an answer nor the number of its blocks, and
//! resolves no zones of link-local addresses.
//!
//! Deliberately not here: observing, multicast, security.

mod exchange;
mod message;
mod uri;

pub(crate) use exchange::Echo;
pub use exchange::{Client, GetError};
pub use message::{Answer, Method};
pub use uri::{Target, UriError};

/// Content-Formats (RFC 7252, section 12.3; RFC 8949).
pub mod content_format {
    /// `text/plain`.
    pub const TEXT: u16 = 0;
    /// `application/cbor`.
    pub const CBOR: u16 = 60;
}
