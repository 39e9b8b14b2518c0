// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where messages come from, and which of that is one host.
//!
//! What is kept about peers is counted by address, as whoever has one has all its ports;
//! and by network, as a host takes as many addresses there as it likes.

use core::net::{IpAddr, SocketAddr};

/// Where a message comes from, as the transport knows it.
pub trait Peer: Clone + PartialEq {
    /// Its address without the port: of IPv6, with one of IPv4 mapped into it (RFC
    /// 4291, section 2.5.5.2).
    fn address(&self) -> u128;
}

impl Peer for SocketAddr {
    fn address(&self) -> u128 {
        let address = match self.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        address.to_bits()
    }
}

/// The network of an address: its first half of IPv6, and the whole of IPv4 and of this
/// host.
#[must_use]
pub const fn network(address: u128) -> u128 {
    match (address >> 64) as u64 {
        0 => address,
        network => (network as u128) << 64,
    }
}

/// How many of these addresses are in the network of one, and how many are the same.
#[must_use]
pub fn crowd(address: u128, others: impl Iterator<Item = u128>) -> (usize, usize) {
    others.fold((0, 0), |(near, same), other| {
        (
            near + usize::from(network(other) == network(address)),
            same + usize::from(other == address),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> u128 {
        let ip: IpAddr = text.parse().unwrap();
        SocketAddr::from((ip, 1)).address()
    }

    fn same(one: &str, other: &str) -> bool {
        network(address(one)) == network(address(other))
    }

    #[test]
    fn which_addresses_are_of_one_network() {
        for (one, other) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::1", "2001:db8::1:2:3:4"),
            ("fd00::1", "fd00::2"),
            ("fe80::1", "fe80::2"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        let others = ["fd00::1", "fd00::2", "fd00::2", "fe80::2", "::1"].map(address);
        assert_eq!(crowd(address("fd00::2"), others.into_iter()), (3, 2));
        for (one, other) in [
            ("192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("2001:db8::1", "2001:db8:0:1::1"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::1"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
