// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installing and removing containers: what is refused, and what is left of
//! those that are gone (design, section 6, items 9 and 19).

use rbpf_abi::helpers::HELPERS;
use rbpf_abi::{Capabilities, ImageError};
use rbpf_runtime::{BindError, InstallError, KvScope, MAX_NAME, RunError};
use rbpf_vm::{VerifyError, VerifyErrorKind};

use crate::support::*;

const NOTHING: &str = "mov %r0, 0\nexit";

/// Installs an image with all capabilities on a device of its own.
fn refused(image: &[u8]) -> InstallError {
    device()
        .install("app", image, Capabilities::all())
        .unwrap_err()
}

#[test]
fn every_error_of_an_installation() {
    let mut device = device();
    let good = app(NOTHING).image();
    let all = Capabilities::all();
    let mut install = |name: &str, image: &[u8]| device.install(name, image, all).err();

    assert_eq!(install("a", &good), None);
    assert_eq!(install("", &good), Some(InstallError::Name));
    assert_eq!(install("a", &good), Some(InstallError::NameTaken));
    let large = vec![0; 4097];
    assert_eq!(install("b", &large), Some(InstallError::NoSlot));
    let malformed = InstallError::Image(ImageError::Truncated);
    assert_eq!(install("b", &[]), Some(malformed));
    let unsound = app("mov %r0, 0").image();
    let kind = VerifyErrorKind::FallsOffEnd;
    let expected = InstallError::Verify(VerifyError { pc: 0, kind });
    assert_eq!(install("b", &unsound), Some(expected));
    let deep = App {
        stack: 520,
        ..app(NOTHING)
    };
    assert_eq!(install("b", &deep.image()), Some(InstallError::Stack));
    let wide = App {
        data: &[1; 60],
        bss: 5,
        ..app(NOTHING)
    };
    assert_eq!(install("b", &wide.image()), Some(InstallError::Data));
    // After all that, the slots are free, and filled one after the other.
    assert_eq!(install("b", &good), None);
    assert_eq!(install("c", &good), None);
    assert_eq!(install("d", &good), Some(InstallError::NoSlot));
}

#[test]
fn limits_can_be_used_up() {
    let largest = App {
        stack: 512,
        data: &[1; 60],
        bss: 4,
        functions: &[(0, 512)],
        ..app("stb [%r10-1], 5\nldxb %r0, [%r10-1]\nexit")
    };
    assert_eq!(run_once(&largest), Ok(5));
    let largest = App {
        bss: u16::MAX,
        ..app(NOTHING)
    };
    assert_eq!(refused(&largest.image()), InstallError::Data);
    let largest = App {
        stack: 0xfff8,
        ..app(NOTHING)
    };
    assert_eq!(refused(&largest.image()), InstallError::Stack);
}

#[test]
fn names() {
    let image = app(NOTHING).image();
    let mut device = device();
    for name in [
        "",
        "a name of 17 char",
        &"x".repeat(1000),
        "é",
        "a b",
        "a\n",
        "\u{7f}",
        // The store of all, those of tenants, nothing, and steps along a path.
        "global",
        "@alice",
        "-",
        ".",
        "..",
        "a/b",
    ] {
        let error = device.install(name, &image, Capabilities::all());
        assert_eq!(error, Err(InstallError::Name), "{name}");
    }
    assert_eq!(device.apps().count(), 0);
    for name in ["0123456789abcdef", "~!-._a:b", "a"] {
        assert!(name.len() <= MAX_NAME);
        let id = device.install(name, &image, Capabilities::all()).unwrap();
        assert_eq!(device.find(name), Some(id));
        assert_eq!(device.apps().find(|info| info.id == id).unwrap().name, name);
    }
    assert_eq!(device.find("A"), None);
    assert_eq!(device.find(""), None);
}

#[test]
fn a_damaged_header_is_refused() {
    let good = app(NOTHING).image();
    let image = |error| InstallError::Image(error);
    for (offset, value, expected) in [
        (0, b'R', image(ImageError::Magic)),
        (3, 0, image(ImageError::Magic)),
        (4, 0, image(ImageError::Version)),
        (4, 2, image(ImageError::Version)),
        // A version that is not there
        (5, 2, image(ImageError::Length)),
        (5, 4, image(ImageError::Flags)),
        (6, 4, image(ImageError::StackSize)),
        (11, 0x80, image(ImageError::UnknownCapability)),
        // Lengths that are not those of the image.
        (12, 1, image(ImageError::Length)),
        (12, 3, image(ImageError::Length)),
        (13, 0xff, image(ImageError::Length)),
        (14, 1, image(ImageError::Length)),
        (17, 0xff, image(ImageError::Length)),
        (19, 0xff, InstallError::Data),
        (20, 0, image(ImageError::Length)),
        (20, 2, image(ImageError::Length)),
        (23, 0xff, image(ImageError::Length)),
    ] {
        let mut bad = good.clone();
        assert_ne!(bad[offset], value, "{offset}");
        bad[offset] = value;
        assert_eq!(refused(&bad), expected, "byte {offset} is {value}");
    }
    // Too short by any number of bytes, and too long by one.
    for length in 0..good.len() {
        let error = refused(&good[..length]);
        assert!(matches!(error, InstallError::Image(_)), "{length}");
    }
    let long = [&good[..], &[0]].concat();
    assert_eq!(refused(&long), image(ImageError::Length));
}

/// Any byte, damaged in any of several ways: refused, or it runs to an end.
#[test]
fn damaged_images_do_no_harm() {
    let source = format!(
        "mov %r1, {}
        call 1
        lddw %r1, {}
        ldxw %r0, [%r1]
        call local +1
        exit
        stxdw [%r10-8], %r0
        ja +0
        exit",
        at::RODATA,
        at::DATA
    );
    let image = App {
        functions: &[(0, 64), (7, 64)],
        rodata: b"%d\n\0",
        data: &[1, 2, 3, 4],
        bss: 4,
        helpers: &[1],
        ..app(&source)
    }
    .image();
    let mut device = device();
    let other = app("mov %r0, 42\nexit").install(&mut device, "other");
    let mut accepted = 0;
    for offset in 0..image.len() {
        for bits in [0x01, 0x02, 0x08, 0x10, 0x80, 0x7f, 0xff] {
            let mut damaged = image.clone();
            damaged[offset] ^= bits;
            if let Ok(id) = device.install("app", &damaged, Capabilities::all()) {
                accepted += 1;
                let _ = device.run(id, &mut [], &mut [], 1000);
                assert!(device.remove(id));
            }
            assert_eq!(run(&mut device, other), Ok(42));
        }
    }
    assert!(accepted > 50, "only {accepted}: nothing was tried");
}

#[test]
fn helpers_need_their_capability_wanted_and_allowed() {
    for info in HELPERS {
        let source = format!("call {}\nexit", info.helper.id());
        let needed = info.helper.capability();
        let image = |wants| {
            App {
                wants,
                ..app(&source)
            }
            .image()
        };
        let mut install = {
            let mut device = device();
            move |wants, allowed| {
                let id = device.install("app", &image(wants), allowed)?;
                let granted = device.apps().next().unwrap().granted;
                assert!(device.remove(id));
                Ok::<_, InstallError>(granted)
            }
        };
        assert_eq!(install(needed, needed), Ok(needed), "{}", info.name);
        assert_eq!(
            install(needed, Capabilities::all()),
            Ok(needed),
            "no more than it wants"
        );
        assert_eq!(
            install(Capabilities::all(), needed),
            Ok(needed),
            "no more than is allowed"
        );
        if needed == Capabilities::CORE {
            continue;
        }
        let kind = VerifyErrorKind::DeniedHelper;
        let denied = Err(InstallError::Verify(VerifyError { pc: 0, kind }));
        let others = Capabilities::all() - needed;
        assert_eq!(install(Capabilities::all(), others), denied);
        assert_eq!(install(others, Capabilities::all()), denied);
        assert_eq!(install(Capabilities::CORE, Capabilities::CORE), denied);
    }
}

#[test]
fn helpers_that_do_not_exist() {
    for id in [0, 3, 0x7fff, 0x1_0001, -1, i32::MIN] {
        let source = format!("mov %r0, 0\ncall {id}\nexit");
        let kind = VerifyErrorKind::UnknownHelper;
        let expected = InstallError::Verify(VerifyError { pc: 1, kind });
        assert_eq!(refused(&app(&source).image()), expected, "{id:#x}");
    }
}

/// The image is copied: what the host does with its own copy afterwards does
/// not matter.
#[test]
fn the_hosts_copy_of_an_image_does_not_matter() {
    let mut device = device();
    let mut image = app("mov %r0, 42\nexit").image();
    let id = device.install("app", &image, Capabilities::all()).unwrap();
    image.fill(0xff);
    assert_eq!(run(&mut device, id), Ok(42));
}

/// A proof lives as long as the container for which it was made: neither
/// another image nor the ruins of one in the same slot run under the old id.
#[test]
fn an_old_id_names_nothing() {
    let mut device = device();
    let first = app("mov %r0, 1\nexit").install(&mut device, "first");
    device.bind("/first", first).unwrap();
    assert!(device.remove(first));
    let gone = Err(RunError::UnknownApp);
    assert_eq!(run(&mut device, first), gone);
    assert!(!device.remove(first), "only once");

    // An installation into the slot that fails in its middle.
    let unsound = app("mov %r0, 2\nmov %r0, 3").image();
    let error = device.install("unsound", &unsound, Capabilities::all());
    assert!(matches!(error, Err(InstallError::Verify(_))));
    assert_eq!(run(&mut device, first), gone);

    let second = app("mov %r0, 2\nexit").install(&mut device, "second");
    assert_eq!(second.slot(), first.slot(), "the slot is used again");
    assert_ne!(second, first);
    assert_eq!(run(&mut device, first), gone);
    assert!(!device.remove(first));
    assert_eq!(device.bind("/x", first), Err(BindError::UnknownApp));
    assert_eq!(device.bound("/first").next(), None);
    assert_eq!(run(&mut device, second), Ok(2));
    assert!(device.apps().all(|info| info.id == second));
}

#[test]
fn the_smallest_slot_that_is_large_enough() {
    let mut device: Device = Sizes {
        images: [1000, 200, 400],
        ..Sizes::default()
    }
    .device();
    let of = |rodata: usize| {
        App {
            rodata: &vec![0; rodata],
            ..app(NOTHING)
        }
        .image()
    };
    let mut slot = |name: &str, rodata| {
        device
            .install(name, &of(rodata), Capabilities::all())
            .map(|id| id.slot())
    };
    assert_eq!(slot("middle", 300), Ok(2));
    assert_eq!(slot("small", 10), Ok(1));
    assert_eq!(slot("none", 2000), Err(InstallError::NoSlot));
    assert_eq!(slot("next", 10), Ok(0));
    assert_eq!(slot("none", 10), Err(InstallError::NoSlot));
}

#[test]
fn slots_of_no_bytes_and_misaligned_ones() {
    let mut device: Device = Sizes {
        images: [0, 1, 7],
        ..Sizes::default()
    }
    .device();
    let image = app(NOTHING).image();
    let error = device.install("app", &image, Capabilities::all());
    assert_eq!(error, Err(InstallError::NoSlot));
    let error = device.install("app", &[], Capabilities::all());
    assert!(matches!(error, Err(InstallError::Image(_))));

    // A buffer at any address holds all but seven bytes of it.
    for skip in 0..8 {
        let memory = rbpf_runtime::Memory {
            images: [&mut buffer(image.len() + 15)[skip..][..image.len() + 7]],
            stack: buffer(512),
            data: buffer(0),
            response: buffer(0),
        };
        let mut device = rbpf_runtime::Runtime::<_, 1, 1, 1>::new(Recording::default(), memory);
        let id = device.install("app", &image, Capabilities::all());
        let result = device.run(id.unwrap(), &mut [], &mut [], 10);
        assert_eq!(result, Ok(0), "{skip}");
    }
}

#[test]
fn a_removed_container_is_forgotten() {
    let mut device = device();
    // Stores 5 under 1, locally and globally.
    let source = "
        mov %r1, 1
        mov %r2, 5
        call 0x10
        mov %r1, 1
        mov %r2, 5
        call 0x11
        exit";
    let first = app(source).install(&mut device, "first");
    let second = app(source).install(&mut device, "second");
    assert_eq!(run(&mut device, first), Ok(0));
    assert_eq!(run(&mut device, second), Ok(0));
    device.bind("/first", first).unwrap();
    device.bind("/second", second).unwrap();
    device.bind("/", first).unwrap();
    assert_eq!(device.values().count(), 3);

    assert!(device.remove(first));
    assert_eq!(device.find("first"), None);
    assert_eq!(device.fetch(KvScope::Local(first.slot()), 1), None);
    assert_eq!(device.fetch(KvScope::Global, 1), None, "it was the first");
    assert_eq!(device.fetch(KvScope::Local(second.slot()), 1), Some(5));
    let bindings: Vec<_> = device.bindings().collect();
    assert_eq!(bindings, [("/second", second)]);

    // Who comes into its place begins anew.
    let third = app("mov %r0, 0\nexit").install(&mut device, "first");
    let info = device.apps().find(|info| info.id == third).unwrap();
    assert_eq!(info.counters, rbpf_runtime::Counters::default());
    assert_eq!(info.last_fault, None);
}
