// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timers: targets that the clock triggers.
//!
//! `every:MS` triggers a container each so many milliseconds, `after:MS` once.
//! A timer belongs to one binding and begins with it. `alarm` is one that the
//! container sets itself, by the helper `bpf_timer_set`. Who waits until one is
//! due is not known here.

/// The longest time of a timer, in milliseconds: 12 days.
pub const MAX_TIMER: u32 = (1 << 30) - 1;

const EVERY: &str = "every:";
const AFTER: &str = "after:";
/// The target that a container's own timer triggers.
pub(crate) const ALARM: &str = "alarm";

/// Whether a target is a timer, or would be if its time were a number from 1
/// to [`MAX_TIMER`] without a sign or leading zeros.
pub(crate) fn is_timer(target: &str) -> bool {
    target.starts_with(EVERY) || target.starts_with(AFTER)
}

/// The timer of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When it is due, by the host's clock.
    due: u32,
    /// Milliseconds from one time to the next; 0 if it is due once.
    period: u32,
}

impl Timer {
    /// The timer of a target, as begun now; `None` if its time is none.
    pub(crate) fn new(target: &str, now: u32) -> Option<Self> {
        let (repeats, time) = match target.strip_prefix(EVERY) {
            Some(time) => (true, time),
            None => (false, target.strip_prefix(AFTER)?),
        };
        let time = decimal(time).filter(|&time| time <= MAX_TIMER)?;
        Some(Self {
            period: if repeats { time } else { 0 },
            ..Self::once(time, now)
        })
    }

    /// A timer that is due once, in up to [`MAX_TIMER`] milliseconds.
    pub(crate) fn once(time: u32, now: u32) -> Self {
        Self {
            due: now.wrapping_add(time),
            period: 0,
        }
    }

    /// Milliseconds until it is due, negative since it was. The clock wraps;
    /// nothing is late by half its range.
    pub(crate) fn left(&self, now: u32) -> i32 {
        self.due.wrapping_sub(now) as i32
    }

    /// Moves it on to its next time after now, and says how many were missed
    /// beside the one that was due. `None` if there is no next time.
    pub(crate) fn advance(&mut self, now: u32) -> Option<u32> {
        let late = now.wrapping_sub(self.due);
        let missed = late.checked_div(self.period)?;
        let periods = missed.wrapping_add(1);
        self.due = self.due.wrapping_add(periods.wrapping_mul(self.period));
        Some(missed)
    }

    /// Milliseconds from one time to the next; 0 if it is due once.
    pub(crate) fn period(&self) -> u32 {
        self.period
    }
}

/// A number from 1 on, without sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u32> {
    let number = text.bytes().try_fold(0_u32, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        // A zero only stands behind other digits.
        let number = number.checked_mul(10)?.checked_add(digit.into())?;
        (number > 0).then_some(number)
    })?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for time in ["1", "10", "1000", "1073741823"] {
            let milliseconds: u32 = time.parse().unwrap();
            for (prefix, period) in [(EVERY, milliseconds), (AFTER, 0)] {
                let mut target = heapless::String::<32>::new();
                target.push_str(prefix).unwrap();
                target.push_str(time).unwrap();
                assert!(is_timer(&target));
                let timer = Timer::new(&target, u32::MAX).unwrap();
                assert_eq!(timer.left(u32::MAX), milliseconds as i32);
                assert_eq!(timer.period(), period);
            }
        }
    }

    #[test]
    fn no_times() {
        for target in [
            "every:",
            "every:0",
            "every:00",
            "every:01",
            "every:-1",
            "every:+1",
            "every: 1",
            "every:1 ",
            "every:1s",
            "every:1.5",
            "every:1073741824",
            "every:4294967296",
            "every:4294967297",
            "every:99999999999999999999",
            "after:",
            "after:0",
            "after:x",
        ] {
            assert!(is_timer(target), "{target}");
            assert_eq!(Timer::new(target, 0), None, "{target}");
        }
        for target in ["", "every", "EVERY:1", "after", "/every:1", "hook"] {
            assert!(!is_timer(target), "{target}");
            assert_eq!(Timer::new(target, 0), None, "{target}");
        }
    }

    #[test]
    fn who_is_late_misses_times_and_keeps_the_beat() {
        for start in [0, u32::MAX - 15, 1 << 31] {
            let mut timer = Timer::new("every:10", start).unwrap();
            let at = |time: u32| start.wrapping_add(time);
            assert_eq!(timer.left(at(9)), 1);
            assert_eq!(timer.left(at(10)), 0);
            assert_eq!(timer.advance(at(10)), Some(0));
            assert_eq!(timer.left(at(10)), 10);
            assert_eq!(timer.left(at(29)), -9);
            assert_eq!(timer.advance(at(29)), Some(0));
            assert_eq!(timer.left(at(29)), 1);
            assert_eq!(timer.advance(at(75)), Some(4));
            assert_eq!(timer.left(at(75)), 5);
        }
        let mut once = Timer::new("after:10", 0).unwrap();
        assert_eq!(once.advance(10), None);
    }
}
