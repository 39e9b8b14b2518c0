// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples that events of pins and sensors trigger, built from their sources as
//! for RIOT, with those that are simulated on the workstation.

mod common;

use common::world::World;
use rbpf_host::services::Call;
use rbpf_runtime::Pin;

#[test]
fn the_led_shines_while_the_button_is_pressed() {
    let Some(world) = World::start(
        "button",
        "
        [coap]
        unsigned_install = true
        [[pin]]
        name = 'other'
        direction = 'input'
        changes = [{ at_ms = 40, level = 1 }]
        [[pin]]
        name = 'button'
        direction = 'input'
        level = 1
        changes = [
            { at_ms = 30, level = 1 },
            { at_ms = 50, level = 0 },
            { at_ms = 60, level = 0 },
            { at_ms = 70, level = 1 },
            { at_ms = 90, level = 0 },
            { at_ms = 3600000, level = 1 },
        ]
        [[pin]]
        name = 'led'
        direction = 'output'
        [[application]]
        name = 'button'
        image = 'button.rbpf'
        on = ['gpio:button']
        [[application]]
        name = 'deaf'
        image = 'button.rbpf'",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/global/512", 2);
    let calls = world.recording.take().into_iter();
    let writes = calls.filter_map(|call| match call {
        Call::WritePin(pin, high, result) => Some((pin, high, result)),
        _ => None,
    });
    let led = |high| (Pin(2), high, Ok(()));
    assert!(writes.eq([led(true), led(false), led(true)]));

    let (_, bindings) = world.ask(1, "/rbpf/bindings", "");
    for line in ["gpio:button button events 3", "gpio:other -"] {
        assert!(bindings.lines().any(|other| other == line), "{bindings}");
    }
    assert!(!bindings.contains("gpio:led"), "{bindings}");
    assert_eq!(world.ask(2, "/rbpf/bind/deaf", "gpio:led").0, 0x84);
    assert_eq!(world.ask(2, "/rbpf/bind/deaf", "gpio:other").0, 0x44);
}

#[test]
fn presses_are_counted_and_bounces_are_not() {
    let Some(world) = World::start(
        "debounce",
        "
        [[pin]]
        name = 'button'
        direction = 'input'
        level = 1
        changes = [
            { at_ms = 50, level = 0 },
            { at_ms = 51, level = 1 },
            { at_ms = 52, level = 0 },
            { at_ms = 350, level = 1 },
            { at_ms = 351, level = 0 },
            { at_ms = 352, level = 1 },
            { at_ms = 650, level = 0 },
        ]
        [[application]]
        name = 'debounce'
        image = 'debounce.rbpf'
        on = ['gpio:button', 'alarm']",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/debounce/0", 2);
    let (_, bindings) = world.ask(1, "/rbpf/bindings", "");
    assert!(
        bindings.contains("gpio:button debounce events 7\nalarm debounce events 3\n"),
        "{bindings}"
    );
    assert_eq!(world.ask(1, "/rbpf/kv/debounce/0", "").1, "2");
}

#[test]
fn a_measurement_is_senml() {
    let Some(world) = World::start(
        "measurement",
        "
        [[sensor]]
        name = 'thermometer'
        class = 'temp'
        unit = 'degC'
        scale = -2
        kind = 'constant'
        value = [2345]
        [[application]]
        name = 'measurement'
        image = 'measurement.rbpf'
        coap = '/senml'",
    ) else {
        return;
    };
    let reply = world.request(1, "/senml", "");
    assert_eq!((reply.code, reply.content_format), (0x45, Some(112)));
    let pack = b"\x9f\xa3\x00\x66sensor\x01\x63Cel\x02\xc4\x82\x21\x19\x09\x29\xff";
    assert_eq!(reply.payload, pack);
}

#[test]
fn the_alert_keeps_the_largest_value() {
    let Some(world) = World::start(
        "alert",
        "
        [[sensor]]
        name = 'thermometer'
        class = 'temp'
        unit = 'degC'
        scale = -2
        kind = 'constant'
        value = [2345]
        [[event]]
        hook = 'saul:hot'
        at_ms = 10
        context = [1, 0, 0, 0, 1, 0, 0, 0, 249, 255, 0, 0, 0, 0, 4, 255]
        [[event]]
        hook = 'saul:read'
        every_ms = 20
        context = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        [[event]]
        hook = 'nobody'
        every_ms = 1
        [[application]]
        name = 'alert'
        image = 'alert.rbpf'
        on = ['saul:hot']
        [[application]]
        name = 'reader'
        image = 'alert.rbpf'
        on = ['saul:read']",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/alert/0", 1);
    let value = |key: &str| world.ask(1, &format!("/rbpf/kv/{key}"), "").1;
    assert_eq!(value("alert/1"), (-7_i32).cast_unsigned().to_string());
    assert_eq!(value("alert/2"), u32::MAX.to_string());
    assert_eq!(value("alert/3"), "4");
    world.wait("/rbpf/kv/reader/0", 3);
    assert_eq!(value("reader/1"), "2345");
    assert_eq!(value("reader/3"), "2");
    assert_eq!(value("alert/0"), "1");
}

/// `ticks.c` counts by the length of what it gets, here and under load on RIOT.
#[test]
fn ticks_of_boot_hooks_and_timers() {
    let Some(world) = World::build(
        &["tests/rbpf_load/containers/ticks.c"],
        "
        [[event]]
        hook = 'load'
        every_ms = 10
        context = [1, 2, 3, 4, 5]
        [[application]]
        name = 'ticks'
        image = 'ticks.rbpf'
        on = ['boot', 'load', 'every:10', 'after:30']",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/ticks/12", 5);
    world.wait("/rbpf/kv/ticks/5", 3);
    assert_eq!(world.ask(1, "/rbpf/kv/ticks/0", "").1, "1");
    let (_, bindings) = world.ask(1, "/rbpf/bindings", "");
    assert!(bindings.contains("boot ticks events 1\n"), "{bindings}");
    assert!(!bindings.contains("after:"), "it comes once: {bindings}");
}

#[test]
fn a_guard_lets_some_requests_through() {
    let Some(world) = World::build(
        &[
            "examples/containers/guard.c",
            "examples/containers/counter.c",
        ],
        "
        [coap]
        unsigned_install = true
        [[application]]
        name = 'guard'
        image = 'guard.rbpf'
        coap = '/count'
        methods = ['GET', 'PUT']
        [[application]]
        name = 'counter'
        image = 'counter.rbpf'
        coap = '/count'
        methods = ['GET', 'POST']",
    ) else {
        return;
    };
    let answer = |method| world.ask(method, "/count", "");
    assert_eq!(answer(1), (2 << 5 | 5, "1".into()));
    for method in [2, 3] {
        assert_eq!(answer(method).0, 4 << 5 | 5);
    }
    // Which neither answers: the container is not asked.
    assert_eq!(answer(4).0, 4 << 5 | 5);
    assert_eq!(answer(1), (2 << 5 | 5, "2".into()));
    assert_eq!(world.ask(1, "/rbpf/kv/guard/0", "").1, "2");
}

#[test]
fn a_sampler_samples_by_its_timer() {
    let Some(world) = World::start(
        "sampler",
        "
        [[sensor]]
        name = 'thermometer'
        class = 'temp'
        unit = 'degC'
        kind = 'constant'
        value = [2345]
        [[application]]
        name = 'sampler'
        image = 'sampler.rbpf'
        on = ['every:5']",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/sampler/0", 3);
    for key in [1, 2] {
        let value = world.ask(1, &format!("/rbpf/kv/sampler/{key}"), "").1;
        assert_eq!(value, "2345");
    }
}

#[test]
fn what_one_publishes_another_watches() {
    let Some(world) = World::build(
        &[
            "examples/containers/average.c",
            "examples/containers/jumps.c",
        ],
        "
        [[sensor]]
        name = 'thermometer'
        class = 'temp'
        unit = 'degC'
        kind = 'constant'
        value = [2345]
        [[application]]
        name = 'average'
        image = 'average.rbpf'
        coap = '/average'
        [[application]]
        name = 'jumps'
        image = 'jumps.rbpf'
        on = ['kv:global:256']",
    ) else {
        return;
    };
    for _ in 0..2 {
        assert_eq!(world.ask(1, "/average", "").0, 0x45);
        world.wait("/rbpf/kv/jumps/0", 1);
    }
    let value = |key| world.ask(1, &format!("/rbpf/kv/jumps/{key}"), "").1;
    assert_eq!([0, 1].map(value), ["1", "2345"], "one change, from 0");
}

#[test]
fn switches_of_threads_are_counted() {
    let Some(world) = World::start(
        "switches",
        "
        [[event]]
        hook = 'sched'
        at_ms = 10
        context = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 16, 39, 0, 0]
        [[event]]
        hook = 'sched'
        at_ms = 11
        context = [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 248, 42, 0, 0]
        [[event]]
        hook = 'sched'
        at_ms = 12
        context = [1, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 224, 46, 0, 0]
        [[application]]
        name = 'switches'
        image = 'switches.rbpf'
        on = ['sched']",
    ) else {
        return;
    };
    world.wait("/rbpf/kv/switches/2", 2);
    let value = |key: u32| world.ask(1, &format!("/rbpf/kv/switches/{key}"), "").1;
    assert_eq!([0, 1].map(value), ["7", "1"]);
}
