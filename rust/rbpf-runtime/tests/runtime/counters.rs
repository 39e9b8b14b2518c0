// SPDX-License-Identifier: MIT OR Apache-2.0
//! Budgets, faults and counters (design, section 6, item 18).

use rbpf_runtime::{AppInfo, CoapError, CoapRequest, Counters, RunError, Runtime};
use rbpf_vm::{Fault, FaultKind};

use crate::support::*;

/// Whatever an event is, and also if its container may not run then.
#[test]
fn events_of_bindings() {
    let mut device = crate::timers::device(0);
    let image = app("mov %r1, 5\nmov %r2, 1\ncall 0x11\nmov %r0, 0\nldxb %r0, [%r0]\nexit").image();
    let id = device
        .install("app", &image, rbpf_abi::Capabilities::all())
        .expect("sound");
    let hook = rbpf_runtime::Hook::new("hook");
    device.set_fault_limit(3);
    device.bind("/path", id).expect("a path");
    device.bind_hook(&hook, id).expect("a hook");
    device.bind("every:10", id).expect("a timer");
    device.bind("kv:global:5", id).expect("a value");
    let request = get("/path");
    for _ in 0..2 {
        assert!(device.coap(&request).is_err());
    }
    device.trigger(&hook, &mut [], &mut [], 100);
    assert!(device.apps().all(|info| info.quarantined));
    device.services().0 = 10;
    assert!(device.run_timer());
    assert!(device.run_change());
    assert!(!device.run_change());
    device.trigger(&hook, &mut [], &mut [], 100);
    assert!(device.binding_events().eq([2, 2, 1, 1]));
    let unknown = CoapRequest {
        path: "hook",
        ..request
    };
    assert_eq!(device.coap(&unknown), Err(CoapError::NotFound));
    assert!(device.binding_events().eq([2, 2, 1, 1]));
}

fn info(device: &Device) -> AppInfo<'_> {
    device.apps().next().expect("there is one container")
}

/// A container that comes to a fault; `None` for those that no verified
/// program comes to.
fn source_of(kind: FaultKind) -> Option<String> {
    let at_rodata = |call: &str| format!("mov %r1, {}\n{call}\nexit", at::RODATA);
    Some(match kind {
        FaultKind::InvalidRead => "ldxb %r0, [%r0]\nexit".into(),
        FaultKind::InvalidWrite => at_rodata("stb [%r1], 1"),
        FaultKind::StackOverflow => "call local -1\nexit".into(),
        FaultKind::BudgetExhausted => "ja -1".into(),
        FaultKind::UnterminatedString => at_rodata("add %r1, 3\ncall 1"),
        FaultKind::InvalidFormat => at_rodata("call 1"),
        FaultKind::InvalidResult => {
            "mov %r0, 100\nmov %r2, 69\ncall 0x40\nmov %r0, 100\nexit".into()
        }
        FaultKind::UnknownHelper | FaultKind::InvalidInstruction => return None,
    })
}

#[test]
fn every_fault_is_reported_and_counted() {
    for &kind in FaultKind::ALL {
        let Some(source) = source_of(kind) else {
            continue;
        };
        let mut device = device();
        let id = App {
            rodata: b"%n\0endless",
            ..app(&source)
        }
        .install(&mut device, "app");
        device.bind("/", id).unwrap();
        for count in 1..=3 {
            let request = get("/");
            let Err(CoapError::Run(ran, RunError::Fault(fault))) = device.coap(&request) else {
                panic!("{} does not come", kind.name())
            };
            assert_eq!((ran, fault.kind), (id, kind));
            let info = info(&device);
            assert_eq!(info.last_fault, Some(fault));
            assert_eq!((info.counters.runs, info.counters.faults), (count, count));
        }
    }
}

#[test]
fn a_used_up_budget_is_a_fault_where_it_stopped() {
    let mut device = device();
    let id = app("mov %r0, 0\nadd %r0, 1\nja -2").install(&mut device, "app");
    for (budget, pc) in [(0, 0), (1, 1), (2, 2), (3, 1), (100, 2), (101, 1)] {
        let before = info(&device).counters.instructions;
        let result = device.run(id, &mut [], &mut [], budget);
        assert_eq!(result, fault(FaultKind::BudgetExhausted, pc, 0), "{budget}");
        let counted = info(&device).counters.instructions - before;
        assert_eq!(counted, budget.into(), "{budget}");
    }
}

#[test]
fn calls_without_end_are_faults() {
    // A helper for ever, and a function that calls helpers for ever.
    for source in ["call 0x20\nja -2", "call local +1\nja -2\ncall 0x61\nexit"] {
        let mut device = device();
        let functions: &[_] = if source.contains("local") {
            &[(0, 64), (2, 64)]
        } else {
            &[(0, 64)]
        };
        let id = App {
            functions,
            ..app(source)
        }
        .install(&mut device, "app");
        let result = device.run(id, &mut [], &mut [], 1000);
        assert!(
            matches!(result, Err(RunError::Fault(fault)) if fault.kind == FaultKind::BudgetExhausted)
        );
        assert!(device.services().take().len() <= 500);
        assert!(info(&device).counters.instructions <= 1000);
    }
}

/// A sensor takes as long as 100 instructions, and each call as 8.
#[test]
fn helpers_that_take_long_use_up_the_budget() {
    for (setup, call, cost) in [
        (arguments(&[1, at::STACK]), "call 0x32", 108),
        (arguments(&[2, at::STACK]), "call 0x33", 108),
        (arguments(&[at::STACK, at::STACK, 512]), "call 2", 40),
    ] {
        let source = format!("{setup}{call}\nja again").replacen("lddw", "again:\nlddw", 1);
        let mut device = device();
        let id = app(&source).install(&mut device, "app");
        let _ = device.run(id, &mut [], &mut [], 10_000).unwrap_err();
        let counters = info(&device).counters;
        let all = counters.instructions + u64::from(counters.helper_calls) * cost;
        assert!(all.abs_diff(10_000) <= cost + 5, "{call}: {counters:?}");
    }
}

#[test]
fn requests_have_the_budget_that_was_set() {
    let mut device = device();
    let id = app("add %r6, 1\njne %r6, 1000, -2\nmov %r0, 1\nexit").install(&mut device, "app");
    device.bind("/", id).unwrap();
    let request = get("/");
    let default = Device::DEFAULT_BUDGET;
    for (budget, enough) in [(default, true), (2001, false), (2002, true), (0, false)] {
        device.set_budget(budget);
        assert_eq!(device.coap(&request).is_ok(), enough, "{budget}");
    }
}

#[test]
fn counters_add_up() {
    let mut device = device();
    // Twice as many rounds as the context's byte says, and a helper in each;
    // a fault for 255.
    let source = "
        ldxb %r6, [%r1]
        jeq %r6, 255, bad
        mov %r0, 0
        jeq %r6, 0, done
    round:
        call 0x20
        sub %r6, 1
        jne %r6, 0, round
    done:
        exit
    bad:
        ldxb %r0, [%r6]
        exit";
    let id = app(source).install(&mut device, "app");
    assert_eq!(info(&device).counters, Counters::default());
    assert_eq!(info(&device).last_fault, None);
    let mut expected = Counters::default();
    let mut last_fault = None;
    for byte in [0, 3, 255, 10, 1, 255, 2] {
        let result = device.run(id, &mut [byte], &mut [], 1000);
        expected.runs += 1;
        let instructions = match byte {
            255 => {
                expected.faults += 1;
                let fault = Fault {
                    kind: FaultKind::InvalidRead,
                    pc: 8,
                    address: 255,
                };
                assert_eq!(result, Err(RunError::Fault(fault)));
                last_fault = Some(fault);
                3
            }
            rounds => {
                assert!(result.is_ok());
                expected.helper_calls += u32::from(rounds);
                5 + 3 * u32::from(rounds)
            }
        };
        expected.instructions += u64::from(instructions);
        expected.longest_run = expected.longest_run.max(instructions);
        assert_eq!(info(&device).counters, expected, "{byte}");
        assert_eq!(info(&device).last_fault, last_fault);
    }
    assert_eq!(expected.longest_run, 35);
}

#[test]
fn counters_are_each_containers_own() {
    let mut device = device();
    let first = app("exit").install(&mut device, "first");
    let second = app("ja -1").install(&mut device, "second");
    for _ in 0..3 {
        assert_eq!(run(&mut device, first), Ok(0));
    }
    let _ = run(&mut device, second);
    let counts: Vec<_> = device
        .apps()
        .map(|info| {
            (
                info.name.to_owned(),
                info.counters.runs,
                info.counters.faults,
            )
        })
        .collect();
    assert_eq!(counts, [("first".into(), 3, 0), ("second".into(), 1, 1)]);
}

#[test]
fn infos_tell_what_was_installed() {
    let mut device = device();
    let app = App {
        wants: rbpf_abi::Capabilities::LOG | rbpf_abi::Capabilities::TIME,
        rodata: &[1; 11],
        ..app("exit")
    };
    let id = app.install(&mut device, "app");
    let info = info(&device);
    assert_eq!((info.id, info.name), (id, "app"));
    assert_eq!(info.image, app.image());
    assert_eq!(info.granted, app.wants);
    assert_eq!(device.find("app"), Some(id));
}

/// An engine of another kind is used as it is given.
#[test]
fn a_runtime_runs_on_the_engine_that_it_gets() {
    struct Refusing;

    impl rbpf_vm::Engine for Refusing {
        fn run(
            &mut self,
            _: &rbpf_vm::Program<'_>,
            _: &mut rbpf_vm::Machine,
            memory: &mut rbpf_vm::MemoryMap<'_>,
            _: &mut dyn rbpf_vm::Host,
        ) -> rbpf_vm::Outcome {
            assert!(memory.write(at::STACK, 512).is_ok());
            rbpf_vm::Outcome::Returned(77)
        }
    }

    let memory = rbpf_runtime::Memory {
        images: [buffer(200)],
        stack: buffer(512),
        data: buffer(0),
        response: buffer(0),
    };
    let services = Recording::default();
    let mut device = Runtime::<_, 1, 1, 1, _>::with_engine(services, memory, Refusing);
    let image = app("exit").image();
    let id = device
        .install("app", &image, rbpf_abi::Capabilities::all())
        .unwrap();
    assert_eq!(device.run(id, &mut [], &mut [], 1), Ok(77));
}
