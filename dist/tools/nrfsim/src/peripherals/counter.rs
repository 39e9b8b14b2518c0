// SPDX-License-Identifier: MIT OR Apache-2.0
//! A counter that runs from the processor's clock: RTC and TIMER are made of
//! it. It does not tick; its value is computed from the time.

/// Cycles a tick, as a fraction: an RTC tick is 15625/8 cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Cycles in `ticks` ticks.
    pub cycles: u64,
    /// Ticks in `cycles` cycles.
    pub ticks: u64,
}

/// A counter with a rate and a width.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    rate: Rate,
    /// All ones in the counter's width.
    mask: u32,
    /// When it was started; `None` while it stands.
    started: Option<u64>,
    /// Its value when it was started, or now if it stands.
    base: u32,
    /// Ticks since it was started that were looked at for compare matches.
    seen: u64,
}

impl Counter {
    /// A counter that stands at 0.
    #[must_use]
    pub const fn new(rate: Rate, mask: u32) -> Self {
        Counter {
            rate,
            mask,
            started: None,
            base: 0,
            seen: 0,
        }
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.started.is_some()
    }

    /// All ones in the counter's width.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        self.mask
    }

    /// The value at time `now`.
    #[must_use]
    pub fn value(&self, now: u64) -> u32 {
        self.value_after(self.ticks(now))
    }

    /// Starts it, if it stands.
    pub fn start(&mut self, now: u64) {
        if self.started.is_none() {
            self.started = Some(now);
            self.seen = 0;
        }
    }

    /// Stops it where it is.
    pub fn stop(&mut self, now: u64) {
        self.base = self.value(now);
        self.started = None;
    }

    /// Sets its value; a match with this very value is not reported.
    pub fn set(&mut self, value: u32, now: u64) {
        self.base = value & self.mask;
        self.seen = 0;
        if let Some(started) = &mut self.started {
            *started = now;
        }
    }

    /// Changes rate and width, keeping the value.
    pub fn configure(&mut self, rate: Rate, mask: u32, now: u64) {
        let value = self.value(now);
        (self.rate, self.mask) = (rate, mask);
        self.set(value, now);
    }

    /// When the value next becomes `value`, counted from the last tick that
    /// was looked at.
    #[must_use]
    pub fn when(&self, value: u32) -> Option<u64> {
        let started = self.started?;
        let current = self.value_after(self.seen);
        let ahead = match value.wrapping_sub(current) & self.mask {
            0 => u64::from(self.mask) + 1,
            ahead => u64::from(ahead),
        };
        let cycles = (u128::from(self.seen + ahead) * u128::from(self.rate.cycles))
            .div_ceil(u128::from(self.rate.ticks));
        Some(started.saturating_add(u64::try_from(cycles).unwrap_or(u64::MAX)))
    }

    /// When it next ticks, counted from the last tick that was looked at.
    #[must_use]
    pub fn next_tick(&self) -> Option<u64> {
        self.when(self.value_after(self.seen + 1))
    }

    /// All matches up to `now` were looked at.
    pub fn seen(&mut self, now: u64) {
        self.seen = self.ticks(now);
    }

    fn ticks(&self, now: u64) -> u64 {
        let Some(started) = self.started else {
            return 0;
        };
        let cycles = u128::from(now.saturating_sub(started));
        let ticks = cycles * u128::from(self.rate.ticks) / u128::from(self.rate.cycles.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    fn value_after(&self, ticks: u64) -> u32 {
        // The low 32 bits are all that the mask can keep.
        self.base.wrapping_add((ticks & 0xffff_ffff) as u32) & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Rate = Rate {
        cycles: 15625,
        ticks: 8,
    };

    #[test]
    fn the_value_follows_the_time_without_drift() {
        let mut counter = Counter::new(SLOW, 0xff_ffff);
        counter.start(100);
        assert_eq!(counter.value(100), 0);
        assert_eq!(counter.value(100 + 64_000_000), 32768);
        assert_eq!(counter.value(100 + 512 * 64_000_000), 0);
        assert_eq!(counter.when(1), Some(100 + 1954));
        assert_eq!(counter.when(8), Some(100 + 15625));
        counter.seen(100 + 15625);
        assert_eq!(counter.when(8), Some(100 + 15625 + 512 * 64_000_000));
    }

    #[test]
    fn a_stopped_counter_keeps_its_value() {
        let mut counter = Counter::new(
            Rate {
                cycles: 4,
                ticks: 1,
            },
            0xffff,
        );
        counter.start(0);
        counter.stop(400);
        assert_eq!(counter.value(10_000), 100);
        assert_eq!(counter.when(200), None);
        counter.start(10_000);
        assert_eq!(counter.value(10_040), 110);
    }
}
