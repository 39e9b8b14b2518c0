// SPDX-License-Identifier: MIT OR Apache-2.0
//! An application in Rust with a hook and a helper of its own.
//!
//! The hook `tick` is triggered now and then; the container that is bound to
//! it reads a channel by the helper, and counts alarms in its context. Then
//! the shell takes over, where `rbpf list` shows the container, and others can
//! be loaded beside it or in its place.
#![no_std]

use core::sync::atomic::{AtomicU32, Ordering};

use rbpf_riot::containers::{self, Error};
use rbpf_riot::helpers::Helper;
use rbpf_riot::hooks::Hook;
use rbpf_riot::{Capabilities, FaultKind, HelperCall, MemoryMap, include_image};
use riot_wrappers::println;
use riot_wrappers::shell::CommandList as _;
use riot_wrappers::ztimer::{Clock, Ticks};

/// What containers may do here, whatever their images want.
const ALLOWED: Capabilities = Capabilities::APPLICATION;

/// Readings above this are alarms.
const LIMIT: u32 = 60;
const TICKS: usize = 5;
const PERIOD: Ticks<1000> = Ticks(20);

/// Where containers run.
static TICK: Hook = Hook::new(c"tick");

/// What containers call as 0x8000.
static READ_CHANNEL: Helper = Helper::new(0x8000, Capabilities::APPLICATION, read_channel);

/// There is one channel, on which readings go up and start again.
fn read_channel(call: &mut HelperCall, _: &mut MemoryMap<'_>) -> Result<u64, FaultKind> {
    static READING: AtomicU32 = AtomicU32::new(0);

    let [channel, ..] = call.arguments;
    if channel != 0 {
        return Ok(-1_i64 as u64);
    }
    // Containers run one at a time.
    let reading = (READING.load(Ordering::Relaxed) + 25) % 100;
    READING.store(reading, Ordering::Relaxed);
    Ok(reading.into())
}

riot_wrappers::riot_main!(main);

fn main() {
    if let Err(error) = setup() {
        println!("error: setup: {:?}", error);
    }
    run();
    riot_wrappers::shell::new().run_forever();
}

fn setup() -> Result<(), Error> {
    READ_CHANNEL.register()?;
    TICK.register()?;
    containers::install("alarm", include_image!("alarm"), ALLOWED)?;
    containers::bind("alarm", "tick")
}

fn run() {
    let clock = Clock::msec();
    let mut alarms = 0;
    for tick in 0..TICKS {
        clock.sleep(PERIOD);
        // The context as the container sees it.
        let mut context = [0; 8];
        let (limit, counter) = context.split_at_mut(4);
        limit.copy_from_slice(&LIMIT.to_ne_bytes());
        counter.copy_from_slice(&u32::to_ne_bytes(alarms));
        match TICK.trigger(&mut context, &mut []) {
            Ok(triggered) => {
                let [.., a, b, c, d] = context;
                alarms = u32::from_ne_bytes([a, b, c, d]);
                let reading = triggered.result.unwrap_or_default();
                println!("tick {} reading {} alarms {}", tick, reading, alarms);
            }
            Err(error) => println!("error: tick {}: {:?}", tick, error),
        }
    }
}

/// The prebuilt `compiler_builtins` of hosted targets refer to it; nothing
/// unwinds, since the profile says `panic = "abort"`.
#[cfg(target_os = "linux")]
// SAFETY: the only definition of this symbol: no `std` is linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
