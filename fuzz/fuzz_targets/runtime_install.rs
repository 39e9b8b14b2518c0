// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images from nowhere through the whole runtime: run without being
//! installed, installed, triggered by requests and otherwise, replaced,
//! removed.
#![no_main]

use std::num::NonZeroU16;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rbpf_abi::context::Phydat;
use rbpf_abi::image::{ImageBuffer, ImageParts};
use rbpf_abi::{Capabilities, Errno, Function};
use rbpf_fuzz::{Guarded, Text};
use rbpf_isa::opcode;
use rbpf_runtime::{CoapRequest, Grant, HOST, Hook, Memory, Runtime, Sensor, Services};
use rbpf_vm::Rights;
use zerocopy::IntoBytes;

#[derive(Debug, Arbitrary)]
enum Source {
    /// As it is.
    Bytes(Vec<u8>),
    /// Put together so that it is an image more often than not.
    Parts {
        frames: Vec<(u8, u8)>,
        rodata: Vec<u8>,
        data: Vec<u8>,
        bss: u8,
        stack: u8,
        text: Text,
    },
}

#[derive(Debug, Arbitrary)]
struct Input {
    denied: u32,
    code: u8,
    payload: Vec<u8>,
    context: Vec<u8>,
    budget: u16,
    first: Source,
    second: Source,
}

impl Source {
    fn image(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Parts {
                text,
                frames,
                rodata,
                data,
                bss,
                stack,
            } => {
                let mut functions: Vec<Function> = frames
                    .iter()
                    .map(|&(entry, frame)| Function::new(entry.into(), u16::from(frame) * 8))
                    .collect();
                functions.insert(0, Function::new(0, 64));
                functions[1..].sort_by_key(|function| function.entry());
                let mut helpers: Vec<u16> = text
                    .0
                    .iter()
                    .filter(|slot| slot.opcode == opcode::Call && slot.src() == 0)
                    .map(|slot| slot.immediate as u16)
                    .collect();
                helpers.sort_unstable();
                helpers.dedup();
                ImageParts {
                    stack_size: u16::from(*stack) * 8,
                    capabilities: Capabilities::all(),
                    text: text.0.as_bytes(),
                    functions: &functions,
                    helpers: &helpers,
                    rodata,
                    data,
                    bss_len: (*bss).into(),
                    keep_values: false,
                    version: None,
                }
                .write()
                .unwrap_or_default()
            }
        }
    }
}

/// A device with two sensors and a clock.
#[derive(Debug)]
struct Device(u32);

impl Services for Device {
    fn now_ms(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }

    fn now_us(&mut self) -> u32 {
        self.now_ms()
    }

    fn random(&mut self) -> u32 {
        self.now_ms().wrapping_mul(0x9e37_79b9)
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        assert!(["first", "second", "-"].contains(&container));
        text.len()
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        let number = u16::try_from(position).ok()?.checked_add(1)?;
        NonZeroU16::new(number)
            .filter(|number| number.get() <= 2)
            .map(Sensor)
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        self.saul_find_nth(class.into())
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        match sensor.0.get() {
            1 => Ok((Phydat::default(), 1)),
            2 => Ok((Phydat::default(), 3)),
            _ => Err(Errno::NoDevice),
        }
    }

    fn saul_write(&mut self, sensor: Sensor, _: &Phydat) -> Result<u8, Errno> {
        self.saul_read(sensor).map(|(_, dimensions)| dimensions)
    }
}

fuzz_target!(|input: Input| {
    let mut buffers = [(); 5].map(|()| Guarded::new(2048, 0));
    {
        let [one, two, stack, data, response] = &mut buffers;
        let mut runtime = Runtime::<_, 2, 2, 8>::new(
            Device(0),
            Memory {
                images: [one.get_mut(), two.get_mut()],
                stack: &mut stack.get_mut()[..512],
                data: &mut data.get_mut()[..300],
                response: &mut response.get_mut()[..128],
            },
        );
        runtime.set_budget(input.budget.into());
        let allowed = Capabilities::all() - Capabilities::from_bits_truncate(input.denied);
        let sources = [("first", &input.first), ("second", &input.second)];
        for (name, source) in sources {
            let image = source.image();
            let aligned = ImageBuffer::copy_from(&image);
            let mut context = input.context.clone();
            let budget = input.budget.into();
            let executed = runtime.execute(aligned.bytes(), allowed, &mut context, &mut [], budget);
            assert_eq!(runtime.find(name), None);
            let installed = runtime.install(name, &image, allowed);
            assert!(executed.is_ok() || installed.is_err());
            let Ok(mut app) = installed else {
                continue;
            };
            assert_eq!(runtime.find(name), Some(app));
            assert_eq!(runtime.bind("/path", app), Ok(()));
            let request = CoapRequest {
                code: input.code,
                path: "/path",
                query: b"",
                observe: (input.code < 2).then_some(input.code),
                payload: &input.payload,
            };
            for _ in 0..2 {
                if let Ok(reply) = runtime.coap(&request) {
                    assert!(reply.payload.len() <= 128);
                }
            }
            let mut context = input.context.clone();
            let mut granted = [0; 32];
            let _ = runtime.run(
                app,
                &mut context,
                &mut [
                    Grant::Read(&input.payload),
                    Grant::Write(&mut granted, Rights::Write),
                ],
                input.budget.into(),
            );
            for info in runtime.apps() {
                assert!(info.counters.faults <= info.counters.runs);
                assert!(allowed.contains(info.granted));
            }
            assert_eq!(runtime.bind("hook", app), Ok(()));
            let other = ImageBuffer::copy_from(&input.second.image());
            match runtime.replace(app, other.bytes(), allowed) {
                Ok(new) => {
                    assert!(!runtime.remove(app));
                    app = new;
                }
                Err(_) => assert_eq!(runtime.find(name), Some(app)),
            }
            assert!(runtime.bindings().all(|(_, bound)| bound == app));
            let triggered = runtime.trigger(&Hook::new("hook"), &mut context, &mut [], budget);
            assert!(triggered.runs == 1 && triggered.faults <= 1);
            assert!(runtime.unbind("hook", None));
            assert!(runtime.unbind("/path", Some(app)));
        }
        let apps: Vec<_> = runtime.apps().map(|info| info.id).collect();
        for app in apps {
            assert!(runtime.remove(app));
            assert!(!runtime.remove(app));
        }
        assert!(runtime.values().all(|entry| entry.owner == HOST));
    }
    for buffer in &buffers {
        buffer.check();
    }
    let [_, _, stack, data, response] = &buffers;
    assert!(stack.get()[512..].iter().all(|&byte| byte == 0));
    assert!(data.get()[300..].iter().all(|&byte| byte == 0));
    assert!(response.get()[128..].iter().all(|&byte| byte == 0));
});
