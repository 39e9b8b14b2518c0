// SPDX-License-Identifier: MIT OR Apache-2.0
//! RNG: a byte every 30 µs, or 120 µs with bias correction. The bytes come from
//! a generator with a seed, so that a run can be repeated.

use super::events::Events;
use super::{APB_BASE, CYCLES_PER_SECOND, Context, Peripheral, triggers};

const VALRDY: u32 = 0;
const SHORTS: u32 = 0x200;
const CONFIG: u32 = 0x504;
const VALUE: u32 = 0x508;

const FAST: u64 = CYCLES_PER_SECOND / 1_000_000 * 30;
const CORRECTED: u64 = CYCLES_PER_SECOND / 1_000_000 * 120;

/// The random number generator.
#[derive(Debug)]
pub struct Rng {
    events: Events,
    shorts: u32,
    config: u32,
    value: u32,
    state: u64,
    ready_at: Option<u64>,
}

impl Rng {
    /// A generator whose bytes follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Rng {
            events: Events::new(APB_BASE + 0xd000, 1 << VALRDY),
            shorts: 0,
            config: 0,
            value: 0,
            state: seed,
            ready_at: None,
        }
    }

    const fn period(&self) -> u64 {
        if self.config & 1 == 1 {
            CORRECTED
        } else {
            FAST
        }
    }

    /// SplitMix64, of which the top byte is taken.
    const fn next(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 56) as u32
    }
}

impl Peripheral for Rng {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            0 | 4 => Some(0),
            SHORTS => Some(self.shorts),
            CONFIG => Some(self.config),
            VALUE => Some(self.value),
            _ => self.events.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0 if triggers(value) => self.ready_at = Some(context.now + self.period()),
            4 if triggers(value) => self.ready_at = None,
            0 | 4 | VALUE => {}
            SHORTS => self.shorts = value & 1,
            CONFIG => self.config = value & 1,
            _ => return self.events.write(offset, value),
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        self.ready_at
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        if self.ready_at.is_some_and(|ready| ready <= context.now) {
            self.value = self.next();
            self.events.raise(VALRDY, context);
            self.ready_at = (self.shorts == 0).then(|| context.now + self.period());
        }
    }

    fn reset(&mut self) {
        *self = Rng::new(self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn bytes_come_one_after_the_other_and_repeat_with_the_seed() {
        let draw = |seed| {
            let mut rng = Bench::new(Rng::new(seed));
            rng.write(CONFIG, 1);
            rng.write(0, 1);
            assert_eq!(rng.device.deadline(), Some(CORRECTED));
            (1..9)
                .map(|n| {
                    rng.run_to(n * CORRECTED);
                    assert_eq!(rng.read(0x100), 1);
                    rng.write(0x100, 0);
                    rng.read(VALUE)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|byte| *byte < 256));
    }
}
