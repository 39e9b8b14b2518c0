// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hooks of the host's: who is bound to them, in which order, and what comes
//! of an event when some of its containers go wrong.

use rbpf_abi::Capabilities;
use rbpf_abi::capability::CAPABILITIES;
use rbpf_runtime::{
    AppId, BindError, CoapError, CoapRequest, Grant, Hook, Policy, RunError, Runtime, Triggered,
};
use rbpf_vm::{Fault, FaultKind, Rights};

use crate::support::*;

/// Returns 10 times the context's byte and this digit, which it leaves there:
/// so results tell who ran, and in which order.
fn digit(digit: u8) -> String {
    format!(
        "ldxb %r0, [%r1]
        mul %r0, 10
        add %r0, {digit}
        stxb [%r1], %r0
        exit"
    )
}

/// A device with containers of these sources, called `0`, `1` and so on.
fn device_with<const N: usize>(sources: [&str; N]) -> (Device, [AppId; N]) {
    let mut device = device();
    let mut number = 0..;
    let apps = sources.map(|source| {
        let name = number.next().unwrap().to_string();
        app(source).install(&mut device, &name)
    });
    (device, apps)
}

fn trigger(device: &mut Device, hook: &str) -> Triggered {
    device.trigger(&Hook::new(hook), &mut [0], &mut [], 1000)
}

fn returned(runs: u8, result: u64) -> Triggered {
    Triggered {
        runs,
        result: Some(result),
        ..Triggered::default()
    }
}

#[test]
fn containers_run_in_the_order_of_their_bindings() {
    let sources = [digit(1), digit(2), digit(3)];
    let (mut device, [one, two, three]) = device_with(sources.each_ref().map(|text| &text[..]));
    assert_eq!(trigger(&mut device, "timer"), Triggered::default());
    for app in [three, one, two] {
        device.bind("timer", app).unwrap();
    }
    assert_eq!(trigger(&mut device, "timer"), returned(3, 312));
    let bindings: Vec<_> = device.bindings().collect();
    assert_eq!(bindings, [("timer", three), ("timer", one), ("timer", two)]);

    assert!(device.unbind("timer", Some(one)));
    assert!(!device.unbind("timer", Some(one)), "only once");
    assert_eq!(trigger(&mut device, "timer"), returned(2, 32));
    device.bind("timer", one).unwrap();
    assert_eq!(trigger(&mut device, "timer"), returned(3, 321));
    assert!(device.remove(two));
    assert_eq!(trigger(&mut device, "timer"), returned(2, 31));
    assert!(device.unbind("timer", None), "all of them");
    assert!(!device.unbind("timer", None));
    assert_eq!(trigger(&mut device, "timer"), Triggered::default());
}

#[test]
fn targets() {
    let (mut device, [first, second]) = device_with(["exit", "exit"]);
    let longest = "x".repeat(32);
    let too_long = "x".repeat(33);
    for target in [
        "",
        " ",
        "a b",
        "a\0",
        "a\n",
        "\u{7f}",
        "é",
        "/é",
        "/ ",
        &too_long,
        &format!("/{longest}"),
        &"x".repeat(1000),
    ] {
        assert_eq!(device.bind(target, first), Err(BindError::Target));
    }
    assert_eq!(device.bindings().count(), 0);
    assert_eq!(device.bind(&longest, first), Ok(()));
    assert_eq!(device.bind(&longest, first), Err(BindError::Taken));
    assert_eq!(device.bind(&longest, second), Ok(()));
    assert_eq!(device.bind("!~", first), Ok(()));
    assert_eq!(device.bind("more", first), Err(BindError::Full));
    assert!(device.remove(first));
    assert_eq!(device.bind("more", first), Err(BindError::UnknownApp));
    let bindings: Vec<_> = device.bindings().collect();
    assert_eq!(bindings, [(&longest[..], second)]);
}

/// Names are compared as they are, and neither paths nor hooks are taken for
/// the other, whatever a request or the host asks for.
#[test]
fn paths_and_hooks_are_not_the_same() {
    let (mut device, [hooked, answering]) = device_with(["mov %r0, 1\nexit", "mov %r0, 2\nexit"]);
    device.bind("timer", hooked).unwrap();
    device.bind("/timer", answering).unwrap();
    let request = |path| CoapRequest {
        code: 1,
        path,
        query: b"",
        observe: None,
        payload: b"",
    };
    assert_eq!(device.coap(&request("timer")), Err(CoapError::NotFound));
    assert_eq!(device.bound("timer").next(), None);
    assert_eq!(device.coap(&request("/timer")).unwrap().payload, b"2");
    for hook in ["/timer", "", "/", "Timer", "timer ", "time", "timerr"] {
        assert_eq!(trigger(&mut device, hook), Triggered::default(), "{hook}");
    }
    assert_eq!(trigger(&mut device, "timer"), returned(1, 1));
    assert!(!device.unbind("/timer", Some(hooked)), "not its");
    assert!(!device.unbind("timer", Some(answering)), "not its");
    assert_eq!(device.bound("/timer").next(), Some(answering));
    assert!(device.unbind("/timer", Some(answering)));
    assert_eq!(device.bound("/timer").next(), None);
}

/// Containers that return a digit, or fault where it is `!`, under each policy:
/// who ran, and what the result is.
#[test]
fn policies_choose_among_results() {
    const FAULT: &str = "ldxb %r0, [%r0]\nexit";
    for (digits, [last, first, all, stop]) in [
        (
            "123",
            [(3, Some(3)), (1, Some(1)), (3, Some(3)), (3, Some(3))],
        ),
        (
            "020",
            [(3, Some(0)), (2, Some(2)), (3, Some(0)), (3, Some(0))],
        ),
        (
            "000",
            [(3, Some(0)), (3, Some(0)), (3, Some(0)), (3, Some(0))],
        ),
        (
            "120",
            [(3, Some(0)), (1, Some(1)), (3, Some(0)), (3, Some(0))],
        ),
        (
            "102",
            [(3, Some(2)), (1, Some(1)), (3, Some(0)), (3, Some(2))],
        ),
        ("!12", [(3, Some(2)), (2, Some(1)), (3, Some(2)), (1, None)]),
        ("0!2", [(3, Some(2)), (3, Some(2)), (3, Some(0)), (2, None)]),
        ("00!", [(3, Some(0)), (3, Some(0)), (3, Some(0)), (3, None)]),
        ("!!!", [(3, None), (3, None), (3, None), (1, None)]),
    ] {
        let sources: Vec<_> = digits
            .chars()
            .map(|digit| match digit {
                '!' => FAULT.to_owned(),
                digit => format!("mov %r0, {digit}\nexit"),
            })
            .collect();
        for (policy, expected) in Policy::ALL.into_iter().zip([last, first, all, stop]) {
            let (mut device, apps) = device_with([&*sources[0], &sources[1], &sources[2]]);
            for app in apps {
                device.bind("hook", app).unwrap();
            }
            let triggered = device.trigger(
                &Hook::new("hook").with_policy(policy),
                &mut [],
                &mut [],
                100,
            );
            let (runs, result) = (triggered.runs, triggered.result);
            assert_eq!((runs, result), expected, "{digits} {policy:?}");
            let counted: u32 = device.apps().map(|info| info.counters.runs).sum();
            assert_eq!(counted, u32::from(runs), "{digits} {policy:?}");
            let first = digits.find('!').filter(|&index| index < usize::from(runs));
            let failed = triggered.failure.map(|(app, _)| app);
            assert_eq!(
                failed,
                first.map(|index| apps[index]),
                "{digits} {policy:?}"
            );
        }
    }
}

#[test]
fn a_fault_ends_one_run_and_not_the_event() {
    let (good, bad, worse) = (digit(7), "ldxb %r0, [%r0]\nexit", "ja -1");
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        let (mut device, apps) = device_with([&good, bad, worse]);
        for index in order {
            device.bind("hook", apps[index]).unwrap();
        }
        let fault = match order.iter().find(|&&index| index > 0) {
            Some(1) => Fault {
                kind: FaultKind::InvalidRead,
                pc: 0,
                address: 0,
            },
            _ => Fault {
                kind: FaultKind::BudgetExhausted,
                pc: 0,
                address: 0,
            },
        };
        let first = apps[*order.iter().find(|&&index| index > 0).unwrap()];
        let expected = Triggered {
            runs: 3,
            faults: 2,
            result: Some(7),
            failure: Some((first, RunError::Fault(fault))),
        };
        assert_eq!(trigger(&mut device, "hook"), expected, "{order:?}");
        assert!(device.unbind("hook", Some(apps[0])));
        let expected = Triggered {
            runs: 2,
            result: None,
            ..expected
        };
        assert_eq!(trigger(&mut device, "hook"), expected, "{order:?}");
        let counts: Vec<_> = device
            .apps()
            .map(|info| (info.counters.runs, info.counters.faults))
            .collect();
        assert_eq!(counts, [(1, 0), (2, 2), (2, 2)]);
    }
}

/// One that uses its budget up takes nothing from those after it.
#[test]
fn each_has_a_budget_of_its_own() {
    let counting = "mov %r0, 0\nadd %r0, 1\njne %r0, 400, -2\nexit";
    let (mut device, apps) = device_with([counting, "ja -1", counting]);
    for app in apps {
        device.bind("hook", app).unwrap();
    }
    let triggered = trigger(&mut device, "hook");
    assert_eq!((triggered.runs, triggered.faults), (3, 1));
    assert_eq!(triggered.result, Some(400));
    let executed: Vec<_> = device
        .apps()
        .map(|info| info.counters.instructions)
        .collect();
    assert_eq!(executed, [802, 1000, 802]);
}

/// What an event grants is the same memory for each: what one changes, those
/// after it see. It is not seen in any other event.
#[test]
fn grants_are_passed_anew_to_each() {
    let source = format!(
        "lddw %r1, {:#x}
        lddw %r2, {:#x}
        ldxb %r0, [%r1]
        ldxb %r2, [%r2]
        add %r0, %r2
        stxb [%r1], %r0
        exit",
        at::GRANTED,
        at::GRANTED + 0x100_0000
    );
    let (mut device, apps) = device_with([&source, &source, &source]);
    for app in apps {
        device.bind("hook", app).unwrap();
    }
    let mut sum = [0];
    let granted = &mut [Grant::Write(&mut sum, Rights::ReadWrite), Grant::Read(&[5])];
    let triggered = device.trigger(&Hook::new("hook"), &mut [], granted, 100);
    assert_eq!(triggered, returned(3, 15));
    assert_eq!(sum, [15]);
    let triggered = trigger(&mut device, "hook");
    assert_eq!((triggered.runs, triggered.faults), (3, 3), "not granted");
    assert_eq!(triggered.result, None);
}

#[test]
fn the_stack_is_cleared_between_those_of_an_event() {
    let source = format!(
        "lddw %r1, {:#x}
        ldxdw %r0, [%r1]
        stdw [%r1], 77
        exit",
        at::STACK
    );
    let (mut device, [first, second]) = device_with([&source, &source]);
    device.bind("hook", first).unwrap();
    device.bind("hook", second).unwrap();
    for _ in 0..2 {
        assert_eq!(trigger(&mut device, "hook"), returned(2, 0));
    }
}

#[test]
fn grants_that_cannot_be_are_the_hosts_mistake() {
    let (mut device, [first, second]) = device_with(["exit", "exit"]);
    device.bind("hook", first).unwrap();
    device.bind("hook", second).unwrap();
    let granted = &mut [const { Grant::Read(b"x") }; 4];
    let expected = Triggered {
        failure: Some((first, RunError::Grant)),
        ..Triggered::default()
    };
    assert_eq!(
        device.trigger(&Hook::new("hook"), &mut [], granted, 10),
        expected
    );
    assert!(device.apps().all(|info| info.counters.runs == 0));
    // Nobody is bound, so nothing is granted.
    let none = device.trigger(&Hook::new("none"), &mut [], granted, 10);
    assert_eq!(none, Triggered::default());
}

/// As many as there can be: counts have a byte.
#[test]
fn a_hook_for_all_slots() {
    let memory = rbpf_runtime::Memory {
        images: std::array::from_fn::<_, 255, _>(|_| buffer(200)),
        stack: buffer(512),
        data: buffer(0),
        response: buffer(0),
    };
    let mut device = Runtime::<_, 255, 256, 1>::new(Recording::default(), memory);
    let image = app("ldxb %r0, [%r0]\nexit").image();
    for number in 0..255 {
        let name = number.to_string();
        let app = device.install(&name, &image, Capabilities::all()).unwrap();
        device.bind("hook", app).unwrap();
    }
    let triggered = device.trigger(&Hook::new("hook"), &mut [], &mut [], 10);
    assert_eq!((triggered.runs, triggered.faults), (255, 255));
}

/// An app that wants so much.
fn app_with(wants: Capabilities, source: &str) -> App<'_> {
    App {
        wants,
        ..app(source)
    }
}

#[test]
fn hooks_say_who_may_be_bound() {
    let mut device = device();
    let plain = app_with(Capabilities::SENSOR, "exit").install(&mut device, "plain");
    let hook = Hook {
        needs: Capabilities::PACKET,
        ..Hook::new("hook")
    };
    assert_eq!(device.bind_hook(&hook, plain), Err(BindError::Denied));
    assert_eq!(device.bindings().count(), 0);
    let granted = app_with(Capabilities::PACKET, "exit").install(&mut device, "granted");
    assert_eq!(device.bind_hook(&hook, granted), Ok(()));
    assert_eq!(device.bind_hook(&hook, granted), Err(BindError::Taken));
    assert!(device.remove(plain));
    assert_eq!(device.bind_hook(&hook, plain), Err(BindError::UnknownApp));
}

/// Whoever has been granted what a hook forbids is not bound; and if a new image is,
/// passed over.
#[test]
fn hooks_forbid_helpers_that_may_wait() {
    let hook = Hook::new("hook").bounded(10);
    for (right, name) in CAPABILITIES {
        let mut device = device();
        let app = app_with(*right, "exit").install(&mut device, name);
        let may = !Capabilities::MAY_WAIT.contains(*right);
        let expected = if may {
            Ok(())
        } else {
            Err(BindError::Forbidden)
        };
        assert_eq!(device.bind_hook(&hook, app), expected, "{name}");
        assert_eq!(device.bindings().count(), usize::from(may), "{name}");
        // Whatever else it has.
        let both = app_with(*right | Capabilities::TIME, "exit").install(&mut device, "both");
        assert_eq!(device.bind_hook(&hook, both), expected, "{name}");
    }

    let mut device = device();
    let app = app_with(Capabilities::CORE, "mov %r0, 3\nexit").install(&mut device, "app");
    device.bind_hook(&hook, app).unwrap();
    let triggered = device.trigger(&hook, &mut [], &mut [], 100);
    assert_eq!(triggered, returned(1, 3));
    let image = app_with(Capabilities::LOG, "exit").image();
    let app = device.replace(app, &image, Capabilities::all()).unwrap();
    assert!(
        device.bindings().eq([("hook", app)]),
        "it keeps its bindings"
    );
    let triggered = device.trigger(&hook, &mut [], &mut [], 100);
    assert_eq!(triggered, Triggered::default());
    let image = app_with(Capabilities::TIME, "mov %r0, 4\nexit").image();
    device.replace(app, &image, Capabilities::all()).unwrap();
    let triggered = device.trigger(&hook, &mut [], &mut [], 100);
    assert_eq!(triggered, returned(1, 4));
}

/// The hook's budget counts, be it more or less than what the event gives.
#[test]
fn hooks_have_budgets() {
    let mut device = device();
    let app = app_with(Capabilities::CORE, "ja -1").install(&mut device, "app");
    device.bind("hook", app).unwrap();
    let mut before = 0;
    for (hook, budget, executed) in [
        (Hook::new("hook"), 30, 30),
        (Hook::new("hook").bounded(7), 30, 7),
        (Hook::new("hook").bounded(70), 30, 70),
        (Hook::new("hook").bounded(1), u32::MAX, 1),
        (Hook::new("hook").bounded(0), u32::MAX, 0),
    ] {
        let triggered = device.trigger(&hook, &mut [], &mut [], budget);
        assert_eq!((triggered.runs, triggered.faults), (1, 1), "{hook:?}");
        let all = device.apps().next().unwrap().counters.instructions;
        assert_eq!(all - before, executed, "{hook:?}");
        before = all;
    }
}

/// Whoever has no say is run and not listened to, whatever the policy.
#[test]
fn only_those_with_a_say_decide() {
    for policy in Policy::ALL {
        let mut device = device();
        let watching = app_with(Capabilities::SENSOR, "mov %r0, 7\nexit");
        let watching = watching.install(&mut device, "watching");
        let hook = Hook {
            say: Capabilities::ACTUATOR,
            policy,
            ..Hook::new("hook")
        };
        device.bind_hook(&hook, watching).unwrap();
        let triggered = device.trigger(&hook, &mut [], &mut [], 100);
        assert_eq!((triggered.runs, triggered.result), (1, None), "{policy:?}");
        let deciding = app_with(Capabilities::ACTUATOR, "mov %r0, 3\nexit");
        let deciding = deciding.install(&mut device, "deciding");
        device.bind_hook(&hook, deciding).unwrap();
        let triggered = device.trigger(&hook, &mut [], &mut [], 100);
        assert_eq!(
            (triggered.runs, triggered.result),
            (2, Some(3)),
            "{policy:?}"
        );
        let denied: Vec<_> = device.apps().map(|info| info.denied).collect();
        assert_eq!(denied, [2, 0], "{policy:?}");
    }
}

#[test]
fn copies_of_an_event_are_each_containers_own() {
    let sources = [digit(1), digit(2)];
    let (mut device, apps) = device_with(sources.each_ref().map(|text| &text[..]));
    for app in apps {
        device.bind("edge", app).unwrap();
    }
    let hook = Hook::new("edge");
    let mut memory = [7; 3];
    let triggered = device.trigger_copies(&hook, &[4, 5], &mut memory, 1000);
    assert_eq!(triggered, returned(2, 42), "not 412");
    assert_eq!(memory, [42, 5, 7], "no more than the event");
    // An event that is longer than the memory is cut.
    let triggered = device.trigger_copies(&hook, &[4, 5], &mut memory[..1], 1000);
    assert_eq!(triggered, returned(2, 42));
    assert_eq!(memory, [42, 5, 7]);
    let nothing = device.trigger_copies(&Hook::new("none"), &[4], &mut [], 1000);
    assert_eq!(nothing, Triggered::default());
}
