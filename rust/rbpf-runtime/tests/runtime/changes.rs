// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers that watch a value.

use rbpf_abi::Capabilities;
use rbpf_runtime::{Allowance, AppId, BindError, KvScope, Memory, Runtime};
use rbpf_vm::Interpreter;

use crate::support::{app, buffer};
use crate::timers::{Clock, NOTING};

type Device = Runtime<'static, Clock, 4, 6, 40, Interpreter, 2>;

/// Stores one more than it has been told under a key of the global store.
fn answering(key: u32) -> String {
    format!("ldxw %r2, [%r1+8]\nadd %r2, 1\nmov %r1, {key}\ncall 0x11\nexit")
}

const HELPERS: &[u16] = &[0x10, 0x11, 0x12];

fn device() -> Device {
    Runtime::new(
        Clock(0),
        Memory {
            images: std::array::from_fn(|_| buffer(512)),
            stack: buffer(512),
            data: buffer(0),
            response: buffer(64),
        },
    )
}

fn image(source: &str) -> Vec<u8> {
    let mut app = app(source);
    app.helpers = HELPERS;
    app.image()
}

fn install(device: &mut Device, name: &str, source: &str) -> AppId {
    let image = image(source);
    device.install(name, &image, Capabilities::all()).unwrap()
}

/// Runs, key, before and value, as [`NOTING`] has noted them.
fn noted(device: &Device, app: AppId) -> [u32; 4] {
    [0, 1, 2, 3].map(|key| {
        let value = device.fetch(KvScope::Local(app.slot()), key);
        value.unwrap_or(0)
    })
}

/// Has all changes seen; how many there were. The test fails if they have no
/// end.
fn settle(device: &mut Device) -> usize {
    (0..100).find(|_| !device.run_change()).expect("an end")
}

#[test]
fn a_change_is_an_event() {
    let mut device = device();
    let app = install(&mut device, "app", NOTING);
    device.store(KvScope::Global, 7, 10).unwrap();
    device.bind("kv:global:7", app).unwrap();
    assert!(!device.run_change(), "what is there is known");
    device.store(KvScope::Global, 7, 10).unwrap();
    device.store(KvScope::Global, 8, 1).unwrap();
    assert!(!device.run_change(), "no change, and another key");
    device.store(KvScope::Global, 7, 11).unwrap();
    assert_eq!(settle(&mut device), 1);
    assert_eq!(noted(&device, app), [1, 7, 10, 11]);
    for value in 12..20 {
        device.store(KvScope::Global, 7, value).unwrap();
    }
    assert_eq!(settle(&mut device), 1, "many changes, one event");
    assert_eq!(noted(&device, app), [2, 7, 11, 19]);
    device.store(KvScope::Global, 7, 1).unwrap();
    device.store(KvScope::Global, 7, 19).unwrap();
    assert_eq!(settle(&mut device), 0, "back at what it was");
    device.erase(KvScope::Global, 7);
    assert_eq!(settle(&mut device), 1);
    assert_eq!(noted(&device, app), [3, 7, 19, 0]);
    assert!(device.unbind("kv:global:7", None));
    device.store(KvScope::Global, 7, 5).unwrap();
    assert!(!device.run_change());
}

#[test]
fn targets() {
    let mut device = device();
    let app = install(&mut device, "app", NOTING);
    let other = install(&mut device, "other", NOTING);
    for wrong in [
        "kv:",
        "kv:7",
        "kv:global:",
        "kv:global:x",
        "kv:global:-1",
        "kv:global:4294967296",
        "kv:other:7",
    ] {
        assert_eq!(device.bind(wrong, app), Err(BindError::Target), "{wrong}");
    }
    for target in ["kv:global:0", "kv:local:7", "kv:global:4294967295"] {
        assert_eq!(device.bind(target, app), Ok(()), "{target}");
        assert_eq!(device.bind(target, app), Err(BindError::Taken), "{target}");
        assert_eq!(device.bind(target, other), Ok(()), "{target}");
    }
    assert_eq!(device.bind("kv:global:1", app), Err(BindError::Full));
}

#[test]
fn a_container_watches_what_it_may_fetch() {
    let mut device = device();
    let image = app("exit").image();
    for (allowed, store) in [
        (Capabilities::KV_GLOBAL, "global"),
        (Capabilities::KV_LOCAL, "local"),
        (Capabilities::KV_TENANT, "tenant"),
    ] {
        let denied = Capabilities::all() - allowed;
        let target = format!("kv:{store}:1");
        let app = device.install("app", &image, denied).unwrap();
        assert_eq!(device.bind(&target, app), Err(BindError::Denied), "{store}");
        device.remove(app);
        let app = device.install("app", &image, allowed).unwrap();
        assert_eq!(device.bind(&target, app), Ok(()), "{store}");
        device.remove(app);
    }
}

#[test]
fn each_sees_its_own_store() {
    let mut device = device();
    let all = Allowance {
        capabilities: Capabilities::all(),
        slots: 4,
        bindings: 6,
        values: 100,
        paused: 0,
        rate: 0,
    };
    let alice = device.add_tenant("alice", all).unwrap();
    let bob = device.add_tenant("bob", all).unwrap();
    let image = image(NOTING);
    let mut install = |tenant, name| {
        let app = device.install_for(tenant, name, &image, Capabilities::all());
        let app = app.unwrap();
        device.bind("kv:tenant:7", app).unwrap();
        device.bind("kv:local:9", app).unwrap();
        app
    };
    let (hers, his) = (install(alice, "hers"), install(bob, "his"));
    device.store(KvScope::Tenant(Some(bob)), 7, 1).unwrap();
    assert_eq!(settle(&mut device), 1);
    assert_eq!(noted(&device, his), [1, 7, 0, 1]);
    device.store(KvScope::Local(hers.slot()), 9, 2).unwrap();
    assert_eq!(settle(&mut device), 1);
    assert_eq!(noted(&device, hers), [1, 9, 0, 2]);
    device.store(KvScope::Tenant(None), 7, 1).unwrap();
    assert_eq!(settle(&mut device), 0);
}

#[test]
fn a_container_does_not_hear_itself() {
    let mut device = device();
    let app = install(&mut device, "app", &answering(7));
    device.bind("kv:global:7", app).unwrap();
    device.store(KvScope::Global, 7, 1).unwrap();
    assert_eq!(settle(&mut device), 1);
    assert_eq!(device.fetch(KvScope::Global, 7), Some(2));
}

/// Two that answer each other have an event each turn, and keep no third from
/// its own.
#[test]
fn watches_take_turns() {
    let mut device = device();
    let ping = install(&mut device, "ping", &answering(2));
    let pong = install(&mut device, "pong", &answering(1));
    let third = install(&mut device, "third", NOTING);
    device.bind("kv:global:1", ping).unwrap();
    device.bind("kv:global:2", pong).unwrap();
    device.bind("kv:global:3", third).unwrap();
    device.store(KvScope::Global, 1, 1).unwrap();
    device.store(KvScope::Global, 3, 1).unwrap();
    for _ in 0..3 {
        assert!(device.run_change());
    }
    assert_eq!(noted(&device, third), [1, 3, 0, 1]);
    for _ in 0..100 {
        assert!(device.run_change(), "each is one event of its own");
    }
}

#[test]
fn those_that_may_not_run_miss_it() {
    let mut device = device();
    device.set_fault_limit(1);
    let app = install(&mut device, "app", "ldxdw %r0, [%r0]\nexit");
    device.bind("kv:global:1", app).unwrap();
    for value in 1..4 {
        device.store(KvScope::Global, 1, value).unwrap();
        assert_eq!(settle(&mut device), 1);
    }
    let info = device.apps().next().unwrap();
    assert_eq!((info.counters.runs, info.denied), (1, 2));
}

/// What a predecessor has stored is gone, which is news to others only. One
/// that wants less than it sees nothing.
#[test]
fn replacing_a_watcher() {
    let mut device = device();
    let app = install(&mut device, "app", &answering(7));
    let other = install(&mut device, "other", NOTING);
    for target in ["kv:local:0", "kv:global:7"] {
        device.bind(target, app).unwrap();
    }
    device.bind("kv:global:7", other).unwrap();
    device.store(KvScope::Local(app.slot()), 0, 1).unwrap();
    assert_eq!(settle(&mut device), 3);
    assert_eq!(noted(&device, other), [1, 7, 0, 3]);
    let image = image(NOTING);
    let aligned = buffer(image.len() + 8);
    let skip = aligned.as_ptr().align_offset(8);
    let aligned = &mut aligned[skip..][..image.len()];
    aligned.copy_from_slice(&image);
    let app = device.replace(app, aligned, Capabilities::all()).unwrap();
    assert_eq!(settle(&mut device), 1);
    assert_eq!(noted(&device, other), [2, 7, 3, 0]);
    assert_eq!(noted(&device, app), [0; 4]);
    let fewer = Capabilities::all() - Capabilities::KV_GLOBAL;
    let less = crate::support::app("exit").image();
    aligned[..less.len()].copy_from_slice(&less);
    let app = device.replace(app, &aligned[..less.len()], fewer).unwrap();
    device.store(KvScope::Global, 7, 3).unwrap();
    assert_eq!(settle(&mut device), 1, "the other's");
    let info = device.apps().find(|info| info.id == app).unwrap();
    assert_eq!(info.counters.runs, 0);
}
