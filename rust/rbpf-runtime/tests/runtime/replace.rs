// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exchanging the image of a container: what stays, what does not, and that
//! a refused one changes nothing (design, section 6, item 9).

use rbpf_abi::image::ImageBuffer;
use rbpf_abi::{Capabilities, ImageError};
use rbpf_runtime::{AppId, Counters, Hook, InstallError, KvScope, RunError};
use rbpf_vm::{VerifyError, VerifyErrorKind};

use crate::support::*;

const ALL: Capabilities = Capabilities::all();

/// Counts its runs under the key 1 in both stores, and returns the number.
const COUNTING: &str = "
    mov %r1, 1
    mov %r2, %r10
    sub %r2, 8
    call 0x12
    ldxw %r6, [%r10-8]
    add %r6, 1
    mov %r1, 1
    mov %r2, %r6
    call 0x10
    mov %r1, 1
    mov %r2, %r6
    call 0x11
    mov %r0, %r6
    exit";

fn aligned(app: &App<'_>) -> ImageBuffer {
    ImageBuffer::copy_from(&app.image())
}

fn replace(device: &mut Device, id: AppId, app: &App<'_>) -> Result<AppId, InstallError> {
    device.replace(id, aligned(app).bytes(), ALL)
}

/// All that can be seen of a device without running anything.
fn seen(device: &Device) -> String {
    let apps: Vec<_> = device.apps().collect();
    let bindings: Vec<_> = device.bindings().collect();
    let values: Vec<_> = device.values().collect();
    format!("{apps:?} {bindings:?} {values:?}")
}

/// A full device; the second container is the counting one.
fn full_device() -> (Device, [AppId; 3]) {
    let mut device = device();
    let apps = [
        ("first", "mov %r0, 11\nexit"),
        ("second", COUNTING),
        ("third", "mov %r0, 13\nexit"),
    ]
    .map(|(name, source)| app(source).install(&mut device, name));
    device.bind("hook", apps[1]).unwrap();
    device.bind("/second", apps[1]).unwrap();
    device.bind("hook", apps[0]).unwrap();
    assert_eq!(run(&mut device, apps[1]), Ok(1));
    (device, apps)
}

#[test]
fn name_slot_and_bindings_stay() {
    let (mut device, [first, second, third]) = full_device();
    let new = replace(&mut device, second, &app("mov %r0, 22\nexit")).unwrap();
    assert_ne!(new, second);
    assert_eq!(new.slot(), second.slot());
    assert_ne!(new.generation(), second.generation());
    assert_eq!(device.find("second"), Some(new));
    let bindings: Vec<_> = device.bindings().collect();
    assert_eq!(bindings, [("hook", new), ("/second", new), ("hook", first)]);
    let request = get("/second");
    assert_eq!(device.coap(&request).unwrap().payload, b"22");
    assert_eq!(run(&mut device, new), Ok(22));
    let triggered = device.trigger(&Hook::new("hook"), &mut [], &mut [], 100);
    assert_eq!((triggered.runs, triggered.result), (2, Some(11)));
    assert_eq!(run(&mut device, third), Ok(13));
}

#[test]
fn the_old_id_names_nothing() {
    let (mut device, [_, second, _]) = full_device();
    let new = replace(&mut device, second, &app("mov %r0, 22\nexit")).unwrap();
    assert_eq!(run(&mut device, second), Err(RunError::UnknownApp));
    let again = replace(&mut device, second, &app("exit"));
    assert_eq!(again, Err(InstallError::UnknownApp));
    assert!(!device.remove(second));
    assert!(!device.unbind("hook", Some(second)));
    assert_eq!(run(&mut device, new), Ok(22));
    let newer = replace(&mut device, new, &app("mov %r0, 23\nexit")).unwrap();
    assert_eq!(run(&mut device, new), Err(RunError::UnknownApp));
    assert_eq!(run(&mut device, newer), Ok(23));
    assert!(device.remove(newer));
    let again = replace(&mut device, newer, &app("exit"));
    assert_eq!(again, Err(InstallError::UnknownApp));
}

#[test]
fn counters_faults_and_values_start_afresh() {
    let (mut device, [_, second, third]) = full_device();
    for _ in 0..20 {
        let _ = device.run(second, &mut [], &mut [], 1);
    }
    let storing = "mov %r1, 2\nmov %r2, 5\ncall 0x11\nexit";
    let third = replace(&mut device, third, &app(storing)).unwrap();
    assert_eq!(run(&mut device, third), Ok(0));
    assert_eq!(device.values().count(), 3);
    let new = replace(&mut device, second, &app(COUNTING)).unwrap();
    let info = device.apps().find(|info| info.id == new).unwrap();
    assert_eq!(info.counters, Counters::default());
    assert_eq!(info.last_fault, None);
    assert_eq!(info.image, app(COUNTING).image());
    assert_eq!(device.fetch(KvScope::Local(new.slot()), 1), None);
    assert_eq!(device.fetch(KvScope::Global, 1), None);
    assert_eq!(device.fetch(KvScope::Global, 2), Some(5), "another's");
    assert_eq!(run(&mut device, new), Ok(1));
}

#[test]
fn rights_are_those_of_the_new_image() {
    let mut device = device();
    let clock = App {
        wants: Capabilities::TIME,
        ..app("call 0x20\nexit")
    };
    let id = clock.install(&mut device, "app");
    let denied = device.replace(id, aligned(&clock).bytes(), Capabilities::LOG);
    let kind = VerifyErrorKind::DeniedHelper;
    let expected = Err(InstallError::Verify(VerifyError { pc: 0, kind }));
    assert_eq!(denied, expected);
    assert_eq!(device.apps().next().unwrap().granted, Capabilities::TIME);
    let dice = App {
        wants: Capabilities::RANDOM | Capabilities::LOG,
        ..app("call 0x61\nexit")
    };
    let allowed = Capabilities::RANDOM | Capabilities::TIME;
    let new = device.replace(id, aligned(&dice).bytes(), allowed);
    assert_eq!(run(&mut device, new.unwrap()), Ok(0xffff_fff2));
    assert_eq!(device.apps().next().unwrap().granted, Capabilities::RANDOM);
}

#[test]
fn a_refused_image_changes_nothing() {
    let (mut device, [first, second, third]) = full_device();
    let before = seen(&device);
    let verify = |pc, kind| InstallError::Verify(VerifyError { pc, kind });
    let image = |error| InstallError::Image(error);
    let good = app("mov %r0, 22\nexit").image();
    let of = |offset: usize, value| {
        let mut bad = good.clone();
        bad[offset] = value;
        bad
    };
    let unsound = app("mov %r0, 22").image();
    let unknown = app("mov %r0, 22\ncall 0x7777\nexit").image();
    let deep = App {
        stack: 520,
        ..app("exit")
    };
    let wide = App {
        data: &[1; 60],
        bss: 5,
        ..app("exit")
    };
    let large = App {
        rodata: &[0; 4096],
        ..app("exit")
    };
    for (bytes, expected) in [
        (vec![], image(ImageError::Truncated)),
        (of(0, b'R'), image(ImageError::Magic)),
        (good[..good.len() - 1].to_vec(), image(ImageError::Length)),
        ([&good[..], &[0]].concat(), image(ImageError::Length)),
        (of(24, 0), verify(0, VerifyErrorKind::UnknownOpcode)),
        (unsound, verify(0, VerifyErrorKind::FallsOffEnd)),
        (unknown, verify(1, VerifyErrorKind::UnknownHelper)),
        (deep.image(), InstallError::Stack),
        (wide.image(), InstallError::Data),
        (large.image(), InstallError::NoSlot),
        (vec![0; 4097], InstallError::NoSlot),
    ] {
        let buffer = ImageBuffer::copy_from(&bytes);
        let refused = device.replace(second, buffer.bytes(), ALL);
        assert_eq!(refused, Err(expected));
        assert_eq!(seen(&device), before, "{expected:?}");
    }
    // Sound, but not where it lies.
    let shifted = ImageBuffer::copy_from(&[&[0][..], &good].concat());
    let refused = device.replace(second, &shifted.bytes()[1..], ALL);
    assert_eq!(refused, Err(image(ImageError::Misaligned)));
    assert_eq!(seen(&device), before);

    assert_eq!(run(&mut device, second), Ok(2), "it counts on");
    assert_eq!(run(&mut device, first), Ok(11));
    assert_eq!(run(&mut device, third), Ok(13));
}

/// Any byte, damaged in any of several ways: the old container is there, or
/// the new one.
#[test]
fn damaged_images_do_no_harm() {
    let (mut device, [first, mut id, _]) = full_device();
    let image = App {
        functions: &[(0, 64), (5, 64)],
        rodata: b"abc",
        data: &[1, 2, 3, 4],
        bss: 4,
        helpers: &[1],
        ..app("lddw %r1, 0x4000000
            ldxw %r0, [%r1]
            call local +1
            exit
            stxdw [%r10-8], %r0
            exit")
    }
    .image();
    let (mut accepted, mut refused) = (0, 0);
    for offset in 0..image.len() {
        for bits in [0x01, 0x08, 0x80, 0xff] {
            let mut damaged = image.clone();
            damaged[offset] ^= bits;
            let before = seen(&device);
            let buffer = ImageBuffer::copy_from(&damaged);
            match device.replace(id, buffer.bytes(), ALL) {
                Ok(new) => {
                    accepted += 1;
                    assert_eq!(run(&mut device, id), Err(RunError::UnknownApp));
                    id = new;
                }
                Err(_) => {
                    refused += 1;
                    assert_eq!(seen(&device), before);
                }
            }
            assert_eq!(device.bound("/second").next(), Some(id));
            let _ = run(&mut device, id);
            assert_eq!(run(&mut device, first), Ok(11));
        }
    }
    assert!(accepted > 20 && refused > 50, "{accepted}, {refused}");
}

/// Not even who comes in its place sees what a container has left.
#[test]
fn the_stack_is_cleared() {
    let mut device = device();
    let source = format!(
        "lddw %r1, {:#x}\nldxdw %r0, [%r1]\nstdw [%r1], 77\nexit",
        at::STACK
    );
    let id = app(&source).install(&mut device, "app");
    assert_eq!(run(&mut device, id), Ok(0));
    assert_eq!(run(&mut device, id), Ok(77), "its own is not cleared");
    let new = replace(&mut device, id, &app(&source)).unwrap();
    assert_eq!(run(&mut device, new), Ok(0));
}

/// Longer and shorter images, and one that fills the slot.
#[test]
fn slots_of_any_size_are_used_again() {
    let mut device: Device = Sizes {
        images: [400, 80, 200],
        ..Sizes::default()
    }
    .device();
    let of = |rodata: usize| {
        let rodata = &vec![0; rodata];
        App {
            rodata,
            ..app("mov %r0, 1\nexit")
        }
        .image()
    };
    let base = of(0).len();
    let mut id = device.install("app", &of(0), ALL).unwrap();
    assert_eq!(id.slot(), 1, "the smallest");
    // A buffer loses up to 7 bytes to alignment.
    for length in [80 - 7 - base, 0, 5] {
        let image = ImageBuffer::copy_from(&of(length));
        id = device.replace(id, image.bytes(), ALL).unwrap();
        assert_eq!(run(&mut device, id), Ok(1));
    }
    let image = ImageBuffer::copy_from(&of(81 - base));
    let refused = device.replace(id, image.bytes(), ALL);
    assert_eq!(refused, Err(InstallError::NoSlot), "it stays in its slot");
    assert_eq!(run(&mut device, id), Ok(1));
    assert!(device.remove(id));
    assert!(device.install("app", &of(80 - 7 - base), ALL).is_ok());
}

/// A version that says so finds what the one before it has stored; one that does
/// not, and a container that is installed anew, do not.
#[test]
fn values_stay_if_the_new_image_says_so() {
    let (mut device, [_, second, _]) = full_device();
    let mut keeping = aligned(&app(COUNTING)).bytes().to_vec();
    keeping[5] = rbpf_abi::image::KEEP_VALUES;
    let keeping = ImageBuffer::copy_from(&keeping);
    let second = device.replace(second, keeping.bytes(), ALL).unwrap();
    let global = |device: &Device| device.fetch(KvScope::Global, 1);
    assert_eq!(global(&device), Some(1), "in shared stores, too");
    assert_eq!(run(&mut device, second), Ok(2));
    let second = device.replace(second, keeping.bytes(), ALL).unwrap();
    assert_eq!(run(&mut device, second), Ok(3));
    // A refused one changes nothing.
    let mut wrong = keeping.bytes().to_vec();
    wrong[5] = 4 | rbpf_abi::image::KEEP_VALUES;
    let wrong = ImageBuffer::copy_from(&wrong);
    assert_eq!(
        device.replace(second, wrong.bytes(), ALL),
        Err(InstallError::Image(ImageError::Flags))
    );
    assert_eq!(run(&mut device, second), Ok(4));
    let second = replace(&mut device, second, &app(COUNTING)).unwrap();
    assert_eq!(global(&device), None);
    assert_eq!(run(&mut device, second), Ok(1));
    assert!(device.remove(second));
    let second = device.install("second", keeping.bytes(), ALL).unwrap();
    assert_eq!(run(&mut device, second), Ok(1));
}
