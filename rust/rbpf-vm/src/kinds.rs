// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of what can go wrong: one macro for the kinds of faults and those of
//! verifier errors.

/// Defines an enum of kinds from rows `/// doc  Name = code, "text";`.
///
/// Texts are linked only where they are asked for.
macro_rules! define_kinds {
    ($(#[$enum_doc:meta])* $kind:ident; $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $kind {
            $($(#[$doc])* $name = $code,)*
        }

        impl $kind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A short text for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The name as it stands in test data and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

pub(crate) use define_kinds;
