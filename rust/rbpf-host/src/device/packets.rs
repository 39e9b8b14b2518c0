// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams on their way through the hooks `rx:udp` and `tx:udp`.
//!
//! A container finds the header of UDP before the payload, as on a
//! microcontroller, with a checksum of 0. Who sends or receives waits for the
//! device's thread, which waits for nobody; after [`PATIENCE`] the datagram
//! passes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rbpf_runtime::{Direction, Hook, PacketCounters, PacketHook, PacketType, Verdict};

use super::{Command, DeviceHandle};

/// How long a datagram waits for its verdict.
const PATIENCE: Duration = Duration::from_millis(100);
/// Instructions for a container that judges a datagram.
pub(super) const BUDGET: u32 = 10_000;
/// Bytes of a datagram that a container sees, with the header.
pub(super) const SEEN: usize = 128;
/// Bytes of the header of UDP.
const HEADER: usize = 8;

/// Where datagrams come by.
pub(super) const HOOKS: [PacketHook; 2] = [
    PacketHook::new(Direction::Rx, PacketType::Udp),
    PacketHook::new(Direction::Tx, PacketType::Udp),
];

/// The hook at a position, from 0.
pub(super) fn hook<'h>(position: usize) -> Option<Hook<'h>> {
    Some(HOOKS.get(position)?.rules())
}

/// A datagram that waits for its verdict.
pub(super) struct Datagram {
    pub(super) hook: PacketHook,
    /// With the header.
    pub(super) bytes: Vec<u8>,
}

/// Whether anything is bound to each of the hooks; so nobody waits for nothing.
#[derive(Debug, Default)]
pub(super) struct Watched([AtomicBool; HOOKS.len()]);

impl Watched {
    /// Tells what is bound from now on.
    pub(super) fn publish(&self, is_bound: impl Fn(&str) -> bool) {
        for (hook, watched) in HOOKS.iter().zip(&self.0) {
            watched.store(is_bound(hook.name()), Ordering::Relaxed);
        }
    }

    fn is_watched(&self, hook: PacketHook) -> bool {
        let mut hooks = HOOKS.iter().zip(&self.0);
        hooks.any(|(&other, watched)| other == hook && watched.load(Ordering::Relaxed))
    }
}

/// What has been counted at each of the hooks.
#[derive(Debug, Default)]
pub(super) struct Figures([PacketCounters; HOOKS.len()]);

impl Figures {
    pub(super) fn count(&mut self, hook: PacketHook, verdict: Verdict) {
        let mut hooks = HOOKS.iter().zip(&mut self.0);
        if let Some((_, counters)) = hooks.find(|(other, _)| **other == hook) {
            counters.count(verdict);
        }
    }

    /// The figures, with their names.
    pub(super) fn named(&self) -> [(&'static str, u32); 6] {
        let [rx, tx] = self.0;
        [
            ("rx-udp", rx.seen),
            ("rx-udp-dropped", rx.dropped),
            ("rx-udp-counted", rx.counted),
            ("tx-udp", tx.seen),
            ("tx-udp-dropped", tx.dropped),
            ("tx-udp-counted", tx.counted),
        ]
    }
}

/// A datagram with its header.
fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    for field in [from.port(), to.port(), length, 0] {
        bytes.extend(field.to_be_bytes());
    }
    bytes.extend(payload);
    bytes
}

impl DeviceHandle {
    /// Whether a datagram goes on, as the containers say that see it there.
    ///
    /// Without any, this takes no time. It goes on if the device is too busy
    /// to say.
    #[must_use]
    pub fn passes(
        &self,
        direction: Direction,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> bool {
        let hook = PacketHook::new(direction, PacketType::Udp);
        if !self.watched.is_watched(hook) {
            return true;
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let command = Command::Packet {
            datagram: Datagram {
                hook,
                bytes: datagram(from, to, payload),
            },
            deadline: Instant::now() + PATIENCE,
            reply,
        };
        match self.commands.try_send(command) {
            Ok(()) => answer.recv_timeout(PATIENCE) != Ok(Verdict::Drop),
            Err(_) => true,
        }
    }
}
