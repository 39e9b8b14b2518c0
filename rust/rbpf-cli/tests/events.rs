// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example that watches a button, built from its source as for RIOT, with the
//! simulated pins of the workstation.

mod common;

use std::time::{Duration, Instant};

use common::{clang, done, rbpf, repository};
use rbpf_host::Device;
use rbpf_host::config::Config;
use rbpf_host::device::{DeviceSettings, Request};
use rbpf_host::services::{Call, Log, Recorder, WorkstationServices};
use rbpf_runtime::Pin;

#[test]
fn the_led_shines_while_the_button_is_pressed() {
    if !clang() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    done(
        rbpf()
            .args(["build", "-o"])
            .arg(folder.path().join("button.rbpf"))
            .arg(repository("examples/containers/button.c")),
    )
    .success();
    let file = folder.path().join("device.toml");
    let text = "
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
        image = 'button.rbpf'";
    std::fs::write(&file, text).expect("it can be written");
    let config = Config::load(&file).expect("it is sound");
    let log = Log::new(|_, _| {});
    let services = WorkstationServices::new(&[], log.clone()).with_pins(&config.pins);
    let services = Recorder::new(services);
    let recording = services.recording();
    let device = Device::start(services, log, DeviceSettings::from(&config)).expect("it starts");
    let ask = |code, path: &str, payload: &str| {
        let reply = device.handle().request(&Request {
            code,
            path: path.into(),
            query: vec![],
            accept: None,
            payload: payload.into(),
        });
        (
            reply.code,
            String::from_utf8_lossy(&reply.payload).into_owned(),
        )
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(1, "/rbpf/kv/global/512", "").1 != "2" {
        assert!(Instant::now() < deadline, "it is pressed twice");
        std::thread::sleep(Duration::from_millis(1));
    }
    let writes = recording.take().into_iter().filter_map(|call| match call {
        Call::WritePin(pin, high, result) => Some((pin, high, result)),
        _ => None,
    });
    let led = |high| (Pin(2), high, Ok(()));
    assert!(writes.eq([led(true), led(false), led(true)]));

    let (_, bindings) = ask(1, "/rbpf/bindings", "");
    for line in ["gpio:button button", "gpio:other -"] {
        assert!(bindings.lines().any(|other| other == line), "{bindings}");
    }
    assert!(!bindings.contains("gpio:led"), "{bindings}");
    assert_eq!(ask(2, "/rbpf/bind/deaf", "gpio:led").0, 0x84);
    assert_eq!(ask(2, "/rbpf/bind/deaf", "gpio:other").0, 0x44);
}
