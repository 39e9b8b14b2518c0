// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a workstation offers to containers: its clock, its random numbers,
//! simulated sensors and pins, requests to others, SenML, and a log.
//!
//! [`WorkstationServices`] is the real one. [`Recorder`] and [`FaultInjector`]
//! wrap any other, for tests.

use std::num::NonZeroU16;
use std::time::Instant;

use rbpf_abi::Errno;
use rbpf_abi::context::Phydat;
use rbpf_runtime::{
    AppId, CoapRequest, FaultEntry, FaultLog, FaultReport, Pin, Remote, Sensor, Services,
};
use sha2::{Digest as _, Sha256};

use crate::Remotes;
use crate::config::{PinConfig, SensorConfig};

mod changes;
mod fault_injector;
mod interruptions;
mod log;
mod pins;
mod recorder;
mod senml;
mod simulation;

pub(crate) use changes::Bindings;
pub use changes::Changes;
pub use fault_injector::{FaultInjector, Faults};
use interruptions::Interruptions;
pub use log::Log;
use pins::SimulatedPin;
pub use recorder::{Call, Recorder, Recording};
use simulation::SimulatedSensor;

/// The class that every device is in, for searches.
const CLASS_ANY: u8 = 0xff;
/// The classes that every actuator and every sensor is in, for searches.
const CATEGORIES: [u8; 2] = [0x40, 0x80];

/// Faults that are kept.
const FAULTS: usize = 16;

/// The services of a workstation.
#[derive(Debug)]
pub struct WorkstationServices {
    start: Instant,
    /// Numbers that nobody has drawn: asking the system for each would take as long as
    /// some hundred instructions.
    random: Vec<u32>,
    sensors: Vec<SimulatedSensor>,
    pins: Vec<SimulatedPin>,
    remotes: Option<Remotes>,
    log: Log,
    changes: Option<Changes>,
    faults: FaultLog<FAULTS>,
    /// What others had taken of the processor when the helper began that is measured.
    interruptions: Interruptions,
}

impl WorkstationServices {
    /// Services with these simulated devices; their time begins now.
    ///
    /// Handles are 16 bits wide: devices from the 65536th on cannot be found.
    #[must_use]
    pub fn new(sensors: &[SensorConfig], log: Log) -> Self {
        Self {
            start: Instant::now(),
            random: Vec::new(),
            sensors: sensors.iter().map(SimulatedSensor::new).collect(),
            pins: Vec::new(),
            remotes: None,
            log,
            changes: None,
            faults: FaultLog::new(),
            interruptions: Interruptions::now(),
        }
    }

    /// The same with these simulated pins.
    ///
    /// Indices are 16 bits wide: pins from the 65537th on cannot be found.
    #[must_use]
    pub fn with_pins(self, pins: &[PinConfig]) -> Self {
        let pins = pins.iter().map(SimulatedPin::new).collect();
        Self { pins, ..self }
    }

    /// The same, which tell of changes that containers have observers told of.
    #[must_use]
    pub fn with_changes(self, changes: &Changes) -> Self {
        let changes = Some(changes.clone());
        Self { changes, ..self }
    }

    /// The same with these remotes; without, containers cannot make requests.
    ///
    /// Indices are 16 bits wide, as those of pins.
    #[must_use]
    pub fn with_remotes(self, remotes: &Remotes) -> Self {
        let remotes = Some(remotes.clone());
        Self { remotes, ..self }
    }

    /// The device behind a handle; a handle is its position, counted from 1.
    fn sensor(&mut self, sensor: Sensor) -> Result<&mut SimulatedSensor, Errno> {
        self.sensors
            .get_mut(usize::from(sensor.0.get()) - 1)
            .ok_or(Errno::NoDevice)
    }

    /// The pin at an index.
    fn pin(&mut self, pin: Pin) -> Result<&mut SimulatedPin, Errno> {
        self.pins.get_mut(usize::from(pin.0)).ok_or(Errno::NoDevice)
    }
}

/// The handle of the device at a position.
fn handle(position: usize) -> Option<Sensor> {
    let number = u16::try_from(position.checked_add(1)?).ok()?;
    NonZeroU16::new(number).map(Sensor)
}

impl Services for WorkstationServices {
    const WRITES_SENML: bool = true;
    const HAS_CLIENT: bool = true;
    /// Some 2.5 ns an instruction.
    const SPEED: u32 = 400_000;

    fn begin_us(&mut self) -> u32 {
        self.interruptions = Interruptions::now();
        self.now_us()
    }

    fn elapsed_us(&mut self, begun: u32) -> u32 {
        let elapsed = self.now_us().wrapping_sub(begun);
        let had = self.interruptions.since();
        had.map_or(elapsed, |had| elapsed.min(had))
    }

    fn forget(&mut self, app: AppId) {
        self.faults.forget(app);
    }

    fn now_ms(&mut self) -> u32 {
        // The interface wraps; so does the cast.
        self.start.elapsed().as_millis() as u32
    }

    fn now_us(&mut self) -> u32 {
        self.start.elapsed().as_micros() as u32
    }

    fn random(&mut self) -> u32 {
        if self.random.is_empty() {
            let mut bytes = [0; 256];
            // Fails only on systems that have no source of random numbers at all;
            // there is no error that a guest could be given.
            let _ = getrandom::fill(&mut bytes);
            let (words, _) = bytes.as_chunks();
            self.random
                .extend(words.iter().copied().map(u32::from_ne_bytes));
        }
        self.random.pop().unwrap_or_default()
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        self.log.write(container, text)
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        let position = usize::try_from(position).ok()?;
        self.sensors.get(position).and_then(|_| handle(position))
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        let matches = |candidate: u8| {
            candidate == class
                || class == CLASS_ANY
                || (CATEGORIES.contains(&class) && candidate & 0xc0 == class)
        };
        self.sensors
            .iter()
            .position(|sensor| matches(sensor.class()))
            .and_then(handle)
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        let seconds = self.start.elapsed().as_secs();
        Ok(self.sensor(sensor)?.read(seconds))
    }

    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        self.sensor(sensor)?.write(value)
    }

    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        let mut pins = (0..=u16::MAX).zip(&self.pins);
        pins.find(|(_, pin)| pin.name().as_bytes() == name)
            .map(|(index, _)| Pin(index))
            .ok_or(Errno::NoDevice)
    }

    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        // 64 bits of milliseconds do not wrap.
        let now_ms = self.start.elapsed().as_millis() as u64;
        Ok(self.pin(pin)?.read(now_ms))
    }

    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        self.pin(pin)?.write(high)
    }

    fn senml(
        &mut self,
        out: &mut [u8],
        name: &str,
        value: &Phydat,
        dimensions: u8,
    ) -> Result<usize, Errno> {
        // Nothing else can go wrong.
        senml::write(out, name, value, dimensions).map_err(|_| Errno::NoSpace)
    }

    fn coap_changed(&mut self, app: AppId) -> Result<(), Errno> {
        let changes = self.changes.as_ref().ok_or(Errno::NotSupported)?;
        changes.change(app);
        Ok(())
    }

    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        let remotes = self.remotes.as_ref().ok_or(Errno::NotSupported)?;
        remotes.find(name)
    }

    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        let remotes = self.remotes.as_ref().ok_or(Errno::NotSupported)?;
        remotes.request(app, remote, request)
    }

    fn faulted(&mut self, report: &FaultReport<'_>) {
        let now = self.now_ms();
        self.faults.push(report, now);
    }

    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.faults.get(position)
    }

    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        Some(Sha256::digest(image).into())
    }
}

#[cfg(test)]
mod tests;
