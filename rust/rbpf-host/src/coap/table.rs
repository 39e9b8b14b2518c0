// SPDX-License-Identifier: MIT OR Apache-2.0
//! A table that forgets: what is remembered about peers, within limits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rbpf_device::observe::{Peer as _, host};

/// Limits of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Entries of one host, from however many ports.
    pub(super) per_host: usize,
    /// Entries of all.
    pub(super) total: usize,
    /// How long an entry lives after it was put in.
    pub(super) lifetime: Duration,
}

/// Entries by peer and key. Where the limits are met, the oldest gives way: of the
/// host if it has too many, else of the one that has most, so that nobody takes the
/// place of those who have few.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    bounds: Bounds,
    /// By age; the oldest first. Few enough to be searched one by one.
    entries: Vec<Entry<K, V>>,
}

#[derive(Debug)]
struct Entry<K, V> {
    peer: SocketAddr,
    host: u128,
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
        let ours = host(peer.address());
        let count = self.entries.iter().filter(|entry| entry.host == ours);
        let crowd = if count.count() >= self.bounds.per_host {
            Some(ours)
        } else if self.entries.len() >= self.bounds.total {
            self.largest()
        } else {
            None
        };
        let oldest =
            crowd.and_then(|host| self.entries.iter().position(|entry| entry.host == host));
        oldest.map(|oldest| self.entries.remove(oldest));
        self.entries.push(Entry {
            peer,
            host: ours,
            key,
            value,
            since: now,
        });
    }

    /// The host that has most entries; of several, the one that has the oldest.
    fn largest(&self) -> Option<u128> {
        let mut counts = HashMap::<u128, usize>::new();
        for entry in &self.entries {
            *counts.entry(entry.host).or_default() += 1;
        }
        // The last one of the largest.
        let hosts = self.entries.iter().rev().map(|entry| entry.host);
        hosts.max_by_key(|host| counts.get(host).copied())
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

    fn table(per_host: usize, total: usize) -> Table<char, u32> {
        Table::new(Bounds {
            per_host,
            total,
            lifetime: Duration::from_secs(10),
        })
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
