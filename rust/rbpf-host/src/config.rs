// SPDX-License-Identifier: MIT OR Apache-2.0
//! The description of a simulated device: `device.toml`.
//!
//! ```toml
//! [coap]
//! listen = ["[::1]:5683", "127.0.0.1:5683"]   # this is the default
//! expose = false              # whether anyone may read values, logs and registers
//! unsigned_install = false    # whether anyone may install, bind and remove
//!
//! [runtime]
//! budget = 1000000            # instructions for one request
//! response_size = 4096        # bytes of the longest response
//! pauses = 0                  # how often a run that nobody waits for may go on
//! rate = 0                    # instructions a second for each application; 0: no limit
//! fault_limit = 10            # faults in a row that lead into quarantine; 0: none does
//! log_size = 4096             # bytes of what applications print that are kept
//! answer_size = 64            # bytes of the answers to their requests
//!
//! [[tenant]]                  # whose applications are kept within this
//! name = "alice"
//! allow = ["sensor", "coap-response", "kv-tenant"]
//! slots = 2                   # applications; bindings, values and rate likewise
//!
//! [[sensor]]
//! name = "thermometer"
//! class = "temp"
//! unit = "degC"
//! scale = -2                  # value times 10^scale
//! kind = "ramp"               # or constant, file, actuator
//! start = 2000
//! step = 5
//! min = 1500
//! max = 3000
//!
//! [[pin]]
//! name = "button"
//! direction = "input"         # or output
//! level = 1                   # 0, if the key is left out
//! changes = [{ at_ms = 500, level = 0 }, { at_ms = 700, level = 1 }]
//!
//! [[event]]                   # whatever else happens
//! hook = "saul:hot"
//! every_ms = 1000             # or at_ms, once
//! context = [1, 0, 0, 0]      # bytes; none, if the key is left out
//!
//! [[remote]]                  # whom applications may make requests to
//! name = "collector"
//! uri = "coap://[::1]:5690"
//! timeout_ms = 93000          # how long an answer may take
//!
//! [[application]]
//! name = "temperature"
//! image = "temperature.rbpf"  # beside this file
//! coap = "/sensor"
//! every = 1000                # and runs each so many milliseconds
//! on = ["boot", "kv:global:7"]   # and on these events
//! allow = ["sensor", "coap-response"]
//! tenant = "alice"            # without, it is the device's own
//! ```
//!
//! [`Config::load`] reads and checks it all, so that a [`Config`] is sound in
//! itself; whether the images are, the runtime says when it installs them.
//! Paths in it are relative to the configuration's own folder. A key that is
//! not known is refused.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rbpf_abi::Capabilities;
use rbpf_runtime::Allowance;

use crate::client::Target;

mod error;
mod event;
mod names;
mod pin;
mod raw;
mod remote;
mod sensor;

pub use error::ConfigError;

/// What the hooks of pins begin with.
pub(crate) const GPIO_PREFIX: &str = "gpio:";
/// What the hooks of sensors begin with.
pub(crate) const SAUL_PREFIX: &str = "saul:";

/// A device, as its file describes it.
#[derive(Clone, Debug)]
pub struct Config {
    /// How it is reached.
    pub coap: CoapConfig,
    /// What containers may use.
    pub runtime: RuntimeConfig,
    /// Whose containers it hosts, beside its own.
    pub tenants: Vec<TenantConfig>,
    /// Its sensors and actuators, in the order of the registry.
    pub sensors: Vec<SensorConfig>,
    /// Its pins, in the order of their indices.
    pub pins: Vec<PinConfig>,
    /// What else happens.
    pub events: Vec<EventConfig>,
    /// Whom containers may make requests to, in the order of their indices.
    pub remotes: Vec<RemoteConfig>,
    /// Its containers.
    pub applications: Vec<ApplicationConfig>,
}

/// `[coap]`: addresses and limits of the server.
#[derive(Clone, Debug)]
pub struct CoapConfig {
    /// `listen`: addresses with ports; port 0 has the system choose one.
    pub listen: Vec<SocketAddr>,
    /// `block_size`: payload of one message, in bytes; a power of two, 16 to 1024.
    pub block_size: usize,
    /// `max_upload`: the longest payload of a request, in bytes, 16 to 65535.
    pub max_upload: usize,
    /// `transfer_timeout`: how long a block-wise transfer may rest.
    pub transfer_timeout: Duration,
    /// `request_timeout`: how long a request waits for the containers before it.
    pub request_timeout: Duration,
    /// `unsigned_install`: whether anyone on the network may install, bind and
    /// remove containers.
    pub unsigned_install: bool,
    /// `expose`: whether anyone on the network may see values, what applications
    /// print, and what was in their registers at a fault.
    pub expose: bool,
}

/// `[runtime]`: what every container may use.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// `budget`: instructions for one event, where the application does not say.
    pub budget: u32,
    /// `response_size`: bytes of the buffer in which a container builds its
    /// response, 64 to 4096.
    pub response_size: usize,
    /// `fault_limit`: faults in a row that put an application in quarantine,
    /// 0 to 255; 0 never does.
    pub fault_limit: u8,
    /// `pauses`: how often a run that nobody waits for may go on where its budget
    /// ends, 0 to 65535; 0 stops it there.
    pub pauses: u16,
    /// `rate`: instructions that an application may take in a second; 0 is no
    /// limit.
    pub rate: u32,
    /// `log_size`: bytes of what applications print that are kept, 0 to 65536; 0
    /// keeps nothing.
    pub log_size: usize,
    /// `answer_size`: bytes of payload that an application gets of the answer to its
    /// request, 0 to 1024.
    pub answer_size: usize,
}

/// `[[tenant]]`: on whose behalf containers may be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantConfig {
    /// Its name.
    pub name: String,
    /// What its containers may have and take; what is not said, they may as
    /// far as the device goes.
    pub allowance: Allowance,
}

/// `[[sensor]]`: a simulated device.
#[derive(Clone, Debug)]
pub struct SensorConfig {
    /// Its name, for people.
    pub name: String,
    /// Its SAUL class.
    pub class: u8,
    /// The unit of its readings.
    pub unit: u8,
    /// Readings are multiplied by ten to the power of this.
    pub scale: i8,
    /// Where its readings come from.
    pub source: Source,
}

/// A reading: one to three dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The dimensions; those that it lacks are 0.
    pub val: [i16; 3],
    /// How many there are, 1 to 3.
    pub dimensions: u8,
}

/// Where the readings of a simulated device come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Always the same.
    Constant(Reading),
    /// From `start` on, a `step` further at each reading or second; starts
    /// again at the other end when it leaves `min` to `max`.
    Ramp(Ramp),
    /// The lines of a file, one after the other, over and over; not empty.
    Lines(Vec<Reading>),
    /// What was written last: the only kind that can be written.
    Actuator(Reading),
}

/// A value that moves.
#[derive(Clone, Copy, Debug)]
pub struct Ramp {
    /// The first reading, `min` to `max`.
    pub start: i16,
    /// What is added.
    pub step: i16,
    /// The lowest reading.
    pub min: i16,
    /// The highest reading.
    pub max: i16,
    /// Whether it moves once a second rather than once a reading.
    pub per_second: bool,
}

/// `[[pin]]`: a simulated pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinConfig {
    /// The name that containers find it by, 1 to 27 visible characters of ASCII.
    pub name: String,
    /// Who decides on its level.
    pub direction: Direction,
    /// `level`: whether it is high at first.
    pub high: bool,
    /// `changes` of an input, in the order of their times.
    pub changes: Vec<PinChange>,
}

/// Who decides on the level of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The world: containers only read it.
    Input,
    /// Containers, which can read it, too.
    Output,
}

/// What the world does to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinChange {
    /// When: milliseconds since the device's start, up to 1073741823.
    pub at_ms: u32,
    /// `level`: whether it is high from then on.
    pub high: bool,
}

/// `[[event]]`: a simulated source of events.
///
/// Its hook is one of the device's, or a further one. That of a pin or sensor
/// (`gpio:NAME`, `saul:NAME`) needs the same right as on a microcontroller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventConfig {
    /// The hook: 1 to 32 visible characters of ASCII; no path, timer, value or
    /// packet.
    pub hook: String,
    /// `at_ms` or `every_ms`.
    pub when: When,
    /// The context that containers get a copy of, up to 1024 bytes.
    pub context: Vec<u8>,
}

/// When an event happens, in milliseconds since the device's start, up to
/// 1073741823.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, at that time.
    Once(u32),
    /// Each so many milliseconds, from 1 on; for the first time after as many.
    Every(u32),
}

/// `[[remote]]`: whom containers may make requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteConfig {
    /// The name that containers find it by, 1 to 32 visible characters of ASCII.
    pub name: String,
    /// `uri`: its address, without a path. Names are resolved at each request.
    pub target: Target,
    /// `timeout_ms`: how long an answer may take, 1 to 3600000 ms; the default is
    /// that of RFC 7252, section 4.8.2.
    pub timeout: Duration,
}

/// `[[application]]`: a container.
#[derive(Clone, Debug)]
pub struct ApplicationConfig {
    /// Its name.
    pub name: String,
    /// Its image's file.
    pub image: PathBuf,
    /// The path that it answers on, if any; begins with `/`. Several of one tenant,
    /// or of none, may answer there, in their order.
    pub coap: Option<String>,
    /// The methods that are answered on its path; others get 4.05. Of several
    /// applications there, those of all.
    pub methods: Methods,
    /// `every`: milliseconds from one run by its timer to the next, if it has
    /// one.
    pub every: Option<u32>,
    /// `on`: further events that it runs on: `boot`, values, timers, `answer`,
    /// `gpio:NAME` of an input, hooks of events.
    pub on: Vec<String>,
    /// What it may be granted.
    pub allow: Capabilities,
    /// Whose it is, if it has a tenant: a name of one of [`Config::tenants`].
    pub tenant: Option<String>,
    /// Instructions for one request. On a path of several applications, the most of
    /// them.
    pub budget: u32,
}

/// A set of CoAP methods, by their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// The names of the methods, in the order of their codes, which count from 1.
    pub const NAMES: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];
    /// Every method.
    pub const ALL: Self = Self(0b1111_1110);
    /// GET alone.
    pub const GET: Self = Self(1 << 1);

    /// The name of a method, or `?`.
    #[must_use]
    pub fn name(code: u8) -> &'static str {
        usize::from(code)
            .checked_sub(1)
            .and_then(|index| Self::NAMES.get(index))
            .copied()
            .unwrap_or("?")
    }

    /// Whether the method of this code is one of them.
    #[must_use]
    pub const fn contains(self, code: u8) -> bool {
        code < 8 && self.0 & (1 << code) != 0
    }

    /// What is in one of them.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set of methods with these names; the first name that is none.
    fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        names.into_iter().try_fold(Self(0), |set, name| {
            let index = Self::NAMES
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name))
                .ok_or(name)?;
            Ok(Self(set.0 | 1 << (index + 1)))
        })
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The first thing that is wrong in it, or in a file of readings that it names.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            ConfigError::whole(
                file,
                format!("cannot be read: {error}; give the path of a device description"),
            )
        })?;
        Self::parse(file, &text)
    }

    /// Checks a text; `file` is where it stands, for messages and relative paths.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        raw::parse(file, text)
    }
}

#[cfg(test)]
mod tests;
