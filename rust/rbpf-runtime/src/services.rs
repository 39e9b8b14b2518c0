// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the runtime asks of its host.

use core::num::NonZeroU16;

use rbpf_abi::Errno;
use rbpf_abi::context::Phydat;

/// A device of the SAUL registry, as a guest knows it: a small number that
/// the host gave out and checks at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor(pub NonZeroU16);

/// What differs between hosts: clocks, console, sensors.
///
/// All methods are called by the thread that runs containers, none blocks
/// for longer than the device takes, and nothing that a guest passes reaches
/// them unchecked.
pub trait Services {
    /// Milliseconds since start; wraps.
    fn now_ms(&mut self) -> u32;

    /// Microseconds since start; wraps.
    fn now_us(&mut self) -> u32;

    /// A random number from the device's best source.
    fn random(&mut self) -> u32;

    /// Output of a container: a part of a line, any bytes.
    fn log(&mut self, container: &str, text: &[u8]);

    /// The device at a position of the registry, from 0.
    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor>;

    /// The first device of a class.
    fn saul_find_type(&mut self, class: u8) -> Option<Sensor>;

    /// Reads a device: the value, and how many dimensions it has, 1 to 3.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoDevice` for a handle that names nothing.
    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno>;

    /// Writes to a device; returns how many dimensions it took.
    ///
    /// # Errors
    ///
    /// As [`saul_read`](Self::saul_read).
    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno>;
}
