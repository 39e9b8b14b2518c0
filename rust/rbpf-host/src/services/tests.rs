// SPDX-License-Identifier: MIT OR Apache-2.0
use std::num::NonZeroU32;
use std::sync::mpsc;

use rbpf_abi::Capabilities;
use rbpf_vm::{FaultKind, HelperCall, MemoryMap, region};

use super::*;
use crate::config::{Direction, PinChange, Ramp, Reading, Source};

const TEMP: u8 = 0x82;
const SWITCH: u8 = 0x44;

fn config(class: u8, source: Source) -> SensorConfig {
    SensorConfig {
        name: "s".into(),
        class,
        unit: 2,
        scale: -2,
        source,
    }
}

fn reading(value: i16) -> Reading {
    Reading {
        val: [value, 0, 0],
        dimensions: 1,
    }
}

fn services(sources: &[(u8, Source)]) -> WorkstationServices {
    let sensors: Vec<SensorConfig> = sources
        .iter()
        .map(|(class, source)| config(*class, source.clone()))
        .collect();
    WorkstationServices::new(&sensors, Log::silent())
}

fn ramp(start: i16, step: i16, min: i16, max: i16, per_second: bool) -> Source {
    Source::Ramp(Ramp {
        start,
        step,
        min,
        max,
        per_second,
    })
}

/// The first dimension of so many readings.
fn values(services: &mut impl Services, sensor: Sensor, count: usize) -> Vec<i16> {
    (0..count)
        .map(|_| services.saul_read(sensor).unwrap().0.val[0].get())
        .collect()
}

#[test]
fn devices_are_found_by_position_and_class() {
    let mut services = services(&[
        (SWITCH, Source::Actuator(reading(0))),
        (TEMP, Source::Constant(reading(5))),
    ]);
    let switch = services.saul_find_nth(0).unwrap();
    let sensor = services.saul_find_nth(1).unwrap();
    assert_eq!(services.saul_find_nth(2), None);
    assert_eq!(services.saul_find_nth(u32::MAX), None);
    assert_eq!(services.saul_find_type(TEMP), Some(sensor));
    assert_eq!(services.saul_find_type(0x80), Some(sensor));
    assert_eq!(services.saul_find_type(0x40), Some(switch));
    assert_eq!(services.saul_find_type(0xff), Some(switch));
    assert_eq!(services.saul_find_type(0x83), None);
}

#[test]
fn handles_are_checked_at_each_use() {
    let mut services = services(&[(TEMP, Source::Constant(reading(5)))]);
    for number in [2, 3, u16::MAX] {
        let wild = Sensor(NonZeroU16::new(number).unwrap());
        assert_eq!(services.saul_read(wild), Err(Errno::NoDevice));
        let value = Phydat::default();
        assert_eq!(services.saul_write(wild, &value), Err(Errno::NoDevice));
    }
}

#[test]
fn ramps_start_again_at_the_other_end() {
    let mut services = services(&[
        (TEMP, ramp(3, 2, 0, 6, false)),
        (TEMP, ramp(1, -1, 0, 2, false)),
        (TEMP, ramp(i16::MAX, 1, i16::MIN, i16::MAX, false)),
    ]);
    let handle = |position| handle(position).unwrap();
    assert_eq!(values(&mut services, handle(0), 4), [3, 5, 0, 2]);
    assert_eq!(values(&mut services, handle(1), 4), [1, 0, 2, 1]);
    assert_eq!(values(&mut services, handle(2), 2), [i16::MAX, i16::MIN]);
}

#[test]
fn ramps_by_the_second() {
    let mut sensor = SimulatedSensor::new(&config(TEMP, ramp(0, 1, 0, 9, true)));
    let mut at = |seconds| sensor.read(seconds).0.val[0].get();
    assert_eq!([at(0), at(0), at(3), at(3), at(12)], [0, 0, 3, 3, 2]);
}

#[test]
fn lines_repeat() {
    let lines = vec![reading(1), reading(-2)];
    let mut services = services(&[(TEMP, Source::Lines(lines))]);
    let sensor = services.saul_find_nth(0).unwrap();
    assert_eq!(values(&mut services, sensor, 3), [1, -2, 1]);
}

#[test]
fn only_actuators_are_written() {
    let mut services = services(&[
        (TEMP, Source::Constant(reading(5))),
        (SWITCH, Source::Actuator(reading(0))),
    ]);
    let value = Phydat {
        val: [1.into(), 0.into(), 0.into()],
        unit: 25,
        scale: 0,
    };
    let [sensor, switch] = [0, 1].map(|position| services.saul_find_nth(position).unwrap());
    assert_eq!(
        services.saul_write(sensor, &value),
        Err(Errno::NotSupported)
    );
    assert_eq!(services.saul_write(switch, &value), Ok(1));
    assert_eq!(services.saul_read(switch), Ok((value, 1)));
}

/// A button that was pressed long ago, and an LED.
fn pins() -> [PinConfig; 2] {
    let pin = |name: &str, direction, changes: &[PinChange]| PinConfig {
        name: name.into(),
        direction,
        high: direction == Direction::Input,
        changes: changes.to_vec(),
    };
    let pressed = PinChange {
        at_ms: 0,
        high: false,
    };
    let later = PinChange {
        at_ms: 3_600_000,
        high: true,
    };
    [
        pin("button", Direction::Input, &[pressed, later]),
        pin("led", Direction::Output, &[]),
    ]
}

#[test]
fn pins_are_found_read_and_written() {
    let mut services = services(&[]).with_pins(&pins());
    let [button, led, wild] = [0, 1, 2].map(Pin);
    assert_eq!(services.gpio_find(b"button"), Ok(button));
    assert_eq!(services.gpio_find(b"led"), Ok(led));
    for name in ["", "le", "leds", "LED", "gpio:led", "led\0"] {
        let found = services.gpio_find(name.as_bytes());
        assert_eq!(found, Err(Errno::NoDevice), "{name:?}");
    }
    assert_eq!(services.gpio_read(button), Ok(false));
    assert_eq!(services.gpio_write(button, true), Err(Errno::NotSupported));
    assert_eq!(services.gpio_read(button), Ok(false));
    assert_eq!(services.gpio_read(led), Ok(false));
    assert_eq!(services.gpio_write(led, true), Ok(()));
    assert_eq!(services.gpio_read(led), Ok(true));
    assert_eq!(services.gpio_read(wild), Err(Errno::NoDevice));
    assert_eq!(services.gpio_write(wild, true), Err(Errno::NoDevice));
}

#[test]
fn pins_change_when_their_time_has_come() {
    let [button, _] = pins();
    let mut pin = SimulatedPin::new(&button);
    let mut at = |now| pin.read(now);
    assert_eq!(
        [at(0), at(3_599_999), at(3_600_000), at(u64::MAX)],
        [false, false, true, true]
    );
    assert!(SimulatedPin::new(&button).read(u64::MAX), "the last counts");
}

#[test]
fn wrappers_record_and_fail_pins() {
    let every = |n| NonZeroU32::new(n).unwrap();
    let faults = Faults {
        read: Some((every(2), Errno::InputOutput)),
        write: Some((every(2), Errno::Busy)),
        find: Some(every(2)),
        ..Faults::default()
    };
    let inner = services(&[]).with_pins(&pins());
    let mut services = Recorder::new(FaultInjector::new(inner, faults));
    let recording = services.recording();
    for (found, read, written) in [
        (Ok(Pin(1)), Ok(false), Ok(())),
        (
            Err(Errno::NoDevice),
            Err(Errno::InputOutput),
            Err(Errno::Busy),
        ),
    ] {
        assert_eq!(services.gpio_find(b"led"), found);
        assert_eq!(services.gpio_read(Pin(1)), read);
        assert_eq!(services.gpio_write(Pin(1), false), written);
        let calls = [
            Call::FindPin(b"led".to_vec(), found),
            Call::ReadPin(Pin(1), read),
            Call::WritePin(Pin(1), false, written),
        ];
        assert_eq!(recording.take(), calls);
    }
}

#[test]
fn log_lines_do_not_mix_and_are_harmless() {
    let (sender, lines) = mpsc::channel();
    let log = Log::new(move |container: &str, text: &str| {
        sender.send(format!("{container}: {text}")).unwrap();
    });
    log.write("a", b"one ");
    log.write("b", b"red \x1b[31m\n");
    log.write("a", b"line\ntwo");
    log.flush();
    log.flush();
    log.write("c", &[b'x'; 3000]);
    log.write("d", &[0xff, b'\n']);
    // Cut between characters, and not for the end alone.
    log.write("e", format!("{}€", "x".repeat(1023)).as_bytes());
    log.write("e", b"\n");
    let lines: Vec<String> = lines.try_iter().collect();
    assert_eq!(lines[..3], ["b: red \\u{1b}[31m", "a: one line", "a: two"]);
    assert!(lines[3..5].iter().all(|line| line.len() == 1024 + 3));
    assert_eq!(
        lines[5..7],
        ["d: \\u{ff}", &format!("e: {}€", "x".repeat(1023))]
    );
}

/// What is written is what is kept and shown: nothing is charged to nobody.
#[test]
fn the_log_counts_what_it_writes() {
    let log = Log::silent();
    log.keep(65536);
    let mut written = 0;
    for text in [
        &b"one "[..],
        b"line\n",
        b"\n\n",
        b"",
        b"\x1b\xff\r\n\xe2\x82",
        &[b'x'; 3000],
        b"\nlast",
    ] {
        written += log.write("some", text);
    }
    log.flush();
    let mut job = rbpf_device::Job::<8192>::new();
    job.start(rbpf_device::Operation::Log);
    log.kept(|kept| kept.answer(&mut job));
    let answer = String::from_utf8(job.answer().to_vec()).unwrap();
    let (_, kept) = answer.split_once('\n').unwrap();
    assert_eq!(kept.len(), written);
    assert!(kept.starts_with("some: one line\nsome: \nsome: \nsome: \\u{1b}\\u{ff}\\r\n"));
}

#[test]
fn wrappers_record_and_fail() {
    let every = |n| NonZeroU32::new(n).unwrap();
    let faults = Faults {
        read: Some((every(2), Errno::InputOutput)),
        find: Some(every(3)),
        dimensions: Some(255),
        clock_offset_ms: u32::MAX,
        ..Faults::default()
    };
    let inner = services(&[(TEMP, Source::Constant(reading(5)))]);
    let mut services = Recorder::new(FaultInjector::new(inner, faults));
    let recording = services.recording();
    let sensor = services.saul_find_nth(0).unwrap();
    assert_eq!(
        services.saul_read(sensor).map(|(_, dimensions)| dimensions),
        Ok(255)
    );
    assert_eq!(services.saul_read(sensor), Err(Errno::InputOutput));
    assert!(services.saul_find_type(TEMP).is_some());
    assert_eq!(services.saul_find_type(TEMP), None);
    services.log("a", b"text");
    let calls = recording.take();
    assert_eq!(calls.len(), 6);
    assert_eq!(calls[0], Call::FindNth(0, Some(sensor)));
    assert_eq!(calls[2], Call::Read(sensor, Err(Errno::InputOutput)));
    assert_eq!(calls[5], Call::Log("a".into(), b"text".to_vec()));
    assert!(recording.take().is_empty());
}

/// What is slept is waited. Where other programs interrupt a try, only the processor's time
/// counts; they do not interrupt each.
#[test]
fn who_sleeps_waits() {
    let mut services = services(&[]);
    let sleep = std::time::Duration::from_millis(5);
    let mut slept = || {
        let begun = services.begin_us();
        std::thread::sleep(sleep);
        u128::from(services.elapsed_us(begun)) >= sleep.as_micros()
    };
    assert!((0..1000).any(|_| slept()));
}

/// Services with one helper of their own, which charges and faults.
struct Application(WorkstationServices);

impl Services for Application {
    fn now_ms(&mut self) -> u32 {
        self.0.now_ms()
    }

    fn now_us(&mut self) -> u32 {
        self.0.now_us()
    }

    fn random(&mut self) -> u32 {
        self.0.random()
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        self.0.log(container, text)
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        self.0.saul_find_nth(position)
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        self.0.saul_find_type(class)
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        self.0.saul_read(sensor)
    }

    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        self.0.saul_write(sensor, value)
    }

    fn application_helper(&self, id: u32) -> Option<Capabilities> {
        (id == 0x8000).then_some(Capabilities::APPLICATION)
    }

    fn call_application_helper(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let [address, ..] = call.arguments;
        call.cost = 5;
        call.address = address;
        memory.write(address, 1)?.fill(7);
        Ok(9)
    }
}

#[test]
fn wrappers_pass_the_applications_helpers_on() {
    let inner = Application(services(&[]));
    let mut services = Recorder::new(FaultInjector::new(inner, Faults::default()));
    let recording = services.recording();
    let needed = Some(Capabilities::APPLICATION);
    assert_eq!(services.application_helper(0x8000), needed);
    assert_eq!(services.application_helper(0x8001), None);
    let mut stack = [0; 8];
    let mut memory = MemoryMap::new(&mut stack);
    let address = region::address(region::STACK);
    for (address, expected) in [(address, Ok(9)), (0, Err(FaultKind::InvalidWrite))] {
        let arguments = [address, 2, 3, 4, 5];
        let mut call = HelperCall {
            id: 0x8000,
            arguments,
            budget: 0,
            cost: 0,
            address: 0,
        };
        let result = services.call_application_helper(&mut call, &mut memory);
        assert_eq!(result, expected);
        assert_eq!((call.cost, call.address), (5, address));
        let recorded = Call::Application(0x8000, arguments, expected);
        assert_eq!(recording.take(), [recorded]);
    }
    assert_eq!(stack[0], 7);
}
