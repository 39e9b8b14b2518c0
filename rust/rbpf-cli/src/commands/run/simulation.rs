// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device would have around the program: sensors, stores, a log.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use rbpf_host::Config;
use rbpf_host::device::KV_SHARE;
use rbpf_host::services::{Log, WorkstationServices};
use rbpf_runtime::Helpers;

/// The sensors if no description is given.
const BUILT_IN: &str = r#"
[[sensor]]
name = "thermometer"
class = "temp"
unit = "degC"
scale = -2
kind = "constant"
value = [2345]

[[sensor]]
name = "hygrometer"
class = "hum"
unit = "%"
scale = -1
kind = "constant"
value = [481]

[[sensor]]
name = "switch"
class = "switch"
unit = "bool"
kind = "actuator"
"#;

/// A device without transports.
pub(super) struct Simulation {
    /// The helpers, with as many key-value entries as a container has on
    /// `rbpf device`.
    pub(super) helpers: Helpers<WorkstationServices, KV_SHARE>,
    /// What the program prints; to be flushed after each run.
    pub(super) log: Log,
}

impl Simulation {
    /// With the sensors of a device's description, or the built-in ones.
    pub(super) fn new(config: Option<&Path>) -> Result<Self> {
        let config = match config {
            Some(file) => Config::load(file)?,
            None => Config::parse(Path::new("built-in"), BUILT_IN)?,
        };
        let log = Log::new(|_, text| {
            // Without stderr, nobody is there to read it.
            let _ = writeln!(std::io::stderr(), "log: {text}");
        });
        let services =
            WorkstationServices::new(&config.sensors, log.clone()).with_pins(&config.pins);
        Ok(Self {
            helpers: Helpers::new(services),
            log,
        })
    }
}
