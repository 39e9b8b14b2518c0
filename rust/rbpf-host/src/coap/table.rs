// SPDX-License-Identifier: MIT OR Apache-2.0
//! A table that forgets: what is remembered about peers, within limits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Limits of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Entries of one peer.
    pub(super) per_peer: usize,
    /// Entries of all.
    pub(super) total: usize,
    /// How long an entry lives after it was put in.
    pub(super) lifetime: Duration,
}

/// Entries by peer and key. Where the limits are met, the oldest gives way:
/// of the peer if it has too many, else of all.
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
        let of_peer = |entry: &Entry<K, V>| entry.peer == peer;
        let count = self.entries.iter().filter(|entry| of_peer(entry)).count();
        if count >= self.bounds.per_peer {
            let oldest = self.entries.iter().position(of_peer);
            oldest.map(|oldest| self.entries.remove(oldest));
        } else if self.entries.len() >= self.bounds.total {
            self.entries.remove(0);
        }
        self.entries.push(Entry {
            peer,
            key,
            value,
            since: now,
        });
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

    fn peer(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn limits() {
        let mut table = Table::new(Bounds {
            per_peer: 2,
            total: 3,
            lifetime: Duration::from_secs(10),
        });
        let now = Instant::now();
        table.put(now, peer(1), 'a', 1);
        table.put(now, peer(1), 'b', 2);
        table.put(now, peer(1), 'b', 3);
        assert_eq!(table.len(), 2);
        table.put(now, peer(1), 'c', 4);
        assert_eq!(table.get(now, peer(1), &'a'), None);
        assert_eq!(table.get(now, peer(1), &'b'), Some(&3));
        table.put(now, peer(2), 'a', 5);
        table.put(now, peer(3), 'a', 6);
        assert_eq!(table.len(), 3);
        assert_eq!(table.get(now, peer(1), &'b'), None);
        assert_eq!(table.take(now, peer(2), &'a'), Some(5));
        assert_eq!(table.take(now, peer(2), &'a'), None);

        let later = now + Duration::from_secs(10);
        assert_eq!(table.get(later, peer(3), &'a'), None);
        table.put(later, peer(4), 'a', 7);
        assert_eq!(table.len(), 1);
    }
}
