// SPDX-License-Identifier: MIT OR Apache-2.0
//! For authors of containers: the guest's C headers.
//!
//! [`HEADERS`] holds them, so that a tool can unpack them anywhere;
//! [`generate`] writes those that are derived from the tables in `rbpf-abi`,
//! and the reference of helpers. Compiling and linking containers is the
//! business of `rbpf-cli`.
#![forbid(unsafe_code)]

pub mod generate;

macro_rules! headers {
    ($($path:literal)*) => {
        /// The guest's headers: path below the include folder, and contents.
        pub const HEADERS: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../include/", $path))),)*
        ];
    };
}

headers! {
    "bpf/bpfapi/helpers.h"
    "rbpf/coap.h"
    "rbpf/coap_codes.h"
    "rbpf/errno.h"
    "rbpf/helpers.h"
    "rbpf/kv.h"
    "rbpf/manifest.h"
    "rbpf/packet.h"
    "rbpf/printf.h"
    "rbpf/saul.h"
    "rbpf/types.h"
}

/// What clang needs to compile a container, besides the include folder and
/// the source.
pub const CLANG_FLAGS: &[&str] = &["-target", "bpf", "-mcpu=v4", "-O2", "-ffreestanding"];
