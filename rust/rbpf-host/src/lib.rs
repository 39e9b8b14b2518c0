// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated device on a workstation: the same runtime as on a
//! microcontroller, with simulated sensors and a CoAP server on real sockets.
//!
//! - [`run()`](run()) is the command `rbpf device`;
//! - [`config`] reads the device's description;
//! - [`services`] are clock, random numbers, sensors and log;
//! - [`Remotes`] send requests of containers;
//! - [`device`] owns the runtime, in a thread of its own;
//! - [`server`] carries CoAP requests to it, [`client`] those of its containers and
//!   of the command line to others.
//!
//! What containers may do and how they run is `rbpf-runtime`'s business.
//! Updates over the network and a store on disk are not here.
#![forbid(unsafe_code)]

pub mod client;
mod coap;
pub mod config;
pub mod device;
mod remotes;
mod run;
pub mod server;
pub mod services;
mod terminal;

pub use config::Config;
pub use device::Device;
pub use remotes::Remotes;
pub use run::{DeviceOptions, HostError, run, run_until};
pub use server::Server;
pub use terminal::printable;
