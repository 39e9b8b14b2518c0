// SPDX-License-Identifier: MIT OR Apache-2.0
//! nrfsim: runs the image that a user would flash to a nRF52840.

pub mod memory;
pub mod notes;
pub mod peripherals;
