// SPDX-License-Identifier: MIT OR Apache-2.0
//! Error codes that a guest sees: negative numbers in r0.
//!
//! They are part of the interface and the same on every device, whatever C
//! library the host was built with. Up to `ERANGE` all libraries agree; above
//! that the values are those of Linux, and newlib differs (its `ENOTSUP` is
//! 134). So a host translates what its drivers return, and never passes a
//! raw `errno` on. An error code is not a fault: a fault ends the run.

/// Calls a macro with every error code.
///
/// A row is `/// doc  Variant = value C_NAME;`.
macro_rules! for_each_errno {
    ($callback:ident) => {
        $callback! {
            /// Not allowed.
            NotPermitted = 1 EPERM;
            /// There is no such key, file or entry.
            NoEntry = 2 ENOENT;
            /// The device did not answer as it should.
            InputOutput = 5 EIO;
            /// The handle names nothing.
            BadHandle = 9 EBADF;
            /// Nothing there yet; try again.
            TryAgain = 11 EAGAIN;
            /// Out of memory.
            NoMemory = 12 ENOMEM;
            /// In use.
            Busy = 16 EBUSY;
            /// There is one already.
            Exists = 17 EEXIST;
            /// There is no such device.
            NoDevice = 19 ENODEV;
            /// An argument is wrong.
            Invalid = 22 EINVAL;
            /// No space left in the store or buffer.
            NoSpace = 28 ENOSPC;
            /// A value is out of range.
            Range = 34 ERANGE;
            /// This host lacks the function.
            NotImplemented = 38 ENOSYS;
            /// The device cannot do that.
            NotSupported = 95 ENOTSUP;
            /// It took too long.
            TimedOut = 110 ETIMEDOUT;
            /// Given up before it was done.
            Canceled = 125 ECANCELED;
        }
    };
}

macro_rules! define_errno {
    ($($(#[doc = $doc:literal])* $variant:ident = $value:literal $c:ident;)*) => {
        /// An error that a helper reports to the guest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Errno {
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\n`", stringify!($c), "`, ", stringify!($value), ".")]
                $variant = $value,
            )*
        }

        impl Errno {
            /// Every error code, by ascending value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The error of this number, of either sign.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number.unsigned_abs() {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name in C, `ENOENT` for example.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($c),)* }
            }

            /// What went wrong, as a sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}
for_each_errno!(define_errno);

impl Errno {
    /// What the guest sees: the negative number.
    #[must_use]
    pub const fn to_guest(self) -> i32 {
        -(self as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for &error in Errno::ALL {
            assert!(error.to_guest() < 0);
            assert_eq!(Errno::from_number(error.to_guest()), Some(error));
            assert_eq!(Errno::from_number(-error.to_guest()), Some(error));
            assert!(error.name().starts_with('E'));
            assert!(error.description().ends_with('.'));
        }
        assert!(Errno::ALL.is_sorted_by(|a, b| (*a as u8) < (*b as u8)));
        assert_eq!(Errno::from_number(0), None);
        assert_eq!(Errno::from_number(i32::MIN), None);
        assert_eq!(Errno::NoEntry.to_guest(), -2);
        assert_eq!(
            Errno::NoEntry.description(),
            "There is no such key, file or entry."
        );
    }
}
