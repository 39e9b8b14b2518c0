// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs that are over their budget, and go on later.

use rbpf_abi::Capabilities;
use rbpf_runtime::{Allowance, AppId, Hook, KvScope, Memory, RunError, Runtime, TenantError};
use rbpf_vm::{Fault, FaultKind, Interpreter};

use crate::support::{App, app, buffer};
use crate::timers::Clock;

/// Stack, data and context of a paused run.
const ROOM: usize = 512 + 16 + 64;

type Device<const RUNS: usize = 1> = Runtime<'static, Clock, 3, 6, 40, Interpreter, 2, RUNS>;

const EVENT: Hook<'_> = Hook::new("event").posted();

/// Counts down from 3000, two instructions a time, and then stores under the
/// keys 0 to 2 what stood on its stack, in its data, and in its context.
const LONG: &str = "
    mov %r6, %r1
    stdw [%r10-8], 11
    lddw %r7, 0x4000000
    ldxdw %r8, [%r7]
    add %r8, 1
    stxdw [%r7], %r8
    mov %r9, 3000
    sub %r9, 1
    jne %r9, 0, -2
    mov %r1, 0
    ldxw %r2, [%r10-8]
    call 0x10
    mov %r1, 1
    ldxw %r2, [%r7]
    call 0x10
    mov %r1, 2
    ldxw %r2, [%r6+4]
    call 0x10
    mov %r0, 7
    exit";
/// Instructions of one run of it.
const ALL: u64 = 7 + 2 * 3000 + 11;

/// Leaves its mark where others may have something.
const SCRIBBLE: &str = "
    stdw [%r10-8], -1
    lddw %r7, 0x4000000
    stdw [%r7], -1
    exit";

fn device() -> Device {
    device_for()
}

/// A device where so many runs may be paused.
fn device_for<const RUNS: usize>() -> Device<RUNS> {
    let mut device = Runtime::new(
        Clock(0),
        Memory {
            images: std::array::from_fn(|_| buffer(512)),
            stack: buffer(512),
            data: buffer(64),
            response: buffer(64),
        },
    );
    device.set_budget(1000);
    device.set_pauses(100, buffer(RUNS * ROOM));
    device
}

fn image(source: &str) -> Vec<u8> {
    App {
        helpers: &[0x10],
        data: &[20, 0, 0, 0, 0, 0, 0, 0],
        bss: 8,
        ..app(source)
    }
    .image()
}

fn install<const RUNS: usize>(device: &mut Device<RUNS>, name: &str, source: &str) -> AppId {
    let image = image(source);
    device.install(name, &image, Capabilities::all()).unwrap()
}

/// What [`LONG`] has stored.
fn stored<const RUNS: usize>(device: &Device<RUNS>, app: AppId) -> [Option<u32>; 3] {
    [0, 1, 2].map(|key| device.fetch(KvScope::Local(app.slot()), key))
}

fn counted<const RUNS: usize>(device: &Device<RUNS>, app: AppId) -> (u32, u32, u64, u32) {
    let info = device.apps().find(|info| info.id == app).unwrap();
    let counters = info.counters;
    (
        counters.runs,
        counters.faults,
        counters.instructions,
        info.denied,
    )
}

/// Has an event happen, with a context of two numbers.
fn post<const RUNS: usize>(device: &mut Device<RUNS>, hook: &Hook<'_>) -> (u8, Option<u64>) {
    let mut context = [1, 0, 0, 0, 33, 0, 0, 0];
    let triggered = device.trigger(hook, &mut context, &mut [], 1000);
    (triggered.runs, triggered.result)
}

#[test]
fn a_run_goes_on_where_it_was() {
    let mut device = device();
    let long = install(&mut device, "long", LONG);
    let other = install(&mut device, "other", SCRIBBLE);
    device.bind("event", long).unwrap();
    assert_eq!(post(&mut device, &EVENT), (1, None));
    assert_eq!(stored(&device, long), [None; 3]);
    let mut parts = 1;
    while device.resume() {
        parts += 1;
        // Others run meanwhile, on the same stack and in the same memory.
        device.run(other, &mut [], &mut [], 100).unwrap();
    }
    assert_eq!(parts, ALL / 1000 + 1);
    assert_eq!(stored(&device, long), [Some(11), Some(21), Some(33)]);
    assert_eq!(counted(&device, long), (1, 0, ALL, 0));
    // Once more, from the start.
    assert_eq!(post(&mut device, &EVENT), (1, None));
    while device.resume() {}
    assert_eq!(counted(&device, long), (2, 0, 2 * ALL, 0));
}

#[test]
fn timers_and_values_are_such_events() {
    let mut device = device();
    let long = install(&mut device, "long", LONG);
    device.bind("after:5", long).unwrap();
    device.bind("kv:global:1", long).unwrap();
    device.services().0 = 5;
    assert!(device.run_timer());
    assert_eq!(device.next_timer(), Some(10), "it is looked at again");
    while device.resume() {}
    assert_eq!(device.next_timer(), None);
    assert_eq!(stored(&device, long), [Some(11), Some(21), Some(0)]);
    device.store(KvScope::Global, 1, 9).unwrap();
    assert!(device.run_change());
    while device.resume() {}
    assert_eq!(counted(&device, long), (2, 0, 2 * ALL, 0));
}

#[test]
fn who_waits_gets_a_fault() {
    let mut device = device();
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    assert_eq!(post(&mut device, &Hook::new("event")), (1, None));
    assert!(!device.resume());
    let mut context = [0; 8];
    let over = |result| matches!(result, Err(RunError::Fault(Fault { kind, .. })) if kind == FaultKind::BudgetExhausted);
    assert!(over(device.run(long, &mut context, &mut [], 1000)));
    assert_eq!(counted(&device, long).1, 2);
    // And so does everyone where nothing is to be paused.
    device.set_pauses(0, &mut []);
    assert_eq!(post(&mut device, &EVENT), (1, None));
    assert!(!device.resume());
    assert_eq!(counted(&device, long).1, 3);
}

#[test]
fn where_a_hook_has_a_budget_nothing_is_paused() {
    let mut device = device();
    let wants = Capabilities::KV_LOCAL;
    let long = device.install("long", &image(LONG), wants).unwrap();
    let hook = EVENT.bounded(1000);
    device.bind_hook(&hook, long).unwrap();
    assert_eq!(post(&mut device, &hook), (1, None));
    assert!(!device.resume());
    assert_eq!(counted(&device, long), (1, 1, 1000, 0));
}

#[test]
fn an_endless_run_ends() {
    let mut device = device();
    device.set_pauses(3, buffer(ROOM));
    let endless = install(&mut device, "endless", "ja -1");
    device.bind("event", endless).unwrap();
    post(&mut device, &EVENT);
    for _ in 0..3 {
        assert_eq!(counted(&device, endless).0, 0);
        assert!(device.resume());
    }
    assert!(!device.resume());
    assert_eq!(counted(&device, endless), (1, 1, 4000, 0));
}

#[test]
fn one_run_is_paused_at_a_time() {
    let mut device = device();
    let first = install(&mut device, "first", LONG);
    let second = install(&mut device, "second", LONG);
    device.bind("event", first).unwrap();
    device.bind("event", second).unwrap();
    assert_eq!(post(&mut device, &EVENT), (2, None));
    assert_eq!(counted(&device, first), (0, 0, 0, 0));
    assert_eq!(counted(&device, second).1, 1, "there is one place");
    // To the first, further events do not come.
    post(&mut device, &EVENT);
    assert_eq!(counted(&device, first), (0, 0, 0, 1));
    // Somebody who waits has it run, from the start and beside the paused one.
    let mut context = [0, 0, 0, 0, 44, 0, 0, 0];
    let result = device.run(first, &mut context, &mut [], 10_000);
    assert_eq!(result, Ok(7));
    assert_eq!(stored(&device, first), [Some(11), Some(21), Some(44)]);
    while device.resume() {}
    assert_eq!(stored(&device, first), [Some(11), Some(21), Some(33)]);
    assert_eq!(counted(&device, first), (2, 0, 2 * ALL, 1));
}

#[test]
fn a_run_ends_with_its_container() {
    let mut device = device();
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    post(&mut device, &EVENT);
    let image = image(LONG);
    let aligned = buffer(image.len() + 8);
    let skip = aligned.as_ptr().align_offset(8);
    let aligned = &mut aligned[skip..][..image.len()];
    aligned.copy_from_slice(&image);
    let long = device.replace(long, aligned, Capabilities::all()).unwrap();
    while device.resume() {}
    assert_eq!(counted(&device, long), (0, 0, 0, 0));
    assert_eq!(stored(&device, long), [None; 3]);
    post(&mut device, &EVENT);
    assert!(device.remove(long));
    while device.resume() {}
    // The place is free again.
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    post(&mut device, &EVENT);
    while device.resume() {}
    assert_eq!(counted(&device, long), (1, 0, ALL, 0));
}

#[test]
fn a_paused_run_has_its_share_of_time() {
    let mut device = device();
    device.set_rate(2000);
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    post(&mut device, &EVENT);
    assert!(device.resume());
    assert!(!device.resume(), "its second is used up");
    assert_eq!(counted(&device, long), (0, 0, 0, 0));
    assert_eq!(device.next_timer(), Some(10));
    for _ in 0..100 {
        device.services().0 += 100;
        device.resume();
    }
    assert_eq!(counted(&device, long), (1, 0, ALL, 0));
}

#[test]
fn what_does_not_fit_is_stopped() {
    let mut device = device();
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    let mut context = [0; 65];
    device.trigger(&EVENT, &mut context, &mut [], 1000);
    assert!(!device.resume());
    assert_eq!(counted(&device, long).1, 1);
    // Nor does a stack in less memory than it takes.
    device.set_pauses(1, buffer(ROOM - 64));
    post(&mut device, &EVENT);
    assert!(!device.resume());
    assert_eq!(counted(&device, long).1, 2);
    device.set_pauses(1, buffer(ROOM));
    post(&mut device, &EVENT);
    assert!(device.resume());
}

#[test]
fn several_take_turns() {
    let mut device = device_for::<2>();
    let first = install(&mut device, "first", LONG);
    let second = install(&mut device, "second", LONG);
    let third = install(&mut device, "third", LONG);
    for (app, number) in [(first, 1), (second, 2), (third, 3)] {
        device.bind("event", app).unwrap();
        let mut context = [0, 0, 0, 0, number, 0, 0, 0];
        device.trigger(&EVENT, &mut context, &mut [], 1000);
        device.unbind("event", None);
    }
    assert_eq!(counted(&device, third).1, 1, "there are two places");
    let parts = u32::try_from(ALL / 1000).unwrap();
    for _ in 0..2 * parts - 1 {
        assert!(device.resume());
    }
    // The second is in its last part.
    assert_eq!(stored(&device, first), [Some(11), Some(21), Some(1)]);
    assert_eq!(stored(&device, second), [None; 3]);
    device.bind("event", third).unwrap();
    let mut context = [0, 0, 0, 0, 4, 0, 0, 0];
    device.trigger(&EVENT, &mut context, &mut [], 1000);
    while device.resume() {}
    assert_eq!(stored(&device, second), [Some(11), Some(21), Some(2)]);
    assert_eq!(stored(&device, third), [Some(11), Some(21), Some(4)]);
}

/// What a tenant may have with one place for paused runs.
const ONE_PLACE: Allowance = Allowance {
    capabilities: Capabilities::all(),
    slots: 3,
    bindings: 6,
    values: 40,
    paused: 1,
    rate: 0,
};

/// A tenant whose runs never end has no more places than it is allowed, and
/// leaves the others theirs.
#[test]
fn tenants_have_places_of_their_own() {
    let mut device = device_for::<2>();
    let mallory = device.add_tenant("mallory", ONE_PLACE).unwrap();
    let none = Allowance {
        paused: 0,
        ..ONE_PLACE
    };
    let bob = device.add_tenant("bob", none).unwrap();
    let endless = image("ja -1");
    let install_for = |device: &mut Device<2>, tenant, name| {
        let app = device.install_for(tenant, name, &endless, Capabilities::all());
        let app = app.unwrap();
        device.bind("event", app).unwrap();
        app
    };
    let first = install_for(&mut device, mallory, "first");
    let second = install_for(&mut device, mallory, "second");
    post(&mut device, &EVENT);
    assert_eq!(counted(&device, first).1, 0);
    assert_eq!(counted(&device, second).1, 1, "there is one place for her");
    device.unbind("event", None);
    let long = install(&mut device, "long", LONG);
    device.bind("event", long).unwrap();
    post(&mut device, &EVENT);
    while counted(&device, long).0 == 0 {
        assert!(device.resume());
    }
    assert_eq!(stored(&device, long), [Some(11), Some(21), Some(33)]);
    assert!(device.remove(second));
    let third = install_for(&mut device, bob, "third");
    device.unbind("event", Some(long));
    post(&mut device, &EVENT);
    assert_eq!(counted(&device, third).1, 1, "and none for bob");
}

/// A promise is kept, or not made.
#[test]
fn there_are_as_many_places_as_are_promised() {
    let one = Allowance {
        rate: 1000,
        ..ONE_PLACE
    };
    let mut device = device();
    device.add_tenant("mallory", one).unwrap();
    let refused = device.add_tenant("bob", one);
    assert_eq!(refused, Err(TenantError::Paused));
    assert_eq!(device.tenant("bob"), None);
    let none = Allowance { paused: 0, ..one };
    device.add_tenant("bob", none).unwrap();

    let mut device = device_for::<2>();
    let mallory = device.add_tenant("mallory", one).unwrap();
    let bob = device.add_tenant("bob", ONE_PLACE).unwrap();
    // One whose owner is throttled keeps its place, and no other's.
    let endless = image("ja -1");
    let first = device.install_for(mallory, "first", &endless, Capabilities::all());
    let own = install(&mut device, "own", "ja -1");
    let long = device.install_for(bob, "long", &image(LONG), Capabilities::all());
    let (first, long) = (first.unwrap(), long.unwrap());
    for app in [first, own, long] {
        device.bind("event", app).unwrap();
    }
    post(&mut device, &EVENT);
    assert_eq!(
        counted(&device, own).1,
        1,
        "no place is left for the device's own"
    );
    device.unbind("event", None);
    while device.resume() {}
    assert_eq!(counted(&device, first).0, 0);
    assert_eq!(stored(&device, long), [Some(11), Some(21), Some(33)]);
}

/// A tenant has its places even if they were taken before it was there.
#[test]
fn a_promise_ends_the_runs_of_nobody() {
    let mut device = device();
    let own = install(&mut device, "own", "ja -1");
    device.bind("event", own).unwrap();
    post(&mut device, &EVENT);
    let bob = device.add_tenant("bob", ONE_PLACE).unwrap();
    let long = device.install_for(bob, "long", &image(LONG), Capabilities::all());
    let long = long.unwrap();
    device.unbind("event", None);
    device.bind("event", long).unwrap();
    post(&mut device, &EVENT);
    while device.resume() {}
    assert_eq!(stored(&device, long), [Some(11), Some(21), Some(33)]);
}

/// What is put in quarantine does not go on, even if it is released before its turn.
#[test]
fn quarantine_ends_a_paused_run() {
    for released in [false, true] {
        let mut device = device();
        device.set_fault_limit(1);
        let long = install(&mut device, "long", LONG);
        device.bind("event", long).unwrap();
        post(&mut device, &EVENT);
        let mut context = [0; 8];
        device.run(long, &mut context, &mut [], 10).unwrap_err();
        if released {
            assert!(device.release(long));
        }
        while device.resume() {}
        assert_eq!(stored(&device, long), [None; 3]);
        assert_eq!(counted(&device, long), (1, 1, 10, 0));
        assert_eq!(device.next_timer(), None, "nothing is paused");
    }
}

/// In a local function as elsewhere; case 01 of the hostile reader's.
#[test]
fn a_run_that_pauses_in_a_function_goes_on_there() {
    let mut device = device();
    let source = "
        mov %r6, %r1
        mov %r7, 5
        call local spin
        mov %r1, 0
        mov %r2, %r0
        call 0x10
        mov %r1, 1
        mov %r2, %r7
        call 0x10
        mov %r0, 0
        exit
    spin:
        mov %r7, 5000
        stdw [%r10-8], 0
        ldxdw %r1, [%r10-8]
        add %r1, %r7
        stxdw [%r10-8], %r1
        sub %r7, 1
        jne %r7, 0, -5
        ldxdw %r0, [%r10-8]
        exit";
    let image = App {
        helpers: &[0x10],
        functions: &[(0, 64), (11, 64)],
        ..app(source)
    }
    .image();
    let spin = device.install("spin", &image, Capabilities::all()).unwrap();
    device.bind("event", spin).unwrap();
    post(&mut device, &EVENT);
    while device.resume() {}
    assert_eq!(counted(&device, spin).1, 0);
    assert_eq!(stored(&device, spin), [Some(12_502_500), Some(5), None]);
}
