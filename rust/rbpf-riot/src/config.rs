// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tunables: `CONFIG_RBPF_…` as the application has them, without the
//! prefix. Names, defaults and ranges stand in `pkg/rbpf/Kconfig`.
#![allow(unreachable_pub, reason = "generated")]
#![allow(dead_code, reason = "not every selection of modules needs all")]

include!(concat!(env!("OUT_DIR"), "/config.rs"));
