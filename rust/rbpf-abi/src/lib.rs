// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest and its host share: the binary interface of containers.
//!
//! - [`helpers`]: [`for_each_helper!`], the one table of host functions, and
//!   what is derived from it;
//! - [`capability`]: what a container may be allowed to do;
//! - [`error`]: the error codes that a guest sees in r0;
//! - [`context`]: what a container finds behind r1 when it starts;
//! - [`image`]: the file format of a container, read in place.
//!
//! This crate knows layouts and names. What a helper does is the business of
//! `rbpf-runtime`, and whether the text of an image is sound that of the
//! verifier in `rbpf-vm`. Without the feature `alloc` it neither allocates
//! nor formats; strings (names, documentation) are linked only where used.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(target_endian = "big")]
compile_error!("containers are little-endian and share memory with the host; so must be the host");

pub mod capability;
pub mod context;
pub mod error;
pub mod helpers;
pub mod image;

pub use capability::Capabilities;
pub use error::Errno;
pub use helpers::{HELPERS, Helper, HelperInfo};
pub use image::{Function, Image, ImageError};
