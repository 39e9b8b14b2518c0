// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key-value stores: one for all containers, one for each, one for those of a
//! tenant, one for the host.
//!
//! All live in one pool of fixed size, of which each slot for a container, and
//! the host, owns an equal share. So a store that is full is an error to its owner
//! alone, whatever the others do. Fetching never stores.

use heapless::Vec;
use rbpf_abi::Errno;

use crate::tenant::TenantId;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KvScope {
    /// The store that all containers share.
    Global,
    /// The store of the container in this slot, or that of the [`HOST`].
    Local(u8),
    /// The store that the containers of a tenant share, or those without one.
    Tenant(Option<TenantId>),
}

/// The host in place of a slot's number: as an owner, and in
/// [`KvScope::Local`] for the store of images that are run without being
/// installed.
pub const HOST: u8 = u8::MAX;

/// A value in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The store.
    pub scope: KvScope,
    /// The slot of the container that stored it first and is charged for it,
    /// or [`HOST`].
    pub owner: u8,
    /// Its key.
    pub key: u32,
    /// Its value.
    pub value: u32,
}

/// A pool of `KV` entries.
#[derive(Debug)]
pub(crate) struct KvStore<const KV: usize> {
    /// Ordered by scope and key.
    entries: Vec<KvEntry, KV>,
}

impl<const KV: usize> KvStore<KV> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    fn position(&self, scope: KvScope, key: u32) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&(scope, key), |entry| (entry.scope, entry.key))
    }

    pub(crate) fn fetch(&self, scope: KvScope, key: u32) -> Option<u32> {
        let index = self.position(scope, key).ok()?;
        self.entries.get(index).map(|entry| entry.value)
    }

    /// Stores a value. A new key is charged to `owner`, who may have `quota`.
    pub(crate) fn store(
        &mut self,
        scope: KvScope,
        owner: u8,
        quota: usize,
        key: u32,
        value: u32,
    ) -> Result<(), Errno> {
        match self.position(scope, key) {
            Ok(index) => {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.value = value;
                }
                Ok(())
            }
            Err(index) => {
                let owned = self.entries.iter().filter(|entry| entry.owner == owner);
                if owned.count() >= quota {
                    return Err(Errno::NoSpace);
                }
                let entry = KvEntry {
                    scope,
                    owner,
                    key,
                    value,
                };
                self.entries.push(entry).map_err(|_| Errno::NoSpace)?;
                let mut displaced = entry;
                for place in self.entries.iter_mut().skip(index) {
                    core::mem::swap(place, &mut displaced);
                }
                Ok(())
            }
        }
    }

    /// Erases a value; `false` if there is none.
    pub(crate) fn erase(&mut self, scope: KvScope, key: u32) -> bool {
        let before = self.entries.len();
        retain(&mut self.entries, &mut |entry| {
            (entry.scope, entry.key) != (scope, key)
        });
        self.entries.len() < before
    }

    /// Forgets everything that is charged to an owner.
    pub(crate) fn forget(&mut self, owner: u8) {
        retain(&mut self.entries, &mut |entry| entry.owner != owner);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// All entries, by scope and key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &KvEntry> {
        self.entries.iter()
    }
}

/// Keeps what is wanted, in its order. `Vec::retain` moves memory by a function
/// that nothing else here needs, as `Vec::insert` and `Vec::remove` do.
pub(crate) fn retain<T, const LENGTH: usize>(
    list: &mut Vec<T, LENGTH>,
    is_wanted: &mut dyn FnMut(&mut T) -> bool,
) {
    let mut kept = 0;
    for index in 0..list.len() {
        let Some((before, [entry, ..])) = list.split_at_mut_checked(index) else {
            break;
        };
        if is_wanted(entry) {
            if let Some(place) = before.get_mut(kept) {
                core::mem::swap(place, entry);
            }
            kept += 1;
        }
    }
    list.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_share_is_an_error_to_its_owner_alone() {
        let mut kv = KvStore::<8>::new();
        for key in 0..4 {
            assert_eq!(kv.store(KvScope::Global, 0, 4, key, key), Ok(()));
        }
        assert_eq!(kv.store(KvScope::Local(0), 0, 4, 9, 1), Err(Errno::NoSpace));
        assert_eq!(kv.store(KvScope::Global, 0, 4, 3, 7), Ok(()), "overwriting");
        assert_eq!(kv.store(KvScope::Local(1), 1, 4, 9, 1), Ok(()));
        assert_eq!(kv.fetch(KvScope::Global, 3), Some(7));
        assert_eq!(kv.fetch(KvScope::Local(0), 9), None);
        kv.forget(0);
        assert!(kv.iter().all(|entry| entry.owner == 1));
    }

    #[test]
    fn iteration_is_ordered() {
        let mut kv = KvStore::<8>::new();
        for (scope, key) in [
            (KvScope::Local(1), 2),
            (KvScope::Global, 9),
            (KvScope::Local(0), 5),
            (KvScope::Global, 1),
        ] {
            kv.store(scope, 0, 8, key, 0).unwrap();
        }
        assert!(kv.iter().is_sorted_by_key(|entry| (entry.scope, entry.key)));
    }
}
