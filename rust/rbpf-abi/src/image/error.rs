// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with an image: one list.

use core::fmt;

/// Calls a macro with every error. A row is `/// doc  Variant = value;`.
macro_rules! for_each_image_error {
    ($callback:ident) => {
        $callback! {
            /// There is not even a whole header.
            Truncated = 1;
            /// The image does not start at a multiple of 8 bytes in memory.
            Misaligned = 2;
            /// It does not begin with `rBPF`.
            Magic = 3;
            /// The format's version is not known.
            Version = 4;
            /// A flag has no meaning.
            Flags = 5;
            /// The sections do not add up to the image's length.
            Length = 6;
            /// There are no instructions.
            NoText = 7;
            /// There is no function, and so no entry point.
            NoFunction = 8;
            /// A function begins outside the text.
            FunctionEntry = 9;
            /// Two functions begin at the same slot, or they are not in order.
            FunctionOrder = 10;
            /// A function's frame is too large, or not a multiple of 8 bytes.
            FunctionFrame = 11;
            /// The stack is not a multiple of 8 bytes.
            StackSize = 12;
            /// The helper ids are not strictly ascending.
            HelperOrder = 13;
            /// A capability is not known.
            UnknownCapability = 14;
            /// A helper is listed whose capability is not.
            MissingCapability = 15;
            /// A section is too long for the format; only when writing.
            TooLong = 16;
        }
    };
}

macro_rules! define_image_errors {
    ($($(#[doc = $doc:literal])* $variant:ident = $value:literal;)*) => {
        /// Why bytes are not an image.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ImageError {
            $($(#[doc = $doc])* $variant = $value,)*
        }

        impl ImageError {
            /// Every error, by ascending value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What is wrong, as a sentence. Links strings: not for the device.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}
for_each_image_error!(define_image_errors);

impl fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.description())
    }
}

impl core::error::Error for ImageError {}
