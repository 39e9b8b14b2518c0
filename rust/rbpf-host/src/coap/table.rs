// SPDX-License-Identifier: MIT OR Apache-2.0
//! A table that forgets: what is remembered about peers, within limits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rbpf_device::observe::{Peer as _, crowd, network};

/// Limits of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Entries of one address, from however many ports.
    pub(super) per_address: usize,
    /// Entries of all.
    pub(super) total: usize,
    /// How long an entry lives after it was put in.
    pub(super) lifetime: Duration,
}

/// Entries by peer and key. Where the limits are met, the oldest gives way: of the address
/// if it has too many, else of the network that has most, and there of the address that has
/// most, so that nobody takes the place of those who have few.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    bounds: Bounds,
    /// By age; the oldest first. Few enough to be searched one by one.
    entries: Vec<Entry<K, V>>,
}

#[derive(Debug)]
struct Entry<K, V> {
    peer: SocketAddr,
    key: K,
    value: V,
    since: Instant,
}

impl<K: PartialEq, V> Table<K, V> {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: Vec::new(),
        }
    }

    fn position(&self, now: Instant, peer: SocketAddr, key: &K) -> Option<usize> {
        self.entries.iter().position(|entry| {
            entry.peer == peer && entry.key == *key && entry.alive(now, self.bounds.lifetime)
        })
    }

    pub(super) fn get(&self, now: Instant, peer: SocketAddr, key: &K) -> Option<&V> {
        let position = self.position(now, peer, key)?;
        self.entries.get(position).map(|entry| &entry.value)
    }

    /// Takes an entry out.
    pub(super) fn take(&mut self, now: Instant, peer: SocketAddr, key: &K) -> Option<V> {
        let position = self.position(now, peer, key)?;
        Some(self.entries.remove(position).value)
    }

    /// Puts an entry in, in place of one with the same peer and key.
    pub(super) fn put(&mut self, now: Instant, peer: SocketAddr, key: K, value: V) {
        let lifetime = self.bounds.lifetime;
        self.entries.retain(|entry| {
            entry.alive(now, lifetime) && !(entry.peer == peer && entry.key == key)
        });
        let ours = peer.address();
        let (_, same) = crowd(ours, self.addresses());
        let crowded = if same >= self.bounds.per_address {
            Some(ours)
        } else if self.entries.len() >= self.bounds.total {
            self.most_crowded()
        } else {
            None
        };
        let oldest = crowded.and_then(|crowded| self.addresses().position(|of| of == crowded));
        oldest.map(|oldest| self.entries.remove(oldest));
        self.entries.push(Entry {
            peer,
            key,
            value,
            since: now,
        });
    }

    /// Of each entry, the oldest first.
    fn addresses(&self) -> impl Iterator<Item = u128> {
        self.entries.iter().map(|entry| entry.peer.address())
    }

    /// The address that has most entries, of the network that has most; of several, the one
    /// that has the oldest.
    fn most_crowded(&self) -> Option<u128> {
        let (mut networks, mut addresses) = (HashMap::new(), HashMap::new());
        for address in self.addresses() {
            *networks.entry(network(address)).or_insert(0_usize) += 1;
            *addresses.entry(address).or_insert(0_usize) += 1;
        }
        let count = |address: &u128| (networks[&network(*address)], addresses[address]);
        // Of equal ones the last, which is the oldest.
        let newest_first = self.entries.iter().rev().map(|entry| entry.peer.address());
        newest_first.max_by_key(count)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<K, V> Entry<K, V> {
    fn alive(&self, now: Instant, lifetime: Duration) -> bool {
        now.saturating_duration_since(self.since) < lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8, port: u16) -> SocketAddr {
        ([192, 0, 2, last], port).into()
    }

    fn table(per_address: usize, total: usize) -> Table<char, u32> {
        Table::new(Bounds {
            per_address,
            total,
            lifetime: Duration::from_secs(10),
        })
    }

    /// In one of the networks of IPv6.
    fn near(network: u16, last: u16, port: u16) -> SocketAddr {
        let ip = std::net::Ipv6Addr::new(0xfd00, 0, 0, network, 0, 0, 0, last);
        (ip, port).into()
    }

    #[test]
    fn a_network_with_many_addresses_takes_no_place_of_others() {
        let now = Instant::now();
        let mut table = table(4, 8);
        table.put(now, near(1, 1, 1), 'a', 1);
        table.put(now, peer(1, 1), 'a', 2);
        for last in 0..100 {
            table.put(now, near(2, last, 1), 'a', 0);
        }
        assert_eq!(table.len(), 8);
        assert!(table.get(now, near(1, 1, 1), &'a').is_some());
        assert!(table.get(now, peer(1, 1), &'a').is_some());
    }

    #[test]
    fn a_host_with_many_ports_takes_no_place_of_its_neighbours() {
        let now = Instant::now();
        let mut table = table(4, 8);
        for last in 1..=4 {
            table.put(now, near(1, last, 1), 'a', 0);
        }
        for port in 0..100 {
            table.put(now, near(1, 9, port), 'a', 0);
        }
        for last in 5..=6 {
            table.put(now, near(1, last, 1), 'a', 0);
        }
        for last in 1..=6 {
            assert!(table.get(now, near(1, last, 1), &'a').is_some(), "{last}");
        }
    }

    #[test]
    fn limits() {
        let mut table = table(2, 3);
        let now = Instant::now();
        table.put(now, peer(1, 1), 'a', 1);
        table.put(now, peer(1, 1), 'b', 2);
        table.put(now, peer(1, 1), 'b', 3);
        assert_eq!(table.len(), 2);
        table.put(now, peer(1, 1), 'c', 4);
        assert_eq!(table.get(now, peer(1, 1), &'a'), None);
        assert_eq!(table.get(now, peer(1, 1), &'b'), Some(&3));
        table.put(now, peer(2, 1), 'a', 5);
        table.put(now, peer(3, 1), 'a', 6);
        assert_eq!(table.len(), 3);
        assert_eq!(table.get(now, peer(1, 1), &'b'), None);
        assert_eq!(table.take(now, peer(2, 1), &'a'), Some(5));
        assert_eq!(table.take(now, peer(2, 1), &'a'), None);

        let later = now + Duration::from_secs(10);
        assert_eq!(table.get(later, peer(3, 1), &'a'), None);
        table.put(later, peer(4, 1), 'a', 7);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_host_with_many_ports_takes_no_place_of_others() {
        let now = Instant::now();
        let mut table = table(4, 8);
        for other in 1..=4 {
            table.put(now, peer(other, 1), 'a', other.into());
        }
        for port in 0..100 {
            table.put(now, peer(9, port), 'a', 0);
        }
        assert_eq!(table.len(), 8);
        // Nor do several, once the table is full.
        for port in 0..100 {
            table.put(now, peer(8, port), 'a', 0);
            table.put(now, peer(7, port), 'a', 0);
        }
        assert_eq!(table.len(), 8);
        for other in 1..=4 {
            let found = table.get(now, peer(other, 1), &'a');
            assert_eq!(found, Some(&other.into()), "{other}");
        }
        // Who has few has room.
        table.put(now, peer(5, 1), 'a', 5);
        for other in 1..=5 {
            assert!(table.get(now, peer(other, 1), &'a').is_some(), "{other}");
        }
    }
}
