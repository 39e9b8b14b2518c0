// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device with containers that are built from their sources as for RIOT.

use std::time::{Duration, Instant};

use rbpf_host::Device;
use rbpf_host::config::Config;
use rbpf_host::device::{DeviceSettings, Reply, Request};
use rbpf_host::services::{Log, Recorder, Recording, WorkstationServices};

use super::{Folder, clang, repository};

/// A device with an example, which its description names.
pub(crate) struct World {
    device: Device,
    /// What its containers have asked for.
    pub(crate) recording: Recording,
    /// With the images.
    pub(crate) folder: Folder,
}

impl World {
    /// With a program of `examples/containers`. `None` if there is no compiler.
    pub(crate) fn start(example: &str, description: &str) -> Option<Self> {
        Self::build(&[&format!("examples/containers/{example}.c")], description)
    }

    /// With images of these sources.
    pub(crate) fn build(sources: &[&str], description: &str) -> Option<Self> {
        if !clang() {
            return None;
        }
        let folder = Folder::new();
        for source in sources {
            let source = repository(source);
            let image = source.with_extension("rbpf");
            let image = image.file_name().expect("a file").to_string_lossy();
            folder.build(&source, &image);
        }
        let file = folder.write("device.toml", description);
        let mut config = Config::load(&file).expect("it is sound");
        // Values are what is looked at.
        config.coap.expose = true;
        let log = Log::new(|_, _| {});
        let services = WorkstationServices::new(&config.sensors, log.clone());
        let settings = DeviceSettings::from(&config);
        let services = services.with_pins(&config.pins);
        let services = Recorder::new(services.with_remotes(&settings.remotes));
        let recording = services.recording();
        let device = Device::start(services, log, settings);
        Some(Self {
            device: device.expect("it starts"),
            recording,
            folder,
        })
    }

    pub(crate) fn request(&self, code: u8, path: &str, payload: impl AsRef<[u8]>) -> Reply {
        self.device.handle().request(&Request {
            code,
            path: path.into(),
            query: vec![],
            accept: None,
            observe: None,
            payload: payload.as_ref().to_vec(),
        })
    }

    /// Code and payload of an answer.
    pub(crate) fn ask(&self, code: u8, path: &str, payload: impl AsRef<[u8]>) -> (u8, String) {
        let reply = self.request(code, path, payload);
        let text = String::from_utf8_lossy(&reply.payload);
        (reply.code, text.into_owned())
    }

    /// Waits until a value of a store is as large as this.
    pub(crate) fn wait(&self, key: &str, value: u32) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self
            .ask(1, key, "")
            .1
            .parse()
            .is_ok_and(|now: u32| now >= value)
        {
            assert!(Instant::now() < deadline, "{key} becomes {value}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
