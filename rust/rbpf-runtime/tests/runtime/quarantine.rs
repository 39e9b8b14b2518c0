// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers that fault over and over run no more (design, section 4).

use rbpf_abi::Capabilities;
use rbpf_runtime::{AppId, AppInfo, CoapError, Hook, Policy, RunError, Runtime, Triggered};

use crate::support::*;

const LIMIT: u8 = Runtime::<'static, Recording, 1, 1, 1>::DEFAULT_FAULT_LIMIT;

/// Returns what its context says, and faults if that is 0.
const MOODY: &str = "
    ldxb %r0, [%r1]
    jne %r0, 0, good
    ldxb %r0, [%r0]
good:
    exit";

fn device_with_moody() -> (Device, AppId) {
    let mut device = device();
    let id = app(MOODY).install(&mut device, "moody");
    (device, id)
}

fn info(device: &Device) -> AppInfo<'_> {
    device.apps().next().expect("there is one container")
}

/// Runs it `times` times, and says whether it did not run at the last.
fn refused(device: &mut Device, id: AppId, mood: u8, times: u32) -> bool {
    (0..times).fold(false, |_, _| {
        device.run(id, &mut [mood], &mut [], 100) == Err(RunError::Quarantined)
    })
}

#[test]
fn faults_in_a_row_lead_there() {
    for limit in [1, 2, LIMIT, u8::MAX] {
        let (mut device, id) = device_with_moody();
        device.set_fault_limit(limit);
        let limit = u32::from(limit);
        for row in 0..3 {
            assert!(!refused(&mut device, id, 0, limit - 1), "{limit}");
            assert!(!refused(&mut device, id, 1, 1), "{limit} {row}");
        }
        assert!(!info(&device).quarantined);
        assert!(!refused(&mut device, id, 0, limit), "{limit}");
        assert!(info(&device).quarantined);
        let counters = info(&device).counters;
        assert!(refused(&mut device, id, 1, 5), "however it would end");
        assert_eq!(info(&device).counters, counters, "it has not run");
    }
}

#[test]
fn a_limit_of_0_is_none() {
    let (mut device, id) = device_with_moody();
    device.set_fault_limit(0);
    assert!(!refused(&mut device, id, 0, 1000));
    assert!(!info(&device).quarantined);
    // From then on the next one is too many.
    device.set_fault_limit(3);
    assert!(refused(&mut device, id, 0, 2));
    // Who is there stays there.
    device.set_fault_limit(0);
    assert!(refused(&mut device, id, 1, 1));
}

#[test]
fn until_the_release() {
    let (mut device, id) = device_with_moody();
    for _ in 0..3 {
        assert!(refused(&mut device, id, 0, u32::from(LIMIT) + 1));
        let faults = info(&device).counters.faults;
        assert!(device.release(id));
        assert!(!info(&device).quarantined);
        assert_eq!(info(&device).counters.faults, faults);
        assert!(
            !refused(&mut device, id, 0, u32::from(LIMIT)),
            "all of them"
        );
        assert!(refused(&mut device, id, 0, 1));
    }
    assert!(device.remove(id));
    assert!(!device.release(id));
    assert_eq!(
        device.run(id, &mut [1], &mut [], 100),
        Err(RunError::UnknownApp)
    );
}

#[test]
fn a_new_version_is_not_there() {
    let (mut device, id) = device_with_moody();
    assert!(refused(&mut device, id, 0, u32::from(LIMIT) + 1));
    let image = app(MOODY).image();
    let new = device.replace(id, &image, Capabilities::all()).unwrap();
    assert!(!refused(&mut device, new, 1, 1));
    assert!(device.remove(new));
    let again = app(MOODY).install(&mut device, "moody");
    assert!(!refused(&mut device, again, 1, 1));
}

/// A path answers nothing, a hook goes on with the others.
#[test]
fn every_event_passes_it_over() {
    let (mut device, id) = device_with_moody();
    let other = app("mov %r0, 7\nexit").install(&mut device, "other");
    device.bind("/moody", id).unwrap();
    device.bind("hook", id).unwrap();
    device.bind("hook", other).unwrap();
    assert!(refused(&mut device, id, 0, u32::from(LIMIT) + 1));
    let request = get("/moody");
    assert_eq!(
        device.coap(&request),
        Err(CoapError::Run(id, RunError::Quarantined))
    );
    for policy in Policy::ALL {
        let expected = Triggered {
            runs: 1,
            result: Some(7),
            ..Triggered::default()
        };
        let triggered = device.trigger(
            &Hook::new("hook").with_policy(policy),
            &mut [1],
            &mut [],
            100,
        );
        assert_eq!(triggered, expected, "{policy:?}");
    }
    assert!(device.release(id));
    assert_eq!(device.coap(&request).map(|reply| reply.code), Ok(69));
}

/// Requests count as all other runs do, also those that fault by what they
/// return.
#[test]
fn requests_lead_there() {
    let mut device = device();
    let id =
        app("mov %r0, 100\nmov %r2, 69\ncall 0x40\nmov %r0, 100\nexit").install(&mut device, "app");
    device.bind("/", id).unwrap();
    let request = get("/");
    for _ in 0..LIMIT {
        assert!(matches!(
            device.coap(&request),
            Err(CoapError::Run(_, RunError::Fault(_)))
        ));
    }
    assert_eq!(
        device.coap(&request),
        Err(CoapError::Run(id, RunError::Quarantined))
    );
}
