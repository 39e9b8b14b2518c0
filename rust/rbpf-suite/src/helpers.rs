// SPDX-License-Identifier: MIT OR Apache-2.0
//! The helpers that the suite's programs call.

use rbpf_vm::{FaultKind, HelperCall, HelperGrant, HelperPolicy, Host, MemoryMap};

/// The helpers that the suite's programs call, with ids that are its own.
#[derive(Clone, Copy, Debug)]
pub struct TestHelpers;

impl HelperPolicy for TestHelpers {
    fn grant(&self, helper: u32) -> HelperGrant {
        match helper {
            0..=5 => HelperGrant::Granted,
            _ => HelperGrant::Unknown,
        }
    }
}

impl Host for TestHelpers {
    fn call(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let [a, b, c, d, e] = call.arguments;
        match call.id {
            // Five bytes as one number.
            0 => Ok([a, b, c, d, e]
                .iter()
                .fold(0, |all, byte| all << 8 | (byte & 0xff))),
            // Turns bits of each byte of a memory, there and back.
            1 => {
                call.address = a;
                memory.write(a, b)?.iter_mut().for_each(|byte| *byte ^= 42);
                Ok(0)
            }
            2 => Ok(0),
            3 => Ok(a.isqrt()),
            // Compares two strings.
            4 => {
                let string = |address| {
                    let rest = memory.readable_from(address)?;
                    let end = rest.iter().position(|byte| *byte == 0);
                    rest.get(..end.unwrap_or(rest.len()))
                        .ok_or(FaultKind::UnterminatedString)
                };
                Ok(u64::from(string(a)? != string(b)?))
            }
            // The suite's runner for uBPF ends a run here if the argument is 0.
            5 => Ok(a),
            _ => Err(FaultKind::UnknownHelper),
        }
    }
}
