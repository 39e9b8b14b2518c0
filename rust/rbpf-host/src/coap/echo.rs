// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who has shown that messages reach it.
//!
//! The address of a request may be somebody else's, to whom its answer is sent then. So
//! that whoever asks like that sends about as much himself, a stranger's answers are
//! short (RFC 7252, section 11.3), and bring a value that only who receives them can
//! send back (RFC 9175, section 2). No state is kept about strangers.
//!
//! No proof: to ask for a further block, whose number anybody guesses, and to
//! acknowledge a message, whose id is one more than that of the message before, to
//! whomever that went.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rbpf_device::observe::Peer as _;

use super::table::{Bounds, Table};

/// Addresses that are remembered, and for how long after they have shown it last. Who
/// shows it in each request need not be.
const ADDRESSES: Bounds = Bounds {
    per_address: 64,
    total: 256,
    lifetime: Duration::from_secs(3600),
};

/// The addresses that are no strangers.
#[derive(Debug)]
pub(super) struct Shown {
    /// A key that nobody knows.
    key: RandomState,
    addresses: Table<(), ()>,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self {
            key: RandomState::new(),
            addresses: Table::new(ADDRESSES),
        }
    }

    /// What a peer is to send back.
    pub(super) fn value(&self, peer: SocketAddr) -> [u8; 8] {
        self.key.hash_one(peer.address()).to_be_bytes()
    }

    /// Looks at what a request has sent back.
    pub(super) fn look_at(&mut self, now: Instant, peer: SocketAddr, value: &[u8]) {
        if value == self.value(peer) {
            self.addresses.put(now, address(peer), (), ());
        }
    }

    /// Whether a peer is a stranger.
    pub(super) fn is_stranger(&self, now: Instant, peer: SocketAddr) -> bool {
        self.addresses.get(now, address(peer), &()).is_none()
    }
}

/// All ports of an address are one, as its owner has them all.
fn address(mut peer: SocketAddr) -> SocketAddr {
    peer.set_port(0);
    peer
}
