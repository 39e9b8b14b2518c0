// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tenants: none can read, starve or stop another.

use rbpf_abi::Capabilities;
use rbpf_runtime::{
    Allowance, AppId, BindError, InstallError, KvScope, Memory, RunError, Runtime, TenantError,
    TenantId,
};
use rbpf_vm::{Interpreter, VerifyErrorKind};

use crate::support::{WAITED_US, app, buffer, get};
use crate::timers::Clock;

/// Values that each slot owns, and the host.
const SHARE: usize = 8;

type Device = Runtime<'static, Clock, 6, 6, { 7 * SHARE }, Interpreter, 3>;

const ALL: Allowance = Allowance {
    capabilities: Capabilities::all(),
    slots: 6,
    bindings: 6,
    values: 100,
    paused: 1,
    rate: 0,
};

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

/// A device with tenants of these allowances, called `0`, `1` and so on.
fn device_for<const N: usize>(allowances: [Allowance; N]) -> (Device, [TenantId; N]) {
    let mut device = device();
    let mut number = 0..;
    let tenants = allowances.map(|allowance| {
        let name = number.next().unwrap().to_string();
        device.add_tenant(&name, allowance).unwrap()
    });
    (device, tenants)
}

/// An image that calls these helpers.
fn image(source: &str, helpers: &[u16]) -> Vec<u8> {
    let mut app = app(source);
    app.helpers = helpers;
    app.image()
}

fn install(device: &mut Device, tenant: TenantId, name: &str, source: &str) -> AppId {
    let image = image(source, &[0x10, 0x11, 0x12, 0x13, 0x14, 0x15]);
    device
        .install_for(tenant, name, &image, Capabilities::all())
        .unwrap()
}

fn run(device: &mut Device, app: AppId) -> Result<u64, RunError> {
    device.run(app, &mut [], &mut [], 10_000)
}

/// Stores 7 under key 1 by a helper, and returns what that says.
fn storing(helper: u32) -> String {
    format!("mov %r1, 1\nmov %r2, 7\ncall {helper}\nexit")
}

/// Returns what is under key 1 by a helper.
fn fetching(helper: u32) -> String {
    format!(
        "mov %r1, 1
        mov %r2, %r10
        add %r2, -8
        call {helper}
        ldxw %r0, [%r10-8]
        exit"
    )
}

/// Stores under new keys, up to so many, by a helper; how many were stored.
fn filling(helper: u32, keys: u32) -> String {
    format!(
        "mov %r6, 0
        mov %r1, %r6
        mov %r2, 7
        call {helper}
        jne %r0, 0, +2
        add %r6, 1
        jlt %r6, {keys}, -6
        mov %r0, %r6
        exit"
    )
}

#[test]
fn names() {
    let mut device = device();
    for wrong in ["", " ", "a b", "é", "x\0", &"x".repeat(17)] {
        assert_eq!(
            device.add_tenant(wrong, ALL),
            Err(TenantError::Name),
            "{wrong}"
        );
    }
    let alice = device.add_tenant("alice", ALL).unwrap();
    assert_eq!(device.add_tenant("alice", ALL), Err(TenantError::Taken));
    assert_eq!(device.tenant("alice"), Some(alice));
    assert_eq!(device.tenant("bob"), None);
    device.add_tenant(&"x".repeat(16), ALL).unwrap();
    device.add_tenant("bob", ALL).unwrap();
    assert_eq!(device.add_tenant("carol", ALL), Err(TenantError::Full));
    let numbers: Vec<_> = device.tenants().map(|info| info.id.number()).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_device_without_room_for_tenants_has_none() {
    let mut device = crate::timers::device(0);
    assert_eq!(device.add_tenant("alice", ALL), Err(TenantError::Full));
    assert_eq!(device.tenants().count(), 0);
}

#[test]
fn granted_is_what_the_tenant_allows() {
    let allowance = Allowance {
        capabilities: Capabilities::LOG | Capabilities::KV_LOCAL,
        ..ALL
    };
    let (mut device, [alice]) = device_for([allowance]);
    let stores = |helper: u16| image(&storing(helper.into()), &[helper]);
    let local = device
        .install_for(alice, "local", &stores(0x10), Capabilities::all())
        .unwrap();
    let granted = |device: &Device| device.apps().next().unwrap().granted;
    assert_eq!(granted(&device), allowance.capabilities);
    let Err(InstallError::Verify(error)) =
        device.install_for(alice, "globals", &stores(0x11), Capabilities::all())
    else {
        panic!("it was installed");
    };
    assert_eq!(error.kind, VerifyErrorKind::DeniedHelper);
    // Replacing it is no way around.
    let image: &'static [u8] = stores(0x11).leak();
    let aligned = crate::support::buffer(image.len() + 8);
    let skip = aligned.as_ptr().align_offset(8);
    let aligned = &mut aligned[skip..][..image.len()];
    aligned.copy_from_slice(image);
    let replaced = device.replace(local, aligned, Capabilities::all());
    assert!(
        matches!(replaced, Err(InstallError::Verify(_))),
        "{replaced:?}"
    );
    assert_eq!(run(&mut device, local), Ok(0));
}

#[test]
fn slots_are_counted() {
    let two = Allowance { slots: 2, ..ALL };
    let none = Allowance { slots: 0, ..ALL };
    let (mut device, [alice, bob]) = device_for([two, none]);
    let image = image("exit", &[]);
    let first = device
        .install_for(alice, "a", &image, Capabilities::all())
        .unwrap();
    let second = device
        .install_for(alice, "b", &image, Capabilities::all())
        .unwrap();
    let refused = device.install_for(alice, "c", &image, Capabilities::all());
    assert_eq!(refused, Err(InstallError::Quota));
    assert_eq!(
        device.install_for(bob, "c", &image, Capabilities::all()),
        Err(InstallError::Quota)
    );
    device.install("own", &image, Capabilities::all()).unwrap();
    assert!(device.remove(first));
    device
        .install_for(alice, "c", &image, Capabilities::all())
        .unwrap();
    let owners: Vec<_> = device.apps().map(|info| (info.name, info.tenant)).collect();
    assert_eq!(
        owners,
        [("c", Some(alice)), ("b", Some(alice)), ("own", None)]
    );
    let refused = device.install_for(alice, "d", &image, Capabilities::all());
    assert_eq!(refused, Err(InstallError::Quota));
    let _ = second;
}

#[test]
fn a_replaced_container_is_still_its_tenants() {
    let (mut device, [alice]) = device_for([Allowance { slots: 1, ..ALL }]);
    let app = install(&mut device, alice, "a", "mov %r0, 1\nexit");
    let image = image("mov %r0, 2\nexit", &[]);
    let aligned = buffer(image.len() + 8);
    let skip = aligned.as_ptr().align_offset(8);
    let aligned = &mut aligned[skip..][..image.len()];
    aligned.copy_from_slice(&image);
    let app = device.replace(app, aligned, Capabilities::all()).unwrap();
    assert_eq!(run(&mut device, app), Ok(2));
    assert_eq!(device.apps().next().unwrap().tenant, Some(alice));
}

#[test]
fn a_tenants_store_is_its_own() {
    let (mut device, [alice, bob]) = device_for([ALL, ALL]);
    let writer = install(&mut device, alice, "writer", &storing(0x14));
    let reader = install(&mut device, alice, "reader", &fetching(0x15));
    let spy = install(&mut device, bob, "spy", &fetching(0x15));
    let own = image(&fetching(0x15), &[0x15]);
    let own = device.install("own", &own, Capabilities::all()).unwrap();
    assert_eq!(run(&mut device, writer), Ok(0));
    assert_eq!(run(&mut device, reader), Ok(7));
    assert_eq!(run(&mut device, spy), Ok(0));
    assert_eq!(run(&mut device, own), Ok(0));
    assert_eq!(device.fetch(KvScope::Tenant(Some(alice)), 1), Some(7));
    assert_eq!(device.fetch(KvScope::Tenant(Some(bob)), 1), None);
    assert_eq!(device.fetch(KvScope::Global, 1), None);
    // What the device's own containers share is nobody else's, either.
    device.store(KvScope::Tenant(None), 1, 9).unwrap();
    assert_eq!(run(&mut device, own), Ok(9));
    assert_eq!(run(&mut device, reader), Ok(7));
    // The host may look into all of them; what it stores is its own account.
    device.store(KvScope::Tenant(Some(bob)), 1, 8).unwrap();
    assert_eq!(run(&mut device, spy), Ok(8));
    assert!(device.remove(writer));
    assert_eq!(run(&mut device, reader), Ok(0));
}

#[test]
fn values_are_counted_for_all_containers_of_a_tenant() {
    for helper in [0x10, 0x11, 0x14] {
        let five = Allowance { values: 5, ..ALL };
        let (mut device, [alice, bob]) = device_for([five, ALL]);
        let greedy = install(&mut device, alice, "greedy", &filling(helper, 3));
        let second = install(&mut device, alice, "second", &filling(0x10, 100));
        let other = install(&mut device, bob, "other", &filling(0x10, 100));
        assert_eq!(run(&mut device, greedy), Ok(3));
        assert_eq!(run(&mut device, second), Ok(2), "what is left of five");
        assert_eq!(run(&mut device, other), Ok(SHARE as u64), "its whole share");
        // What is there may be overwritten.
        assert_eq!(run(&mut device, greedy), Ok(3));
        assert!(device.remove(greedy));
        assert_eq!(run(&mut device, second), Ok(5));
    }
    // No tenant gives a container more than its slot's share.
    let (mut device, [alice]) = device_for([ALL]);
    let greedy = install(&mut device, alice, "greedy", &filling(0x14, 100));
    assert_eq!(run(&mut device, greedy), Ok(SHARE as u64));
}

#[test]
fn bindings_are_counted_for_all_containers_of_a_tenant() {
    let (mut device, [alice, bob]) = device_for([Allowance { bindings: 2, ..ALL }, ALL]);
    let first = install(&mut device, alice, "first", "exit");
    let second = install(&mut device, alice, "second", "exit");
    let other = install(&mut device, bob, "other", "exit");
    assert_eq!(device.bind("/a", first), Ok(()));
    assert_eq!(device.bind("hook", second), Ok(()));
    for target in ["/b", "every:10", "hook"] {
        assert_eq!(device.bind(target, first), Err(BindError::Full), "{target}");
        assert_eq!(device.bind(target, other), Ok(()), "{target}");
    }
    assert!(device.unbind("hook", Some(second)));
    assert_eq!(device.bind("/c", first), Ok(()));
}

/// Behind a container that passes requests on there would be what others ask it, and
/// before it what keeps them from it.
#[test]
fn a_path_is_of_one_tenant() {
    let (mut device, [alice, bob]) = device_for([ALL; 2]);
    let first = install(&mut device, alice, "first", "mov %r0, 0\nexit");
    let second = install(&mut device, alice, "second", "mov %r0, 2\nexit");
    let other = install(&mut device, bob, "other", "mov %r0, 3\nexit");
    let nobody = app("mov %r0, 4\nexit").image();
    let nobody = device
        .install("nobody", &nobody, Capabilities::all())
        .unwrap();
    assert_eq!(device.bind("/a", first), Ok(()));
    assert_eq!(device.bind("/nobody", nobody), Ok(()));
    for (path, app) in [
        ("/a", other),
        ("/a", nobody),
        ("/nobody", other),
        ("/nobody", first),
    ] {
        assert_eq!(device.bind(path, app), Err(BindError::Taken), "{path}");
    }
    assert_eq!(device.bind("/a", second), Ok(()));
    assert_eq!(device.coap(&get("/a")).unwrap().payload, b"2");
    // Whoever is there when it is free.
    assert!(device.remove(first) && device.remove(second));
    assert_eq!(device.bind("/a", other), Ok(()));
    assert_eq!(device.coap(&get("/a")).unwrap().payload, b"3");
}

#[test]
fn instructions_are_counted_for_all_containers_of_a_tenant() {
    let slow = Allowance { rate: 1000, ..ALL };
    let (mut device, [alice, bob]) = device_for([slow, slow]);
    device.set_fault_limit(0);
    let first = install(&mut device, alice, "first", "ja -1");
    let second = install(&mut device, alice, "second", "mov %r0, 1\nexit");
    let other = install(&mut device, bob, "other", "mov %r0, 2\nexit");
    let looped = device.run(first, &mut [], &mut [], 3000);
    assert!(matches!(looped, Err(RunError::Fault(_))));
    for app in [first, second] {
        assert_eq!(run(&mut device, app), Err(RunError::Throttled));
    }
    assert_eq!(run(&mut device, other), Ok(2), "bob does not pay for alice");
    // It owes 2000, and what beginning took.
    device.services().0 += 2070;
    assert_eq!(run(&mut device, second), Err(RunError::Throttled));
    device.services().0 += 20;
    assert_eq!(run(&mut device, second), Ok(1));
    let denied: Vec<_> = device.apps().map(|info| info.denied).collect();
    assert_eq!(denied, [1, 2, 0]);
}

/// What a helper waits is taken from the share of its container and of its tenant.
#[test]
fn waiting_is_charged_to_container_and_tenant() {
    let (mut device, [tenant, _]) = device_for([
        Allowance {
            rate: 1_000_000,
            ..ALL
        },
        ALL,
    ]);
    let image = image("call 0x30\nexit", &[0x30]);
    let mut install = |name| {
        device
            .install_for(tenant, name, &image, Capabilities::all())
            .unwrap()
    };
    let (first, second) = (install("first"), install("second"));
    // A second is 1,800,000 instructions of a Cortex-M4, and the share of one.
    WAITED_US.set(1_000_000);
    let mut run = |app| device.run(app, &mut [], &mut [], 10_000_000);
    assert_eq!(run(first), Ok(0));
    assert_eq!(run(second), Err(RunError::Throttled));
    WAITED_US.set(0);
}
