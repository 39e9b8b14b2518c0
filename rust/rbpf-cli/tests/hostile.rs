// SPDX-License-Identifier: MIT OR Apache-2.0
//! Damaged images and objects: an error or a program, but never a panic and
//! never an endless run.

mod common;

use std::process::Command;

use common::{clang, done, rbpf, source};
use rbpf_abi::Capabilities;
use rbpf_cli::container::{Container, Format};
use rbpf_cli::linker::{self, Object, Options};
use rbpf_vm::{Engine, Interpreter, Machine, MemoryMap, NoHelpers};

/// Uses all that reading a damaged image may give.
fn image(bytes: &[u8]) {
    let Ok(container) = Container::from_image(bytes, Format::Image) else {
        return;
    };
    let Ok(program) = container.verify() else {
        return;
    };
    let mut stack = vec![0; container.stack_size.into()];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(1000);
    Interpreter.run(&program, &mut machine, &mut memory, &mut NoHelpers);
}

/// Links a damaged object; asks for lines, which takes longest, if told to.
fn object(bytes: Vec<u8>, lines: bool) {
    let mut source = Vec::new();
    let linked = Object::read("damaged.o", bytes).and_then(|object| {
        let options = Options {
            entry: Some("entry".into()),
            ..Options::default()
        };
        let objects = [object];
        let linked = linker::link(&objects, &options)?;
        if lines {
            source = linked.source(&objects, 1);
        }
        Ok(linked)
    });
    assert!(source.len() <= 64);
    match linked {
        Ok(linked) => image(&linked.image),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// An object with functions, calls, data and line information.
fn sample() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let keep = folder.path().join("objects");
    let output = folder.path().join("out.rbpf");
    let mut command: Command = rbpf();
    command
        .arg("build")
        .arg(source("data.c"))
        .arg("-o")
        .arg(output);
    done(
        command
            .args(["--entry", "entry", "--mcpu", "v3"])
            .arg("--keep-objects")
            .arg(&keep),
    )
    .success();
    std::fs::read(keep.join("data.o")).expect("it is kept")
}

#[test]
fn damaged_images() {
    let source =
        "mov %r1, 3\ncall local f\ncall 0x20\nexit\nf:\nstxdw [%r10-8], %r1\nlddw %r0, 5\nexit";
    let slots = rbpf_isa::assemble(source).expect("the test's own source");
    let bytes = linker::image_from_slots(&slots, Capabilities::CORE).expect("it is sound");
    for length in 0..bytes.len() {
        image(&bytes[..length]);
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        image(&damaged);
    }
}

#[test]
fn damaged_objects() {
    if !clang() {
        return;
    }
    let bytes = sample();
    object(bytes.clone(), true);
    for length in (0..bytes.len()).step_by(13) {
        object(bytes[..length].to_vec(), true);
    }
    // One bit of every other byte, all bits of the others.
    for index in 0..bytes.len() {
        let change = if index % 2 == 0 {
            1 << (index / 2 % 8)
        } else {
            0xff
        };
        let mut damaged = bytes.clone();
        damaged[index] ^= change;
        object(damaged, index % 8 < 2);
    }
}

#[test]
fn bytes_of_other_kinds() {
    for bytes in [
        vec![],
        vec![0x7f],
        b"\x7fELF\x02\x01".to_vec(),
        vec![0xff; 4096],
    ] {
        image(&bytes);
        object(bytes, true);
    }
    let big_endian = b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x01\0\xf7".to_vec();
    let error = Object::read("be.o", big_endian).expect_err("no big-endian objects");
    assert!(error.to_string().contains("bpfel"), "{error}");
}
