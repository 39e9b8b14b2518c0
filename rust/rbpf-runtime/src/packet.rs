// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets of the network stack: hooks where containers see them, and what
//! becomes of a packet.
//!
//! Whatever goes wrong with a container, the packet passes: only the result
//! [`DROP`] of one that may drop packets keeps it.

use rbpf_abi::Capabilities;
use rbpf_abi::context::PacketContext;
use rbpf_abi::context::constants::{
    RBPF_COUNT as COUNT, RBPF_DROP as DROP, RBPF_PACKET_IPV6, RBPF_PACKET_RX,
    RBPF_PACKET_SIXLOWPAN, RBPF_PACKET_TX, RBPF_PACKET_UDP,
};
use rbpf_vm::region;

use crate::hook::{Hook, Policy};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Direction {
    /// It has been received.
    Rx = RBPF_PACKET_RX as u8,
    /// It is to be sent.
    Tx = RBPF_PACKET_TX as u8,
}

/// The protocol of the first header that a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// A UDP datagram.
    Udp = RBPF_PACKET_UDP as u8,
    /// An IPv6 packet.
    Ipv6 = RBPF_PACKET_IPV6 as u8,
    /// A 6LoWPAN frame if received; the IPv6 packet of one that is to be sent.
    Sixlowpan = RBPF_PACKET_SIXLOWPAN as u8,
}

/// A place of the network stack that packets come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHook {
    /// Which way they go there.
    pub direction: Direction,
    /// What they are there.
    pub kind: PacketType,
}

impl PacketHook {
    /// The place for packets of this type that go this way.
    #[must_use]
    pub const fn new(direction: Direction, kind: PacketType) -> Self {
        Self { direction, kind }
    }

    /// What containers are bound to: `rx:udp` for example.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.direction, self.kind) {
            (Direction::Rx, PacketType::Udp) => "rx:udp",
            (Direction::Tx, PacketType::Udp) => "tx:udp",
            (Direction::Rx, PacketType::Ipv6) => "rx:ipv6",
            (Direction::Tx, PacketType::Ipv6) => "tx:ipv6",
            (Direction::Rx, PacketType::Sixlowpan) => "rx:6lowpan",
            (Direction::Tx, PacketType::Sixlowpan) => "tx:6lowpan",
        }
    }

    /// The rules there. The first result that is not 0 is the verdict; whoever
    /// sees packets may be bound, and only who may drop them has a say.
    #[must_use]
    pub const fn rules(self) -> Hook<'static> {
        Hook {
            policy: Policy::FirstNonZero,
            needs: Capabilities::PACKET,
            say: Capabilities::PACKET_DROP,
            ..Hook::new(self.name())
        }
    }
}

/// A packet, as far as containers see it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'p> {
    /// Where it came by.
    pub hook: PacketHook,
    /// Length of the whole packet, in bytes.
    pub length: u32,
    /// Number of the network interface; 0 if it is not known.
    pub interface: u16,
    /// The first bytes, or all of them.
    pub data: &'p [u8],
}

impl Packet<'_> {
    /// What a container's r1 points to.
    pub(crate) fn context(&self) -> PacketContext {
        PacketContext {
            data: region::address(region::GRANTED).into(),
            length: self.length.into(),
            // A region has fewer bytes than 2^24.
            available: (self.data.len() as u32).into(),
            interface: self.interface.into(),
            direction: self.hook.direction as u8,
            kind: self.hook.kind as u8,
            padding: 0.into(),
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    #[default]
    Pass,
    /// It ends here.
    Drop,
    /// It goes on, and is counted.
    Count,
}

impl Verdict {
    /// What the result of an event means; none is a pass, as is a number that
    /// is no verdict.
    pub(crate) fn of(result: Option<u64>) -> Self {
        const DROPPED: u64 = DROP as u64;
        const COUNTED: u64 = COUNT as u64;
        match result {
            Some(DROPPED) => Self::Drop,
            Some(COUNTED) => Self::Count,
            _ => Self::Pass,
        }
    }
}

/// What is counted where packets come by. All counts wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounters {
    /// Packets that containers were asked about.
    pub seen: u32,
    /// Those that were dropped.
    pub dropped: u32,
    /// Those that passed and were counted.
    pub counted: u32,
}

impl PacketCounters {
    /// Nothing is counted yet.
    pub const ZERO: Self = Self {
        seen: 0,
        dropped: 0,
        counted: 0,
    };

    /// Counts a packet that containers were asked about.
    pub fn count(&mut self, verdict: Verdict) {
        self.seen = self.seen.wrapping_add(1);
        match verdict {
            Verdict::Pass => {}
            Verdict::Drop => self.dropped = self.dropped.wrapping_add(1),
            Verdict::Count => self.counted = self.counted.wrapping_add(1),
        }
    }
}
