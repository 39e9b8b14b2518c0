// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where messages come from, and which of that is one host.
//!
//! What is kept about peers is counted by host: whoever has one has all its ports.

use core::net::{IpAddr, SocketAddr};

/// The first half of link-local addresses (RFC 4291, section 2.5.6).
const LINK_LOCAL: u64 = 0xfe80 << 48;

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

/// What of an address tells one host from others: of IPv6 the network's half, as a host
/// takes as many addresses there as it likes. Those of a link, of IPv4, and of this
/// host are different as a whole.
#[must_use]
pub const fn host(address: u128) -> u128 {
    match (address >> 64) as u64 {
        0 | LINK_LOCAL => address,
        network => (network as u128) << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let address = |text: &str| {
            let ip: IpAddr = text.parse().unwrap();
            SocketAddr::from((ip, 1)).address()
        };
        host(address(one)) == host(address(other))
    }

    #[test]
    fn which_addresses_are_one_host() {
        for (one, other) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::1", "2001:db8::1:2:3:4"),
            ("fd00::1", "fd00::2"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("2001:db8::1", "2001:db8:0:1::1"),
            ("fe80::1", "fe80::2"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::1"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
