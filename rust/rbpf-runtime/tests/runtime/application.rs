// SPDX-License-Identifier: MIT OR Apache-2.0
//! Helpers of the host's own application: who may call them, and what they
//! can do to a run. The services of these tests have those of
//! [`application`].

use rbpf_abi::Capabilities;
use rbpf_abi::image::ImageBuffer;
use rbpf_runtime::{ExecuteError, InstallError, RunError};
use rbpf_vm::{FaultKind, VerifyError, VerifyErrorKind};

use crate::support::application::{
    BROKEN, CHARGING, FICKLE, FICKLE_ANSWERS, FREE, LAST, SUM, TWICE,
};
use crate::support::*;

const ALL: Capabilities = Capabilities::all();

/// Calls a helper with these arguments and a context of 4 bytes.
fn call(helper: u32, values: &[u64]) -> (Result<u64, RunError>, Device) {
    let source = format!("{}call {}\nexit", arguments(values), helper as i32);
    let mut device = device();
    let id = app(&source).install(&mut device, "app");
    let result = device.run(id, &mut [1, 2, 3, 4], &mut [], 1000);
    (result, device)
}

fn install(source: &str, wants: Capabilities, allowed: Capabilities) -> Result<(), InstallError> {
    let app = App {
        wants,
        ..app(source)
    };
    device().install("app", &app.image(), allowed).map(drop)
}

fn refused(kind: VerifyErrorKind) -> Result<(), InstallError> {
    Err(InstallError::Verify(VerifyError { pc: 0, kind }))
}

#[test]
fn they_get_all_registers_and_give_one() {
    let values = [1 << 63 | 21, u64::MAX, 3, 4, 5];
    let (result, mut device) = call(TWICE, &values);
    assert_eq!(result, Ok(42));
    let expected = Call::Application(TWICE, values);
    assert_eq!(device.services().take(), [expected]);
    assert_eq!(call(LAST, &[]).0, Ok(u64::MAX));
    assert_eq!(call(FREE, &[]).0, Ok(0));
}

#[test]
fn they_reach_what_the_guest_reaches() {
    assert_eq!(call(SUM, &[at::CONTEXT, 4]).0, Ok(10));
    assert_eq!(call(SUM, &[at::CONTEXT + 1, 2]).0, Ok(5));
    for (address, length) in [
        (0, 1),
        (at::CONTEXT, 5),
        (at::CONTEXT - 1, 1),
        (at::CONTEXT, u64::MAX),
        (at::CONTEXT | 1 << 32, 1),
        (at::RODATA, 1),
    ] {
        let expected = fault(FaultKind::InvalidRead, 4, address);
        assert_eq!(call(SUM, &[address, length]).0, expected, "{address:#x}");
    }
}

#[test]
fn they_charge_the_budget() {
    for (cost, enough) in [(0, true), (900, true), (1000, false), (u32::MAX, false)] {
        let source = format!(
            "lddw %r1, {cost}
            call {CHARGING}
            call {FREE}
            exit"
        );
        let mut device = device();
        let id = app(&source).install(&mut device, "app");
        let result = device.run(id, &mut [], &mut [], 1000);
        let expected = if enough {
            Ok(0)
        } else {
            fault(FaultKind::BudgetExhausted, 3, 0)
        };
        assert_eq!(result, expected, "{cost}");
        let called = device.services().take().len();
        assert_eq!(called, if enough { 2 } else { 1 }, "{cost}");
    }
}

/// One that the services name and do not have.
#[test]
fn a_fault_is_that_of_the_helper() {
    let (result, mut device) = call(BROKEN, &[7]);
    assert_eq!(result, fault(FaultKind::UnknownHelper, 2, 0));
    let info = device.apps().next().unwrap();
    assert_eq!((info.counters.runs, info.counters.faults), (1, 1));
    assert_eq!(device.services().take().len(), 1);
}

#[test]
fn capabilities_are_those_that_the_services_name() {
    use Capabilities as C;
    let denied = refused(VerifyErrorKind::DeniedHelper);
    for (helper, needed) in [
        (TWICE, C::APPLICATION),
        (SUM, C::APPLICATION | C::SENSOR),
        (FREE, C::CORE),
        (LAST, C::APPLICATION),
    ] {
        let source = format!("call {helper}\nexit");
        assert_eq!(install(&source, needed, ALL), Ok(()), "{helper:#x}");
        assert_eq!(install(&source, ALL, needed), Ok(()), "{helper:#x}");
        for one in needed.iter() {
            assert_eq!(install(&source, ALL - one, ALL), denied, "{helper:#x}");
            assert_eq!(install(&source, ALL, ALL - one), denied, "{helper:#x}");
        }
    }
}

#[test]
fn all_ways_in_ask_for_the_capability() {
    let image = ImageBuffer::copy_from(&app(&format!("call {TWICE}\nexit")).image());
    let mut device = device();
    let id = app("exit").install(&mut device, "app");
    let allowed = ALL - Capabilities::APPLICATION;
    let denied = refused(VerifyErrorKind::DeniedHelper).unwrap_err();
    let result = device.replace(id, image.bytes(), allowed);
    assert_eq!(result, Err(denied));
    let result = device.execute(image.bytes(), allowed, &mut [], &mut [], 10);
    assert_eq!(result, Err(ExecuteError::Refused(denied)));
    assert!(
        device
            .execute(image.bytes(), ALL, &mut [], &mut [], 10)
            .is_ok()
    );
    assert!(device.replace(id, image.bytes(), ALL).is_ok());
}

/// Services that take their word back: a replacement is judged twice. When
/// that comes out, the old image is no more, and nothing may be left of it.
#[test]
fn a_helper_that_goes_while_it_is_asked_for() {
    let image = ImageBuffer::copy_from(&app(&format!("call {FICKLE}\nexit")).image());
    let storing = app("mov %r1, 1\nmov %r2, 2\ncall 0x11\nexit");
    let unknown = refused(VerifyErrorKind::UnknownHelper).unwrap_err();
    let mut device = device();
    let other = storing.install(&mut device, "other");
    device.bind("hook", other).unwrap();
    let id = storing.install(&mut device, "app");
    device.bind("hook", id).unwrap();
    assert_eq!(run(&mut device, id), Ok(0));

    FICKLE_ANSWERS.set(0);
    assert_eq!(device.replace(id, image.bytes(), ALL), Err(unknown));
    assert_eq!(run(&mut device, id), Ok(0), "it is as it was");
    FICKLE_ANSWERS.set(1);
    assert_eq!(device.replace(id, image.bytes(), ALL), Err(unknown));
    assert_eq!(run(&mut device, id), Err(RunError::UnknownApp));
    assert_eq!(device.find("app"), None);
    assert_eq!(device.bindings().collect::<Vec<_>>(), [("hook", other)]);
    assert_eq!(device.values().count(), 0);
    assert_eq!(storing.install(&mut device, "app").slot(), id.slot());
}

/// The services are asked for ids of 16 bits only, from 0x8000 on; they say
/// so themselves.
#[test]
fn others_do_not_exist() {
    for id in [
        0x7fff,
        0x8006,
        0xfffe,
        0x1_0000,
        0x1_8000,
        -0x8000,
        -1,
        i32::MIN,
    ] {
        let source = format!("call {id}\nexit");
        let unknown = refused(VerifyErrorKind::UnknownHelper);
        assert_eq!(install(&source, ALL, ALL), unknown, "{id:#x}");
    }
}

/// Services that say nothing about such helpers have none.
#[test]
fn by_default_there_are_none() {
    struct Plain(Recording);

    impl rbpf_runtime::Services for Plain {
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
        fn saul_find_nth(&mut self, position: u32) -> Option<rbpf_runtime::Sensor> {
            self.0.saul_find_nth(position)
        }
        fn saul_find_type(&mut self, class: u8) -> Option<rbpf_runtime::Sensor> {
            self.0.saul_find_type(class)
        }
        fn saul_read(
            &mut self,
            sensor: rbpf_runtime::Sensor,
        ) -> Result<(rbpf_abi::context::Phydat, u8), rbpf_abi::Errno> {
            self.0.saul_read(sensor)
        }
        fn saul_write(
            &mut self,
            sensor: rbpf_runtime::Sensor,
            value: &rbpf_abi::context::Phydat,
        ) -> Result<u8, rbpf_abi::Errno> {
            self.0.saul_write(sensor, value)
        }
    }

    let memory = rbpf_runtime::Memory {
        images: [buffer(200)],
        stack: buffer(512),
        data: buffer(0),
        response: buffer(0),
    };
    let services = Plain(Recording::default());
    let mut device = rbpf_runtime::Runtime::<_, 1, 1, 1>::new(services, memory);
    for id in [0x8000, 0x8001, 0xffff] {
        let image = app(&format!("call {id}\nexit")).image();
        let unknown = refused(VerifyErrorKind::UnknownHelper);
        assert_eq!(device.install("app", &image, ALL).map(drop), unknown);
    }
}
