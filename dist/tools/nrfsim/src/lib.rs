// SPDX-License-Identifier: MIT OR Apache-2.0
//! nrfsim: runs the image that a user would flash to a nRF52840.
//!
//! The processor (Cortex-M4F, with its cycle model) is crate `rsemu`; here are
//! the peripherals that RIOT uses, the time, and the connections to the
//! workstation. README.md says what is modelled and what is not.
//!
//! The guest is hostile: no image and nothing that it does may panic, hang the
//! host outside of the guest's own time, or touch anything but its lines.

pub mod bus;
pub mod devices;
pub mod endpoint;
pub mod fault;
pub mod host;
pub mod image;
pub mod layout;
pub mod machine;
pub mod memory;
pub mod notes;
pub mod peripherals;
pub mod soc;
pub mod stacks;
pub mod wfe;
