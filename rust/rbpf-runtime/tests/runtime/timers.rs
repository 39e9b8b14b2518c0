// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timers, by a clock that the tests set.

use rbpf_abi::Capabilities;
use rbpf_runtime::{AppId, BindError, Hook, KvScope, Memory, Runtime, Services};

use crate::support::{WAITED_US, app, buffer, get};

/// Services of which there is only the time, in milliseconds.
#[derive(Debug)]
pub(crate) struct Clock(pub(crate) u32);

impl Services for Clock {
    fn now_ms(&mut self) -> u32 {
        self.0
    }
    fn now_us(&mut self) -> u32 {
        self.0.wrapping_mul(1000)
    }
    fn begin_us(&mut self) -> u32 {
        0
    }
    fn elapsed_us(&mut self, _: u32) -> u32 {
        WAITED_US.get()
    }
    fn random(&mut self) -> u32 {
        0
    }
    fn log(&mut self, _: &str, text: &[u8]) -> usize {
        text.len()
    }
}

pub(crate) type Device = Runtime<'static, Clock, 3, 4, 16>;

/// Counts its runs under key 0 of its store, and leaves its context under the
/// keys 1 to 3.
pub(crate) const NOTING: &str = "
    mov %r6, %r1
    ldxw %r2, [%r6]
    mov %r1, 1
    call 0x10
    ldxw %r2, [%r6+4]
    mov %r1, 2
    call 0x10
    ldxw %r2, [%r6+8]
    mov %r1, 3
    call 0x10
    mov %r1, 0
    mov %r2, %r10
    add %r2, -8
    call 0x12
    ldxw %r2, [%r10-8]
    add %r2, 1
    mov %r1, 0
    call 0x10
    exit";

pub(crate) fn device(now: u32) -> Device {
    Runtime::new(
        Clock(now),
        Memory {
            images: std::array::from_fn(|_| buffer(512)),
            stack: buffer(512),
            data: buffer(0),
            response: buffer(64),
        },
    )
}

pub(crate) fn install(device: &mut Device, name: &str, source: &str) -> AppId {
    let mut app = app(source);
    app.helpers = &[0x10, 0x12];
    device
        .install(name, &app.image(), Capabilities::all())
        .unwrap()
}

/// Lets the time go by, and runs what is due then; how many runs there were.
fn advance(device: &mut Device, milliseconds: u32) -> u32 {
    let clock = device.services();
    clock.0 = clock.0.wrapping_add(milliseconds);
    let mut runs = 0;
    while device.run_timer() {
        runs += 1;
    }
    runs
}

/// Count, time, period and missed times of a container of [`NOTING`].
fn noted(device: &Device, id: AppId) -> [u32; 4] {
    let value = |key| device.fetch(KvScope::Local(id.slot()), key);
    [0, 1, 2, 3].map(|key| value(key).unwrap_or_default())
}

#[test]
fn a_timer_begins_with_its_binding() {
    for start in [0, 1 << 31, u32::MAX - 25] {
        let mut device = device(start);
        let id = install(&mut device, "app", NOTING);
        assert_eq!(device.next_timer(), None);
        assert!(!device.run_timer());
        device.bind("every:10", id).unwrap();
        assert_eq!(device.next_timer(), Some(10));
        assert_eq!(advance(&mut device, 9), 0);
        assert_eq!(device.next_timer(), Some(1));
        assert_eq!(advance(&mut device, 1), 1);
        let at = |time: u32| start.wrapping_add(time);
        assert_eq!(noted(&device, id), [1, at(10), 10, 0]);
        assert_eq!(device.next_timer(), Some(10));
        assert_eq!(advance(&mut device, 35), 1, "and not three");
        assert_eq!(noted(&device, id), [2, at(45), 10, 2]);
        assert_eq!(device.next_timer(), Some(5), "the beat is kept");
        assert!(device.unbind("every:10", None));
        assert_eq!(device.next_timer(), None);
        assert_eq!(advance(&mut device, 1000), 0);
    }
}

#[test]
fn once_is_once() {
    let mut device = device(5);
    let id = install(&mut device, "app", NOTING);
    device.bind("after:10", id).unwrap();
    assert_eq!(advance(&mut device, 9), 0);
    assert_eq!(device.bindings().count(), 1);
    assert_eq!(advance(&mut device, 25), 1);
    assert_eq!(noted(&device, id), [1, 39, 0, 0]);
    assert_eq!(device.bindings().count(), 0);
    assert_eq!(device.next_timer(), None);
    device.bind("after:10", id).unwrap();
    assert_eq!(advance(&mut device, 10), 1, "once more");
}

/// Whoever keeps something about what is bound looks again after each of these.
#[test]
fn the_revision_is_another_one() {
    let mut device = device(0);
    let mut last = device.revision();
    let mut changed = |device: &Device, what: &str, expected: bool| {
        let before = std::mem::replace(&mut last, device.revision());
        assert_eq!(last != before, expected, "{what}");
    };
    let id = install(&mut device, "app", NOTING);
    device.bind("every:10", id).unwrap();
    changed(&device, "bound", true);
    advance(&mut device, 10);
    changed(&device, "run", false);
    assert!(device.unbind("every:10", Some(id)));
    changed(&device, "unbound", true);
    device.bind("after:10", id).unwrap();
    changed(&device, "bound to what is once", true);
    advance(&mut device, 10);
    changed(&device, "once is over", true);
    let image = app("mov %r0, 0\nexit").image();
    let successor = device.replace(id, &image, Capabilities::all()).unwrap();
    changed(&device, "replaced", true);
    assert!(device.contains(successor) && !device.contains(id));
    assert!(device.remove(successor));
    changed(&device, "removed", true);
    assert!(!device.contains(successor));
    assert!(!device.remove(successor) && !device.contains(id));
    changed(&device, "nothing", false);
}

/// Who is due for the longest is the first, and who is always late does not
/// keep the others from their turns.
#[test]
fn timers_take_turns() {
    let mut device = device(0);
    let [slow, quick, other] =
        ["slow", "quick", "other"].map(|name| install(&mut device, name, NOTING));
    device.bind("every:1", quick).unwrap();
    device.bind("every:10", slow).unwrap();
    device.bind("every:10", other).unwrap();
    device.services().0 = 10;
    assert!(device.run_timer());
    assert_eq!(noted(&device, quick), [1, 10, 1, 9]);
    device.services().0 = 11;
    assert!(device.run_timer());
    assert_eq!(
        noted(&device, slow),
        [1, 11, 10, 0],
        "the first that was bound"
    );
    device.services().0 = 12;
    assert!(device.run_timer());
    assert_eq!(noted(&device, other), [1, 12, 10, 0]);
    assert!(device.run_timer());
    assert_eq!(noted(&device, quick), [2, 12, 1, 1]);
    assert!(!device.run_timer());
    for _ in 0..1000 {
        advance(&mut device, 7);
    }
    for id in [slow, other] {
        assert!(noted(&device, id)[0] > 690, "{:?}", noted(&device, id));
    }
}

#[test]
fn targets() {
    let mut device = device(0);
    let [first, second] = ["first", "second"].map(|name| install(&mut device, name, NOTING));
    for target in [
        "every:",
        "every:0",
        "every:1x",
        "every:-1",
        "after:1073741824",
        "after:",
    ] {
        assert_eq!(
            device.bind(target, first),
            Err(BindError::Target),
            "{target}"
        );
    }
    assert_eq!(device.bind("every:10", first), Ok(()));
    assert_eq!(device.bind("every:10", first), Err(BindError::Taken));
    assert_eq!(device.bind("every:10", second), Ok(()));
    assert_eq!(device.bind("after:10", first), Ok(()));
    assert_eq!(device.bind("every:20", first), Ok(()));
    assert_eq!(device.bind("every:30", first), Err(BindError::Full));
    // Neither hooks nor requests reach them.
    let triggered = device.trigger(&Hook::new("every:10"), &mut [], &mut [], 100);
    assert_eq!(triggered.runs, 0);
    let request = get("every:10");
    assert!(device.coap(&request).is_err());
    assert_eq!(advance(&mut device, 10), 3);
    assert_eq!(noted(&device, first)[0], 2);
    assert_eq!(noted(&device, second)[0], 1);
    assert!(device.unbind("every:10", Some(first)));
    assert_eq!(advance(&mut device, 10), 2, "one of each");
}

/// A timer goes with its container, and to its successor.
#[test]
fn containers_that_go() {
    let mut device = device(0);
    let id = install(&mut device, "app", NOTING);
    device.bind("every:10", id).unwrap();
    device.services().0 = 4;
    let mut app = app(NOTING);
    app.helpers = &[0x10, 0x12];
    let new = device
        .replace(id, &app.image(), Capabilities::all())
        .unwrap();
    assert_eq!(device.next_timer(), Some(6));
    assert_eq!(advance(&mut device, 6), 1);
    assert_eq!(noted(&device, new)[0], 1);
    assert!(device.remove(new));
    assert_eq!(device.next_timer(), None);
    assert_eq!(advance(&mut device, 10), 0);
}

/// Faults and loops end the run, and in the end the container, not the timer's
/// other containers.
#[test]
fn containers_that_go_wrong() {
    let mut device = device(0);
    device.set_fault_limit(3);
    device.set_budget(1000);
    let fault = install(&mut device, "fault", "ldxb %r0, [%r0]\nexit");
    let endless = install(&mut device, "endless", "ja -1");
    let good = install(&mut device, "good", NOTING);
    for id in [fault, endless, good] {
        device.bind("every:10", id).unwrap();
    }
    for _ in 0..10 {
        assert_eq!(advance(&mut device, 10), 3);
    }
    assert_eq!(noted(&device, good), [10, 100, 10, 0]);
    let runs: Vec<_> = device
        .apps()
        .map(|info| (info.counters.runs, info.counters.faults, info.quarantined))
        .collect();
    assert_eq!(runs, [(3, 3, true), (3, 3, true), (10, 0, false)]);
}

/// Counts its runs as [`NOTING`] does, and then sets its alarm to the value under
/// key 9 of its store; what that returns is left under key 8.
const ALARMED: &str = "
    mov %r1, 9
    mov %r2, %r10
    add %r2, -8
    call 0x12
    ldxw %r1, [%r10-8]
    call 0x21
    mov %r2, %r0
    mov %r1, 8
    call 0x10
    mov %r1, 0
    mov %r2, %r10
    add %r2, -8
    call 0x12
    ldxw %r2, [%r10-8]
    add %r2, 1
    mov %r1, 0
    call 0x10
    exit";

/// A container of [`ALARMED`], and what it is to set its alarm to.
fn install_alarmed(device: &mut Device, name: &str, time: u32) -> AppId {
    let mut app = app(ALARMED);
    app.helpers = &[0x10, 0x12, 0x21];
    let id = device
        .install(name, &app.image(), Capabilities::all())
        .unwrap();
    device.store(KvScope::Local(id.slot()), 9, time).unwrap();
    id
}

/// How often it has run, and what setting its alarm returned last.
fn alarmed(device: &Device, id: AppId) -> (u32, i32) {
    let value = |key| device.fetch(KvScope::Local(id.slot()), key);
    (value(0).unwrap_or(0), value(8).unwrap_or(0) as i32)
}

fn set(device: &mut Device, id: AppId, time: u32) {
    device.store(KvScope::Local(id.slot()), 9, time).unwrap();
}

fn run(device: &mut Device, id: AppId) {
    device.run(id, &mut [], &mut [], 1000).unwrap();
}

#[test]
fn alarms_that_a_container_sets() {
    for start in [0, 1 << 31, u32::MAX - 25] {
        let mut device = device(start);
        let id = install_alarmed(&mut device, "app", 10);
        let other = install_alarmed(&mut device, "other", 10);
        run(&mut device, id);
        assert_eq!(alarmed(&device, id), (1, -2), "it is not bound");
        device.bind("alarm", id).unwrap();
        device.bind("alarm", other).unwrap();
        assert_eq!(device.bind("alarm", id), Err(BindError::Taken));
        assert_eq!(device.next_timer(), None, "not before it is set");
        run(&mut device, id);
        assert_eq!(alarmed(&device, id), (2, 0));
        assert_eq!(device.next_timer(), Some(10));
        assert_eq!(advance(&mut device, 4), 0);
        run(&mut device, id);
        assert_eq!(device.next_timer(), Some(10), "instead of the one before");
        set(&mut device, id, 7);
        assert_eq!(advance(&mut device, 10), 1);
        assert_eq!(device.next_timer(), Some(7), "set in its own run");
        set(&mut device, id, 0);
        run(&mut device, id);
        assert_eq!(device.next_timer(), None, "never");
        assert_eq!(advance(&mut device, 1000), 0);
        assert_eq!(alarmed(&device, other), (0, 0));
        assert_eq!(device.binding_events().collect::<Vec<_>>(), [1, 0]);
    }
}

#[test]
fn times_of_alarms() {
    let mut device = device(0);
    let id = install_alarmed(&mut device, "app", 5);
    device.bind("alarm", id).unwrap();
    run(&mut device, id);
    for (time, result) in [(u32::MAX, -34), (1 << 30, -34), ((1 << 30) - 1, 0)] {
        set(&mut device, id, time);
        assert_eq!(device.next_timer(), Some(5));
        run(&mut device, id);
        assert_eq!(alarmed(&device, id).1, result, "{time}");
    }
    assert_eq!(device.next_timer(), Some((1 << 30) - 1));
}

/// Neither hooks nor requests reach an alarm, nor does a successor have it.
#[test]
fn alarms_of_containers_that_go() {
    let mut device = device(0);
    let id = install_alarmed(&mut device, "app", 10);
    device.bind("alarm", id).unwrap();
    run(&mut device, id);
    let triggered = device.trigger(&Hook::new("alarm"), &mut [], &mut [], 100);
    assert_eq!(triggered.runs, 0);
    assert!(device.coap(&get("alarm")).is_err());
    let mut app = app(ALARMED);
    app.helpers = &[0x10, 0x12, 0x21];
    let new = device
        .replace(id, &app.image(), Capabilities::all())
        .unwrap();
    assert_eq!(device.next_timer(), None);
    set(&mut device, new, 20);
    run(&mut device, new);
    assert_eq!(device.next_timer(), Some(20), "its binding is there");
    assert!(device.unbind("alarm", Some(new)));
    assert_eq!(device.next_timer(), None);
    run(&mut device, new);
    assert_eq!(alarmed(&device, new), (2, -2));
}

/// Who has used up its share when its alarm comes runs when it may again.
#[test]
fn alarms_are_not_lost_by_those_that_wait_for_their_share() {
    let mut device = device(0);
    let id = install_alarmed(&mut device, "app", 10);
    let other = install_alarmed(&mut device, "other", 10);
    device.bind("after:10", other).unwrap();
    device.bind("alarm", id).unwrap();
    // Some 70 instructions a run, with what it costs to begin.
    device.set_rate(100);
    while device.run(id, &mut [], &mut [], 1000).is_ok() {}
    while device.run(other, &mut [], &mut [], 1000).is_ok() {}
    let before = alarmed(&device, id).0;
    assert_eq!(advance(&mut device, 10), 2, "both are denied");
    assert_eq!(alarmed(&device, id).0, before);
    assert_eq!(device.next_timer(), Some(100));
    for _ in 0..20 {
        advance(&mut device, 100);
    }
    assert!(alarmed(&device, id).0 > before);
    // One in quarantine is not asked again.
    device.set_fault_limit(1);
    device.set_rate(0);
    run(&mut device, id);
    device.run(id, &mut [], &mut [], 1).unwrap_err();
    assert_eq!(advance(&mut device, 10), 1);
    assert_eq!(device.next_timer(), None);
}
