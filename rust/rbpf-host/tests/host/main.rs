// SPDX-License-Identifier: MIT OR Apache-2.0
//! The simulated device as its users see it: over CoAP, and in what it prints.

mod observe;
mod packets;
mod requests;
mod run;
mod strangers;
mod support;
