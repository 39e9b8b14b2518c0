// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host learns of faults, and keeps of them.

use rbpf_abi::Capabilities;
use rbpf_runtime::{
    AppId, FaultEntry, FaultLog, FaultReport, HOST, Helpers, Hook, Memory, Runnable, Runtime,
    Services,
};
use rbpf_vm::{FaultKind, Functions, HelperGrant, Interpreter, Program};

use crate::support::{App, app, buffer, get};

/// Services that keep the last three faults, and know digests.
#[derive(Debug, Default)]
struct Keeping {
    now: u32,
    log: FaultLog<3>,
}

impl Services for Keeping {
    fn now_ms(&mut self) -> u32 {
        self.now
    }

    fn now_us(&mut self) -> u32 {
        self.now.wrapping_mul(1000)
    }

    fn random(&mut self) -> u32 {
        4
    }

    fn log(&mut self, _: &str, text: &[u8]) -> usize {
        text.len()
    }

    fn faulted(&mut self, report: &FaultReport<'_>) {
        self.now += 1;
        self.log.push(report, self.now);
    }

    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.log.get(position)
    }

    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        Some([image.len() as u8; 32])
    }
}

type Device = Runtime<'static, Keeping, 2, 4, 12, Interpreter, 0, 1>;

fn device() -> Device {
    let memory = Memory {
        images: std::array::from_fn(|_| buffer(512)),
        stack: buffer(512),
        data: buffer(64),
        // No room for a result of many digits
        response: buffer(2),
    };
    Runtime::new(Keeping::default(), memory)
}

fn install(device: &mut Device, name: &str, source: &str) -> AppId {
    device
        .install(name, &app(source).image(), Capabilities::all())
        .unwrap_or_else(|error| panic!("{error:?}\n{source}"))
}

/// Reads at 9, with a number of its own in each register.
const LOST: &str = "
    mov %r0, 0
    mov %r1, 9
    mov %r2, 2
    mov %r3, 3
    mov %r4, 4
    mov %r5, 5
    mov %r6, 6
    mov %r7, 7
    mov %r8, 8
    lddw %r9, 0x9999999999999999
    ldxw %r0, [%r1]
    exit";

#[test]
fn it_is_told_who_and_where_and_with_which_registers() {
    let mut device = device();
    let first = install(&mut device, "first", "exit");
    let lost = install(&mut device, "lost", LOST);
    assert!(device.run(first, &mut [], &mut [], 100).is_ok());
    assert_eq!(device.fault(0), None, "no run has ended in a fault");
    assert!(device.run(lost, &mut [], &mut [], 100).is_err());
    let entry = device.fault(0).expect("a fault");
    assert_eq!(
        (entry.name.as_str(), entry.app, entry.at_ms),
        ("lost", lost, 1)
    );
    assert_eq!(
        (entry.fault.kind, entry.fault.pc, entry.fault.address),
        (FaultKind::InvalidRead, 11, 9)
    );
    assert_eq!(entry.registers[..9], [0, 9, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(entry.registers[9], 0x9999_9999_9999_9999);
    assert_eq!(entry.registers[10], 0x100_0000 + 64);
    assert_eq!(device.fault(1), None);
}

#[test]
fn whatever_a_container_was_run_for() {
    let mut device = device();
    let lost = install(&mut device, "lost", LOST);
    let hook = Hook::new("hook");
    device.bind_hook(&hook, lost).expect("a hook");
    device.bind("/lost", lost).expect("a path");
    device.bind("after:1", lost).expect("a timer");
    let request = get("/lost");
    let count = |device: &Device| device.fault(0).map_or(0, |entry| entry.at_ms);

    assert!(device.coap(&request).is_err());
    assert_eq!(count(&device), 1);
    device.trigger(&hook, &mut [], &mut [], 100);
    assert_eq!(count(&device), 2);
    device.services().now += 10;
    assert!(device.run_timer());
    assert_eq!(count(&device), 13);
    let image = app(LOST).image();
    let mut place = buffer(image.len() + 8);
    let offset = place.as_ptr().align_offset(8);
    place = &mut place[offset..offset + image.len()];
    place.copy_from_slice(&image);
    let ran = device.execute(place, Capabilities::all(), &mut [], &mut [], 100);
    assert!(ran.expect("sound").outcome.is_err());
    let entry = device.fault(0).expect("a fault");
    assert_eq!((entry.name.as_str(), entry.app.slot()), ("-", HOST));
    // Three are kept.
    assert!(device.fault(2).is_some());
    assert_eq!(device.fault(3), None);
}

/// A budget that is used up is a fault, but not while the run goes on later.
#[test]
fn a_paused_run_has_not_ended() {
    let mut device = device();
    device.set_pauses(2, buffer(512 + 64 + 64));
    device.set_budget(50);
    let endless = install(&mut device, "endless", "ja -1");
    device.bind("after:1", endless).expect("a timer");
    device.services().now = 10;
    assert!(device.run_timer());
    for _ in 0..2 {
        assert_eq!(device.fault(0), None);
        assert!(device.resume());
    }
    let entry = device.fault(0).expect("a fault");
    assert_eq!(entry.fault.kind, FaultKind::BudgetExhausted);
    assert_eq!(device.fault(1), None, "one run, one fault");
}

#[test]
fn a_result_that_is_no_response_is_one() {
    let mut device = device();
    let source = "mov %r0, 1234\nexit";
    let wrong = install(&mut device, "wrong", source);
    device.bind("/wrong", wrong).expect("a path");
    let request = get("/wrong");
    assert!(device.coap(&request).is_err());
    let entry = device.fault(0).expect("a fault");
    assert_eq!(entry.fault.kind, FaultKind::InvalidResult);
    assert_eq!(entry.registers, [1234, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(device.fault(1), None);
}

/// The container goes; what is known of its faults stays, and names nobody else.
#[test]
fn an_entry_outlives_its_container() {
    let mut device = device();
    let lost = install(&mut device, "lost", LOST);
    assert!(device.run(lost, &mut [], &mut [], 100).is_err());
    assert!(device.digest(lost).is_some());
    assert!(device.remove(lost));
    let other = install(&mut device, "other", "exit");
    assert_eq!(other.slot(), lost.slot());
    let entry = device.fault(0).expect("a fault");
    assert_eq!((entry.name.as_str(), entry.app), ("lost", lost));
    assert!(device.apps().all(|info| info.id != entry.app));
    assert_eq!(device.digest(entry.app), None);
    let length = app("exit").image().len() as u8;
    assert_eq!(device.digest(other), Some([length; 32]));
}

#[test]
fn a_version_is_what_the_image_says() {
    let mut device = device();
    let plain = install(&mut device, "plain", "exit");
    let mut image = App {
        helpers: &[0x20],
        ..app("call 0x20\nexit")
    }
    .image();
    // Behind the helper, which is the last
    image[5] |= rbpf_abi::image::HAS_VERSION;
    image.extend(7_u32.to_le_bytes());
    let seventh = device
        .install("seventh", &image, Capabilities::all())
        .expect("sound");
    let versions: Vec<_> = device
        .apps()
        .map(|info| (info.id, info.version()))
        .collect();
    assert_eq!(versions, [(plain, None), (seventh, Some(7))]);
}

/// Programs outside of a store, too.
#[test]
fn helpers_alone_tell_as_well() {
    let text = rbpf_isa::assemble(LOST).expect("sound");
    let policy = |_| HelperGrant::Granted;
    let program = Program::verify(&text, Functions::Unlisted { frame: 0 }, &policy).expect("sound");
    let mut helpers = Helpers::<_, 8>::new(Keeping::default());
    let runnable = Runnable {
        name: "a name that no container could have",
        program,
        rodata: &[],
        data: &mut [],
        stack: &mut [0; 512],
    };
    let report = helpers
        .run(&mut Interpreter, runnable, &mut [], &mut [], 100)
        .expect("there is memory");
    assert!(report.outcome.is_err());
    let entry = helpers.services().fault(0).expect("a fault");
    assert_eq!((entry.name.as_str(), entry.fault.pc), ("", 11));
}
