// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers are served with on RIOT: ztimer, random, the console,
//! SAUL, pins, gcoap as a client, SenML.
//!
//! Numbers of the interface to containers (classes, units, errors) and of
//! RIOT are translated by name, although they agree today: the compiler makes
//! nothing of equal ones.

#[cfg(feature = "senml")]
use core::ffi::CStr;

use heapless::String;
use rbpf_abi::Capabilities;
#[cfg(any(
    feature = "client",
    feature = "gpio",
    feature = "observe",
    feature = "saul"
))]
use rbpf_abi::Errno;
#[cfg(feature = "saul")]
use rbpf_abi::context::Phydat;
use rbpf_device::{LogRing, escape};
use rbpf_runtime::AppId;
#[cfg(feature = "senml")]
use rbpf_runtime::MAX_SENML_NAME;
#[cfg(feature = "gpio")]
use rbpf_runtime::Pin;
#[cfg(feature = "saul")]
use rbpf_runtime::Sensor;
#[cfg(feature = "client")]
use rbpf_runtime::{CoapRequest, Remote};
use rbpf_runtime::{FaultEntry, FaultLog, FaultReport, MAX_NAME, Services};
use rbpf_vm::{FaultKind, HelperCall, MemoryMap};

#[cfg(feature = "client")]
use crate::client;
use crate::config::{self, LOG_SIZE};
#[cfg(feature = "gpio")]
use crate::gpio;
use crate::queue::Job;
use crate::{helpers, sys};

#[cfg(feature = "saul")]
pub(crate) use saul::reading;

/// What containers have printed last. Only the worker writes to it.
static LOG: sys::Lock<LogRing<[u8; LOG_SIZE as usize]>> =
    sys::Lock::new(LogRing::new([0; LOG_SIZE as usize]));

/// Whether it is kept.
pub(crate) const HAS_LOG: bool = LOG_SIZE != 0;

/// Writes to the console, and keeps it.
fn log(bytes: &[u8]) {
    sys::write(bytes);
    if HAS_LOG {
        LOG.with(|kept| kept.push(bytes));
    }
}

/// Does a job that asks for what containers have printed.
pub(crate) fn answer_log(job: &mut Job) {
    LOG.with(|kept| kept.answer(job));
}

/// The services of this device.
#[derive(Debug)]
pub(crate) struct RiotServices {
    /// The container that has written a part of a line; empty if none has.
    line: String<MAX_NAME>,
    faults: &'static mut Faults,
    /// What others had taken of the processor when the helper began that is measured.
    interruptions: sys::Interruptions,
}

/// The last faults.
pub(crate) type Faults = FaultLog<{ config::FAULT_LOG as usize }>;

impl RiotServices {
    /// The services, and where they keep faults.
    pub(crate) fn new(faults: &'static mut Faults) -> Self {
        Self {
            line: String::new(),
            faults,
            interruptions: sys::Interruptions::now(),
        }
    }

    /// Ends a line that a container left unfinished.
    pub(crate) fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.line.clear();
            log(b"\n");
        }
    }
}

impl Services for RiotServices {
    const WRITES_SENML: bool = cfg!(feature = "senml");
    const HAS_CLIENT: bool = cfg!(feature = "client");
    const SPEED: u32 = match (config::SPEED, cfg!(target_os = "linux")) {
        (0, false) => 1800,
        (0, true) => 150_000,
        (speed, _) => speed,
    };

    fn begin_us(&mut self) -> u32 {
        // First what the clock is corrected by: who is interrupted between the two has had
        // less of the time that is measured, and not more.
        self.interruptions = sys::Interruptions::now();
        sys::now_us()
    }

    fn elapsed_us(&mut self, begun: u32) -> u32 {
        let elapsed = sys::now_us().wrapping_sub(begun);
        self.interruptions.without(elapsed)
    }

    fn now_ms(&mut self) -> u32 {
        sys::now_ms()
    }

    fn now_us(&mut self) -> u32 {
        sys::now_us()
    }

    fn random(&mut self) -> u32 {
        sys::random()
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        let mut written = 0;
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            if self.line != container {
                // A hook's containers run one after the other.
                self.end_line();
                log(container.as_bytes());
                log(b": ");
                written += container.len() + ": \n".len();
                // Names are no longer.
                let _ = self.line.push_str(container);
            }
            let (piece, ends) = match piece {
                [piece @ .., b'\n'] => (piece, true),
                piece => (piece, false),
            };
            escape(piece, &mut |bytes| {
                written += bytes.len();
                log(bytes);
            });
            if ends {
                self.end_line();
            }
        }
        written
    }

    fn faulted(&mut self, report: &FaultReport<'_>) {
        // Asking for the time is not free.
        if config::FAULT_LOG > 0 {
            self.faults.push(report, sys::now_ms());
        }
    }

    fn forget(&mut self, app: AppId) {
        self.faults.forget(app);
    }

    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.faults.get(position)
    }

    #[cfg(feature = "observe")]
    fn coap_changed(&mut self, app: AppId) -> Result<(), Errno> {
        crate::gcoap::observe::change(app);
        Ok(())
    }

    #[cfg(feature = "digest")]
    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        Some(sys::sha256(image))
    }

    fn application_helper(&self, id: u32) -> Option<Capabilities> {
        helpers::capability(id)
    }

    fn call_application_helper(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        helpers::call(call, memory)
    }

    #[cfg(feature = "client")]
    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        client::find(name)
    }

    #[cfg(feature = "client")]
    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        client::request(app, remote, request)
    }

    #[cfg(feature = "gpio")]
    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        gpio::find(name)
    }

    #[cfg(feature = "gpio")]
    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        gpio::read(pin)
    }

    #[cfg(feature = "gpio")]
    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        gpio::write(pin, high)
    }

    #[cfg(feature = "saul")]
    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        saul::find_nth(position)
    }

    #[cfg(feature = "saul")]
    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        saul::find_type(class)
    }

    #[cfg(feature = "saul")]
    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        saul::read(sensor)
    }

    #[cfg(feature = "saul")]
    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        saul::write(sensor, value)
    }

    #[cfg(feature = "senml")]
    fn senml(
        &mut self,
        out: &mut [u8],
        name: &str,
        value: &Phydat,
        dimensions: u8,
    ) -> Result<usize, Errno> {
        let mut text = [0; MAX_SENML_NAME + 1];
        for (to, from) in text.iter_mut().zip(name.bytes().take(MAX_SENML_NAME)) {
            *to = from;
        }
        let name = CStr::from_bytes_until_nul(&text).map_err(|_| Errno::Invalid)?;
        let length = sys::senml(out, name, &saul::to_riot(value), dimensions);
        Some(length)
            .filter(|&length| length <= out.len())
            .ok_or(Errno::NoSpace)
    }
}

/// Devices by handle: the position in the registry and 1.
#[cfg(feature = "saul")]
mod saul {
    use core::num::NonZeroU16;

    use rbpf_abi::Errno;
    use rbpf_abi::context::{Phydat, constants};
    use rbpf_runtime::Sensor;

    use crate::sys::saul::Device;

    macro_rules! classes {
        ($($name:ident)*) => {
            /// RIOT's classes, whatever type its enumeration has on this board.
            mod class {
                $(pub(super) const $name: u32 = riot_sys::$name as u32;)*
            }

            /// A class of RIOT as containers know it; others are undefined.
            fn class_to_guest(class: u8) -> u8 {
                match u32::from(class) {
                    $(class::$name => constants::$name as u8,)*
                    _ => constants::SAUL_CLASS_UNDEF as u8,
                }
            }
        };
    }

    classes! {
        SAUL_ACT_LED_RGB SAUL_ACT_SERVO SAUL_ACT_MOTOR SAUL_ACT_SWITCH SAUL_ACT_DIMMER
        SAUL_ACT_VOLTAGE SAUL_ACT_CURRENT
        SAUL_SENSE_BTN SAUL_SENSE_TEMP SAUL_SENSE_HUM SAUL_SENSE_LIGHT SAUL_SENSE_ACCEL
        SAUL_SENSE_MAG SAUL_SENSE_GYRO SAUL_SENSE_COLOR SAUL_SENSE_PRESS SAUL_SENSE_ANALOG
        SAUL_SENSE_UV SAUL_SENSE_OBJTEMP SAUL_SENSE_COUNT SAUL_SENSE_DISTANCE SAUL_SENSE_CO2
        SAUL_SENSE_TVOC SAUL_SENSE_GAS SAUL_SENSE_OCCUP SAUL_SENSE_PROXIMITY SAUL_SENSE_RSSI
        SAUL_SENSE_CHARGE SAUL_SENSE_CURRENT SAUL_SENSE_PM SAUL_SENSE_CAPACITANCE
        SAUL_SENSE_VOLTAGE SAUL_SENSE_PH SAUL_SENSE_POWER SAUL_SENSE_SIZE
    }

    macro_rules! units {
        ($($name:ident)*) => {
            /// RIOT's units.
            mod unit {
                $(pub(super) const $name: u32 = riot_sys::$name as u32;)*
            }

            /// A unit of RIOT as containers know it; others are undefined.
            fn unit_to_guest(unit: u8) -> u8 {
                match u32::from(unit) {
                    $(unit::$name => constants::$name as u8,)*
                    _ => constants::UNIT_UNDEF as u8,
                }
            }

            /// A unit of a container as RIOT knows it.
            fn unit_to_riot(unit: u8) -> u8 {
                match u32::from(unit) {
                    $(constants::$name => unit::$name as u8,)*
                    _ => riot_sys::UNIT_UNDEF as u8,
                }
            }
        };
    }

    units! {
        UNIT_NONE UNIT_TEMP_C UNIT_TEMP_F UNIT_TEMP_K UNIT_LUX UNIT_M UNIT_M2 UNIT_M3
        UNIT_G_FORCE UNIT_DPS UNIT_GRAM UNIT_A UNIT_V UNIT_W UNIT_GAUSS UNIT_T UNIT_DBM
        UNIT_COULOMB UNIT_F UNIT_OHM UNIT_PH UNIT_BAR UNIT_PA UNIT_CD UNIT_BOOL UNIT_CTS
        UNIT_PERCENT UNIT_PERMILL UNIT_PPM UNIT_PPB UNIT_TIME UNIT_DATE UNIT_GPM3 UNIT_CPM3
    }

    /// Whether a class that a container asks for covers a device's.
    fn covers(wanted: u8, class: u8) -> bool {
        const CATEGORY: u8 = 0xc0;
        match u32::from(wanted) {
            constants::SAUL_CLASS_ANY => true,
            constants::SAUL_ACT_ANY | constants::SAUL_SENSE_ANY => class & CATEGORY == wanted,
            _ => class == wanted,
        }
    }

    fn handle(position: u16) -> Option<Sensor> {
        NonZeroU16::MIN.checked_add(position).map(Sensor)
    }

    fn device(sensor: Sensor) -> Result<Device, Errno> {
        Device::nth(sensor.0.get() - 1).ok_or(Errno::NoDevice)
    }

    pub(super) fn find_nth(position: u32) -> Option<Sensor> {
        let position = u16::try_from(position).ok()?;
        Device::nth(position)?;
        handle(position)
    }

    pub(super) fn find_type(wanted: u8) -> Option<Sensor> {
        (0..u16::MAX)
            .map_while(|position| Some((position, Device::nth(position)?)))
            .find(|(_, device)| covers(wanted, class_to_guest(device.class())))
            .and_then(|(position, _)| handle(position))
    }

    pub(super) fn read(sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        let mut value = riot_sys::phydat_t::default();
        let dimensions = dimensions(device(sensor)?.read(&mut value))?;
        Ok((reading(&value, dimensions), dimensions))
    }

    /// A value of so many dimensions as containers know it. Inlined, since most
    /// firmwares have but one use of it.
    #[inline(always)]
    pub(crate) fn reading(value: &riot_sys::phydat_t, dimensions: u8) -> Phydat {
        let [x, y, z] = value.val;
        let known = |dimension: i16, number| match number <= dimensions {
            true => dimension.into(),
            false => 0.into(),
        };
        Phydat {
            val: [known(x, 1), known(y, 2), known(z, 3)],
            unit: unit_to_guest(value.unit),
            scale: value.scale,
        }
    }

    pub(super) fn write(sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        dimensions(device(sensor)?.write(&mut to_riot(value)))
    }

    /// A container's value as RIOT knows it.
    pub(super) fn to_riot(value: &Phydat) -> riot_sys::phydat_t {
        riot_sys::phydat_t {
            val: value.val.map(|dimension| dimension.get()),
            unit: unit_to_riot(value.unit),
            scale: value.scale,
        }
    }

    /// What a driver returned. Its error numbers are the C library's, and
    /// some drivers return numbers that are none.
    fn dimensions(result: i32) -> Result<u8, Errno> {
        if result >= 0 {
            return Ok(u8::try_from(result).map_or(3, |dimensions| dimensions.min(3)));
        }
        Err(match result.unsigned_abs() {
            riot_sys::ENODEV => Errno::NoDevice,
            riot_sys::ENOTSUP => Errno::NotSupported,
            riot_sys::EINVAL => Errno::Invalid,
            riot_sys::EAGAIN => Errno::TryAgain,
            riot_sys::EBUSY => Errno::Busy,
            riot_sys::ERANGE => Errno::Range,
            riot_sys::ETIMEDOUT => Errno::TimedOut,
            riot_sys::ECANCELED => Errno::Canceled,
            _ => Errno::InputOutput,
        })
    }
}
