// SPDX-License-Identifier: MIT OR Apache-2.0
//! A few Thumb instructions, and images made of them.

#![allow(dead_code, reason = "each test uses a part")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use nrfsim::host::{Host, Input};
use nrfsim::image::Image;
use nrfsim::machine::{Limits, Machine, Outcome};
use nrfsim::soc::Settings;

pub(crate) const RAM: u32 = 0x2000_0000;
pub(crate) const SECOND: u64 = 64_000_000;
const VECTORS: usize = 64;

/// Code that is being written.
#[derive(Default)]
pub(crate) struct Code(Vec<u16>);

impl Code {
    /// `MOVW`, `MOVT`.
    pub(crate) fn load(self, register: u16, value: u32) -> Self {
        self.half(0xf240, register, value as u16)
            .half(0xf2c0, register, (value >> 16) as u16)
    }

    fn half(mut self, opcode: u16, register: u16, value: u16) -> Self {
        self.0.push(opcode | (value >> 11 & 1) << 10 | value >> 12);
        self.0
            .push((value >> 8 & 7) << 12 | register << 8 | value & 0xff);
        self
    }

    pub(crate) fn raw(mut self, halfwords: &[u16]) -> Self {
        self.0.extend(halfwords);
        self
    }

    /// Stores a word.
    pub(crate) fn poke(self, address: u32, value: u32) -> Self {
        self.load(0, address).load(1, value).raw(&[0x6001])
    }

    /// Waits until the word is not 0.
    pub(crate) fn until(self, address: u32) -> Self {
        // ldr r1, [r0]; cmp r1, #0; beq back
        self.load(0, address).raw(&[0x6801, 0x2900, 0xd0fc])
    }

    /// Sleeps for ever, waking for interrupts.
    pub(crate) fn sleep(self) -> Self {
        // wfi; b back
        self.raw(&[0xbf30, 0xe7fd])
    }
}

/// The contents of flash: vectors, `main` at 0x100, and `handler` for all
/// exceptions behind it.
pub(crate) fn flash(main: Code, handler: Code) -> Vec<u8> {
    let entry = 4 * VECTORS as u32;
    let behind = entry + 2 * main.0.len() as u32;
    let mut bytes: Vec<u8> = Vec::new();
    for vector in 0..VECTORS {
        let word = match vector {
            0 => RAM + 0x1_0000,
            1 => entry | 1,
            _ => behind | 1,
        };
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(
        main.0
            .iter()
            .chain(&handler.0)
            .flat_map(|halfword| halfword.to_le_bytes()),
    );
    bytes
}

/// An ELF file with one segment at address 0.
pub(crate) fn elf(code: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    let words = |file: &mut Vec<u8>, words: &[u32]| {
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()))
    };
    file.extend([2, 0, 40, 0]); // EXEC, ARM
    words(&mut file, &[1, 0x101, 52, 0, 0x0500_0000]);
    for half in [52_u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let length = code.len() as u32;
    words(&mut file, &[1, 84, 0, 0, length, length, 5, 4]);
    file.extend(code);
    file
}

/// Bytes that a test can look at while a host writes them.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a run went.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) machine: Machine,
    /// What went over both lines.
    pub(crate) lines: [String; 2],
    pub(crate) messages: String,
}

/// Runs an image with this input on its lines.
pub(crate) fn run(image: Image, settings: &Settings, inputs: [&[u8]; 2], limits: &Limits) -> Run {
    let (lines, messages) = ([Shared::default(), Shared::default()], Shared::default());
    let outputs = lines
        .clone()
        .map(|line| Box::new(line) as Box<dyn Write + Send>);
    let (host, sender) = Host::new(outputs, [true; 2]);
    let mut sink = messages.clone();
    let mut host = host.with_messages(move |text| {
        let _ = writeln!(sink, "{text}");
    });
    for (line, bytes) in inputs.into_iter().enumerate() {
        sender
            .send(Input::Bytes(line, bytes.to_vec()))
            .expect("the host listens");
        sender.send(Input::Closed(line)).expect("the host listens");
    }
    drop(sender);
    let mut machine = Machine::new(image, settings).expect("the image fits");
    let outcome = machine.run(&mut host, limits);
    Run {
        outcome,
        machine,
        lines: lines.map(|line| line.text()),
        messages: messages.text(),
    }
}

/// Runs code, for at most ten seconds of its time.
pub(crate) fn run_code(main: Code, handler: Code) -> Run {
    let image = Image::from_flash(&flash(main, handler)).expect("a usable image");
    run(
        image,
        &Settings::default(),
        [b"", b""],
        &Limits {
            cycles: Some(10 * SECOND),
            ..Limits::default()
        },
    )
}
