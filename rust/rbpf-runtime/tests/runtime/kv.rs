// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key-value stores: whose is what, and how much (design, section 6, item
//! 16).

use rbpf_abi::{Errno, Helper};
use rbpf_runtime::{AppId, HOST, KvEntry, KvScope, Runtime};

use crate::support::*;

/// Four values for each of three slots, and for the host.
type Small = Runtime<'static, Recording, 3, 3, 16>;
const QUOTA: u32 = 4;

/// A container that calls the helper that its context names, with two
/// arguments from there, and returns what it returns. The context is also
/// where fetched values go.
const CALLER: &str = "
    mov %r6, %r1
    ldxdw %r1, [%r6+8]
    ldxdw %r2, [%r6+16]
    ldxdw %r3, [%r6]
    jeq %r3, 0x10, store_local
    jeq %r3, 0x11, store_global
    jeq %r3, 0x12, fetch_local
    call 0x13
    exit
store_local:
    call 0x10
    exit
store_global:
    call 0x11
    exit
fetch_local:
    call 0x12
    exit";

fn small() -> (Small, [AppId; 2]) {
    let mut device: Small = Sizes::default().device();
    let first = app(CALLER).install(&mut device, "first");
    let second = app(CALLER).install(&mut device, "second");
    (device, [first, second])
}

fn call(device: &mut Small, app: AppId, helper: Helper, a: u64, b: u64) -> (u64, u32) {
    let mut context = [0xee; 32];
    for (bytes, value) in context.chunks_mut(8).zip([helper.id().into(), a, b]) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    let result = device.run(app, &mut context, &mut [], 100).unwrap();
    let fetched = u32::from_le_bytes(context[24..28].try_into().unwrap());
    assert_eq!(context[28..], [0xee; 4], "a value has four bytes");
    (result, fetched)
}

fn store(device: &mut Small, app: AppId, helper: Helper, key: u32, value: u32) -> u64 {
    call(device, app, helper, key.into(), value.into()).0
}

fn fetch(device: &mut Small, app: AppId, helper: Helper, key: u32) -> u32 {
    let (result, value) = call(device, app, helper, key.into(), at::CONTEXT + 24);
    assert_eq!(result, 0);
    value
}

use Helper::{FetchGlobal, FetchLocal, StoreGlobal, StoreLocal};

const FULL: Errno = Errno::NoSpace;

#[test]
fn local_values_are_ones_own_and_global_ones_everybodys() {
    let (mut device, [first, second]) = small();
    assert_eq!(store(&mut device, first, StoreLocal, 1, 11), 0);
    assert_eq!(store(&mut device, second, StoreLocal, 1, 12), 0);
    assert_eq!(store(&mut device, first, StoreGlobal, 1, 13), 0);
    assert_eq!(fetch(&mut device, first, FetchLocal, 1), 11);
    assert_eq!(fetch(&mut device, second, FetchLocal, 1), 12);
    assert_eq!(fetch(&mut device, first, FetchGlobal, 1), 13);
    assert_eq!(fetch(&mut device, second, FetchGlobal, 1), 13);
    assert_eq!(store(&mut device, second, StoreGlobal, 1, 14), 0);
    assert_eq!(fetch(&mut device, first, FetchGlobal, 1), 14);
    assert_eq!(fetch(&mut device, first, FetchLocal, 1), 11);
}

#[test]
fn values_outlast_a_run_and_are_seen_by_the_host() {
    let (mut device, [first, second]) = small();
    store(&mut device, second, StoreLocal, u32::MAX, u32::MAX);
    store(&mut device, first, StoreGlobal, 0, 0);
    let entry = |scope, owner: AppId, key, value| KvEntry {
        scope,
        owner: owner.slot(),
        key,
        value,
    };
    let all: Vec<_> = device.values().copied().collect();
    let local = KvScope::Local(second.slot());
    assert_eq!(
        all,
        [
            entry(KvScope::Global, first, 0, 0),
            entry(local, second, u32::MAX, u32::MAX),
        ]
    );
    assert_eq!(device.fetch(local, u32::MAX), Some(u32::MAX));
    assert_eq!(device.fetch(KvScope::Global, 0), Some(0));
    assert_eq!(device.fetch(KvScope::Global, u32::MAX), None);
}

#[test]
fn an_absent_key_is_0_and_stores_nothing() {
    let (mut device, [first, _]) = small();
    for key in 0..100 {
        assert_eq!(fetch(&mut device, first, FetchLocal, key), 0);
        assert_eq!(fetch(&mut device, first, FetchGlobal, key), 0);
    }
    assert_eq!(device.values().count(), 0);
}

#[test]
fn a_full_share_is_an_error_to_its_owner_alone() {
    let (mut device, [first, second]) = small();
    // Both kinds count.
    for key in 0..QUOTA {
        let helper = if key % 2 == 0 {
            StoreLocal
        } else {
            StoreGlobal
        };
        assert_eq!(store(&mut device, first, helper, key, key), 0);
    }
    for key in 100..200 {
        for helper in [StoreLocal, StoreGlobal] {
            assert_eq!(store(&mut device, first, helper, key, 1), errno(FULL));
        }
    }
    // What is there can be overwritten.
    assert_eq!(store(&mut device, first, StoreLocal, 0, 77), 0);
    assert_eq!(fetch(&mut device, first, FetchLocal, 0), 77);
    // The other has all of its share, and may overwrite what is global.
    for key in 0..QUOTA {
        assert_eq!(store(&mut device, second, StoreLocal, key, key), 0);
    }
    assert_eq!(store(&mut device, second, StoreLocal, 99, 0), errno(FULL));
    assert_eq!(store(&mut device, second, StoreGlobal, 1, 5), 0);
    assert_eq!(device.values().count(), 2 * QUOTA as usize);
}

#[test]
fn removal_frees_the_share() {
    let (mut device, [first, second]) = small();
    for key in 0..QUOTA {
        store(&mut device, first, StoreGlobal, key, 1);
    }
    store(&mut device, second, StoreLocal, 1, 1);
    assert!(device.remove(first));
    assert_eq!(device.values().count(), 1);
    let third = app(CALLER).install(&mut device, "third");
    assert_eq!(third.slot(), first.slot());
    for key in 0..QUOTA {
        assert_eq!(fetch(&mut device, third, FetchGlobal, key), 0);
        assert_eq!(fetch(&mut device, third, FetchLocal, key), 0);
        assert_eq!(store(&mut device, third, StoreLocal, key, 1), 0);
    }
}

#[test]
fn keys_and_values_have_32_bits() {
    let (mut device, [first, _]) = small();
    let key = 0xffff_ffff_0000_0007;
    assert_eq!(call(&mut device, first, StoreLocal, key, u64::MAX).0, 0);
    assert_eq!(fetch(&mut device, first, FetchLocal, 7), u32::MAX);
}

/// A pool too small for a share.
#[test]
fn a_share_of_nothing() {
    let mut device: Runtime<'static, Recording, 3, 3, 3> = Sizes::default().device();
    let source = "mov %r1, 1\nmov %r2, 2\ncall 0x10\nexit";
    let id = app(source).install(&mut device, "app");
    assert_eq!(run(&mut device, id), Ok(errno(FULL)));
    assert_eq!(device.values().count(), 0);
}

#[test]
fn the_host_stores_too() {
    let (mut device, [first, _]) = small();
    let local = KvScope::Local(first.slot());
    let own = KvScope::Local(HOST);
    for (scope, value) in [(KvScope::Global, 1), (local, 2), (own, 3)] {
        assert_eq!(device.store(scope, 7, value), Ok(()));
        assert_eq!(device.fetch(scope, 7), Some(value));
    }
    assert_eq!(fetch(&mut device, first, FetchGlobal, 7), 1);
    assert_eq!(fetch(&mut device, first, FetchLocal, 7), 2);
    let owners: Vec<_> = device.values().map(|entry| entry.owner).collect();
    assert_eq!(owners, [HOST, first.slot(), HOST]);
    // Both may overwrite what is the other's; its owner stays.
    assert_eq!(store(&mut device, first, StoreGlobal, 7, 4), 0);
    assert_eq!(device.store(KvScope::Global, 7, 5), Ok(()));
    assert_eq!(device.values().count(), 3);
    // With a container goes what is charged to it, and no more.
    assert!(device.remove(first));
    assert_eq!(device.fetch(local, 7), None);
    assert_eq!(device.fetch(KvScope::Global, 7), Some(5));
    assert_eq!(device.fetch(own, 7), Some(3));
}

#[test]
fn there_is_no_store_without_a_container() {
    let (mut device, [first, second]) = small();
    for slot in [2, 3, 100, HOST - 1] {
        let scope = KvScope::Local(slot);
        assert_eq!(device.store(scope, 1, 1), Err(Errno::NoEntry), "{slot}");
    }
    assert!(device.remove(first));
    let gone = KvScope::Local(first.slot());
    assert_eq!(device.store(gone, 1, 1), Err(Errno::NoEntry));
    assert_eq!(device.store(KvScope::Local(second.slot()), 1, 1), Ok(()));
    assert_eq!(device.values().count(), 1);
}

#[test]
fn the_hosts_share_is_like_any_other() {
    let (mut device, [first, second]) = small();
    for key in 0..QUOTA {
        let scope = [KvScope::Global, KvScope::Local(HOST)][key as usize % 2];
        assert_eq!(device.store(scope, key, key), Ok(()));
    }
    for scope in [KvScope::Global, KvScope::Local(HOST)] {
        assert_eq!(device.store(scope, 100, 1), Err(FULL));
    }
    assert_eq!(device.store(KvScope::Global, 0, 9), Ok(()), "overwriting");
    // What it stores for a container is the container's, and so is the end.
    let local = KvScope::Local(first.slot());
    for key in 0..QUOTA {
        assert_eq!(device.store(local, key, key), Ok(()));
    }
    assert_eq!(device.store(local, 100, 1), Err(FULL));
    assert_eq!(store(&mut device, first, StoreGlobal, 100, 1), errno(FULL));
    // All others still have all of theirs: the pool holds that.
    let third = app(CALLER).install(&mut device, "third");
    for app in [second, third] {
        for key in 0..QUOTA {
            assert_eq!(store(&mut device, app, StoreLocal, key, key), 0);
        }
    }
    assert_eq!(device.values().count(), 4 * QUOTA as usize);
}

#[test]
fn what_is_erased_is_gone_and_its_place_free() {
    let (mut device, [first, second]) = small();
    let local = KvScope::Local(first.slot());
    for key in 0..QUOTA {
        assert_eq!(store(&mut device, first, StoreLocal, key, key + 1), 0);
    }
    assert_eq!(store(&mut device, second, StoreLocal, 1, 7), 0);
    for (scope, key) in [
        (KvScope::Global, 1),
        (KvScope::Local(HOST), 1),
        (KvScope::Local(2), 1),
        (local, QUOTA),
        (local, u32::MAX),
    ] {
        assert!(!device.erase(scope, key), "{scope:?} {key}");
    }
    assert!(device.erase(local, 1));
    assert!(!device.erase(local, 1), "only once");
    let left: Vec<_> = device.values().map(|entry| entry.value).collect();
    assert_eq!(left, [1, 3, 4, 7]);
    assert_eq!(fetch(&mut device, first, FetchLocal, 1), 0);
    assert_eq!(store(&mut device, first, StoreGlobal, 9, 9), 0);
    assert_eq!(store(&mut device, first, StoreGlobal, 10, 9), errno(FULL));
    assert!(device.erase(KvScope::Global, 9), "whoever has stored it");
    assert_eq!(device.fetch(KvScope::Global, 9), None);
}

/// The first and the last, and all of them.
#[test]
fn erasing_at_the_ends() {
    let (mut device, _) = small();
    let key = |device: &Small| device.values().map(|entry| entry.key).collect::<Vec<_>>();
    for keys in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        for key in keys {
            assert_eq!(device.store(KvScope::Global, key, 0), Ok(()));
        }
        assert_eq!(key(&device), [0, 1, 2, 3]);
        for key in keys {
            assert!(device.erase(KvScope::Global, key));
        }
        assert_eq!(device.values().count(), 0);
    }
}
