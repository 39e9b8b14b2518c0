// SPDX-License-Identifier: MIT OR Apache-2.0
//! A share of the processor, of a container or of a tenant: a token bucket.
//!
//! It earns so many instructions a second, and saves at most what it earns in one.
//! A run costs what it took, helpers' time included, and [`COST_BEGIN`]. While there
//! is something left it may begin, however long it takes then: its budget bounds
//! that, and it owes the rest. So what a run does never depends on those before
//! it, and in the long run nobody has more than its share.

/// Instructions charged for beginning a run, or going on with it: 64 us on a
/// Cortex-M4 at 64 MHz. Without, a run of one instruction would be nearly free,
/// and who has many of them would have the processor.
pub(crate) const COST_BEGIN: u32 = 80;

/// What is left of a share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Thousandths of an instruction, or what it owes: as many are earned in a
    /// millisecond as instructions in a second, so nothing is rounded.
    left: i64,
    /// When it earned last, by the host's clock in milliseconds.
    earned: u32,
}

impl Share {
    /// More than any rate lets one save.
    pub(crate) const FULL: Self = Self {
        left: i64::MAX,
        earned: 0,
    };

    /// Whether a run may begin, at a rate of so many instructions a second.
    pub(crate) fn has_left(&mut self, rate: u32, now: u32) -> bool {
        let elapsed = now.wrapping_sub(self.earned);
        self.earned = now;
        // The product has 64 bits at most, the sum is cut off.
        let gained = u64::from(elapsed) * u64::from(rate);
        let most = i64::from(rate) * THOUSAND;
        self.left = self.left.saturating_add_unsigned(gained).min(most);
        self.left > 0
    }

    /// Takes what a run took, or a part of one.
    pub(crate) fn spend_run(&mut self, cost: u32) {
        self.spend(cost.saturating_add(COST_BEGIN));
    }

    fn spend(&mut self, instructions: u32) {
        let cost = i64::from(instructions) * THOUSAND;
        self.left = self.left.saturating_sub(cost);
    }
}

const THOUSAND: i64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_its_share() {
        for rate in [1, 7, 999, 1000, 1001, 123_456, u32::MAX] {
            for (cost, step) in [(1, 1), (50, 1), (1000, 3), (100_000, 10), (1 << 31, 100)] {
                let start = u32::MAX - 20_000;
                let mut share = Share::FULL;
                let mut spent = 0_u64;
                for time in (0..60_000).step_by(step) {
                    if share.has_left(rate, start.wrapping_add(time)) {
                        share.spend(cost);
                        spent += u64::from(cost);
                    }
                }
                let earned = u64::from(rate) * 61;
                assert!(spent <= earned + u64::from(cost), "{rate} {cost} {spent}");
                // Or as much as so many runs can take.
                let wanted = u64::from(cost) * 60_000 / step as u64;
                let least = (u64::from(rate) * 55).min(wanted * 9 / 10);
                assert!(spent >= least, "{rate} {cost} {spent} {least}");
            }
        }
    }

    #[test]
    fn a_pause_saves_a_second_at_most() {
        let mut share = Share::FULL;
        assert!(share.has_left(1000, 1_000_000));
        share.spend(1000);
        assert!(!share.has_left(1000, 1_000_000));
        assert!(share.has_left(1000, 1_000_001));
        share.spend(5001);
        assert!(!share.has_left(1000, 1_005_000), "it owes 5000");
        assert!(share.has_left(1000, 1_005_002));
    }
}
