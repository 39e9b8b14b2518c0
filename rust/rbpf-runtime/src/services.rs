// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the runtime asks of its host.

use core::num::NonZeroU16;

use rbpf_abi::context::Phydat;
use rbpf_abi::{Capabilities, Errno};
use rbpf_vm::{FaultKind, HelperCall, MemoryMap};

use crate::coap::CoapRequest;
use crate::fault_log::{FaultEntry, FaultReport};
use crate::store::AppId;

/// A device of the SAUL registry, as a guest knows it: a small number that
/// the host gave out and checks at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor(pub NonZeroU16);

/// A pin, as a guest knows it: an index that the host checks at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(pub u16);

/// Whom containers may make requests to, as a guest knows it: an index that the
/// host checks at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote(pub u16);

/// Characters of the longest name of a measurement.
pub const MAX_SENML_NAME: usize = 32;

/// What differs between hosts: clocks, console, sensors, pins, remotes, and the
/// helpers of their applications.
///
/// All methods are called by the thread that runs containers, none blocks
/// for longer than the device takes, and nothing that a guest passes reaches
/// them unchecked, but for the arguments of the application's helpers.
pub trait Services {
    /// Whether [`senml`](Self::senml) is there; if not, no code for it is linked.
    const WRITES_SENML: bool = false;

    /// Whether the host makes CoAP requests for containers. If not, there is no code
    /// for it.
    const HAS_CLIENT: bool = false;

    /// Instructions that the device executes in a millisecond, by which the time of
    /// helpers that may wait is charged. The default is that of a Cortex-M4 at 64 MHz.
    /// Less than the device really executes lets containers wait longer than they may
    /// compute; more charges them for waiting more than it takes.
    const SPEED: u32 = 1800;

    /// Milliseconds since start; wraps.
    fn now_ms(&mut self) -> u32;

    /// Microseconds since start; wraps.
    fn now_us(&mut self) -> u32;

    /// Begins to measure how long a helper takes that may wait.
    fn begin_us(&mut self) -> u32 {
        self.now_us()
    }

    /// Microseconds since a helper began, of which [`begin_us`](Self::begin_us) told. A host
    /// on which other programs run leaves out what these took.
    fn elapsed_us(&mut self, begun: u32) -> u32 {
        self.now_us().wrapping_sub(begun)
    }

    /// A random number from the device's best source.
    fn random(&mut self) -> u32;

    /// Output of a container: a part of a line, any bytes.
    ///
    /// Returns how many bytes that took: of the text, and what the host writes
    /// with it, such as the container's name before a line, escapes, and the ends
    /// of lines.
    fn log(&mut self, container: &str, text: &[u8]) -> usize;

    /// The device at a position of the registry, from 0. Hosts without a registry
    /// leave this and the other three as they are: there is no device.
    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        let _ = position;
        None
    }

    /// The first device of a class.
    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        let _ = class;
        None
    }

    /// Reads a device: the value, and how many dimensions it has, 1 to 3.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoDevice` for a handle that names nothing.
    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        let _ = sensor;
        Err(Errno::NoDevice)
    }

    /// Writes to a device; returns how many dimensions it took.
    ///
    /// # Errors
    ///
    /// As [`saul_read`](Self::saul_read).
    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        let _ = (sensor, value);
        Err(Errno::NoDevice)
    }

    /// The pin of a name, which may be any bytes.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoDevice` for a name that no pin has. Hosts without
    /// pins leave this and the other two as they are: `NotSupported`.
    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        let _ = name;
        Err(Errno::NotSupported)
    }

    /// Reads a pin: whether it is high.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoDevice` for an index that names nothing.
    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        let _ = pin;
        Err(Errno::NotSupported)
    }

    /// Sets an output to high or low.
    ///
    /// # Errors
    ///
    /// As [`gpio_read`](Self::gpio_read), and `NotSupported` for an input.
    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        let _ = (pin, high);
        Err(Errno::NotSupported)
    }

    /// Writes a measurement of 1 to 3 dimensions as a pack of SenML in CBOR, and
    /// returns how many bytes it has. The name has up to [`MAX_SENML_NAME`]
    /// characters, all of which SenML allows.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoSpace` if `out` is too short. Hosts that do not write
    /// SenML leave this as it is, and guests are told `NotSupported`.
    fn senml(
        &mut self,
        out: &mut [u8],
        name: &str,
        value: &Phydat,
        dimensions: u8,
    ) -> Result<usize, Errno> {
        let _ = (out, name, value, dimensions);
        Err(Errno::NotSupported)
    }

    /// What a container answers on its paths has changed: who observes one is to be told,
    /// later, as containers run meanwhile.
    ///
    /// # Errors
    ///
    /// What the guest is told. Hosts without observers leave it as it is:
    /// `NotSupported`.
    fn coap_changed(&mut self, app: AppId) -> Result<(), Errno> {
        let _ = app;
        Err(Errno::NotSupported)
    }

    /// The remote of a name, which may be any bytes.
    ///
    /// # Errors
    ///
    /// What the guest is told; `NoDevice` for a name that no remote has,
    /// `NotSupported` if there are none at all.
    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        let _ = name;
        Err(Errno::NotSupported)
    }

    /// Sends a container's request to a remote and gives it a number, from 1 to
    /// `i32::MAX`. Nobody waits for the answer: when there is one, or will be none,
    /// the host [tells](crate::Runtime::answer) the runtime.
    ///
    /// A slot has one request at a time, so no container takes another's place.
    ///
    /// # Errors
    ///
    /// What the guest is told; there is no answer then. `Busy` if one of that slot
    /// is open, `NoDevice` for an index that names nothing, `NoSpace` if it does not
    /// fit a message.
    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        let _ = (app, remote, request);
        Err(Errno::NotSupported)
    }

    /// A run has ended in a fault. A host that wants to know the last ones puts
    /// them into a [`FaultLog`](crate::FaultLog).
    fn faulted(&mut self, report: &FaultReport<'_>) {
        let _ = report;
    }

    /// The fault at a position, from 0 for the last one, if the host keeps them.
    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        let _ = position;
        None
    }

    /// A container is gone, removed or replaced: what the host keeps of it, such as its
    /// faults, is to be forgotten. Its id will mean no other.
    fn forget(&mut self, app: AppId) {
        let _ = app;
    }

    /// The SHA-256 digest of an image, if the host computes it.
    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        let _ = image;
        None
    }

    /// What a container must have been granted to call a helper of the
    /// application's, `None` if there is none of that id; from
    /// [`FIRST_APPLICATION_HELPER`] to 0xffff.
    ///
    /// Asked when an image is verified, and not again when it runs. An image
    /// that lists such a helper has to want [`Capabilities::APPLICATION`] as
    /// well.
    ///
    /// [`FIRST_APPLICATION_HELPER`]: rbpf_abi::helpers::FIRST_APPLICATION_HELPER
    fn application_helper(&self, id: u32) -> Option<Capabilities> {
        let _ = id;
        None
    }

    /// Calls a helper of the application's and returns its result, which
    /// becomes r0.
    ///
    /// The arguments are what the guest has in its registers. Guest addresses
    /// among them reach memory only through `memory`. A helper that takes
    /// long sets `call.cost`; see [`HelperCall`].
    ///
    /// # Errors
    ///
    /// A fault, which ends the run; `call.address` says what it is about. What
    /// the guest can handle is a result.
    fn call_application_helper(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let _ = (call, memory);
        Err(FaultKind::UnknownHelper)
    }
}
