// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime and its memory, as the device's thread owns them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rbpf_abi::Capabilities;
use rbpf_device::{Host, Operation, Status, work};
use rbpf_runtime::{Memory, Packet, Runtime, Services, Verdict};

use super::packets::{self, Datagram, Figures, Watched};
use super::{ApplicationStatus, DeviceError, DeviceSettings, IMAGE, Job, Staged, lock};
use crate::config::{ApplicationConfig, Methods};

/// Applications that a device holds.
pub const MAX_APPLICATIONS: usize = 32;
/// Instructions for one event, where the configuration does not say:
/// some tens of milliseconds.
pub const DEFAULT_BUDGET: u32 = 1_000_000;
/// Faults in a row after which an application is quarantined, where the
/// configuration does not say.
pub const DEFAULT_FAULT_LIMIT: u8 = 10;

/// Key-value entries that an application may own.
pub const KV_SHARE: usize = 64;
/// Bytes for a response; on most devices a few hundred.
pub const MAX_RESPONSE: usize = 4096;

/// Key-value entries: an equal share for each application, and for the host.
const KV: usize = KV_SHARE * (MAX_APPLICATIONS + 1);
/// Bytes that aligning an image may take.
const ALIGNMENT: usize = 8;
/// Bytes of the stack that containers share. That of most devices is 512.
const STACK: usize = 4096;
/// Bytes for the data and bss of the container that runs.
const DATA: usize = 64 * 1024;

/// What the runtime works in.
pub(super) struct Buffers {
    images: Vec<Vec<u8>>,
    stack: Vec<u8>,
    data: Vec<u8>,
    response: Vec<u8>,
}

impl Buffers {
    pub(super) fn new(response: usize) -> Self {
        Self {
            images: vec![vec![0; IMAGE + ALIGNMENT]; MAX_APPLICATIONS],
            stack: vec![0; STACK],
            data: vec![0; DATA],
            response: vec![0; response.min(MAX_RESPONSE)],
        }
    }

    pub(super) fn lend(&mut self) -> Memory<'_, MAX_APPLICATIONS> {
        let mut images = self.images.iter_mut();
        Memory {
            // There are as many as slots.
            images: std::array::from_fn(|_| {
                images.next().map(Vec::as_mut_slice).unwrap_or_default()
            }),
            stack: &mut self.stack,
            data: &mut self.data,
            response: &mut self.response,
        }
    }
}

/// What the configuration says about a bound path.
#[derive(Clone, Copy)]
struct Route {
    methods: Methods,
    budget: u32,
}

/// The runtime, its applications and paths.
pub(super) struct Worker<'m, S> {
    runtime: Runtime<'m, S, MAX_APPLICATIONS, MAX_APPLICATIONS, KV>,
    routes: BTreeMap<String, Route>,
    /// Instructions for one event, where no route says.
    budget: u32,
    staged: Staged,
    watched: Arc<Watched>,
    packets: Figures,
}

impl<'m, S: Services> Worker<'m, S> {
    pub(super) fn new(
        services: S,
        memory: Memory<'m, MAX_APPLICATIONS>,
        settings: &DeviceSettings,
        staged: Staged,
        watched: Arc<Watched>,
    ) -> Result<Self, DeviceError> {
        let mut worker = Self {
            runtime: Runtime::new(services, memory),
            routes: BTreeMap::new(),
            budget: settings.budget,
            staged,
            watched,
            packets: Figures::default(),
        };
        worker.runtime.set_rate(settings.rate);
        worker.runtime.set_fault_limit(settings.fault_limit);
        for application in &settings.applications {
            worker.install(application)?;
        }
        worker.publish();
        Ok(worker)
    }

    fn install(&mut self, application: &ApplicationConfig) -> Result<(), DeviceError> {
        let ApplicationConfig { name, image, .. } = application;
        let bytes = std::fs::read(image).map_err(|error| DeviceError::Read {
            name: name.clone(),
            image: image.clone(),
            error,
        })?;
        let app = self
            .runtime
            .install(name, &bytes, application.allow)
            .map_err(|error| DeviceError::Install {
                name: name.clone(),
                image: image.clone(),
                error,
            })?;
        let bind_error = |target: &str, error| DeviceError::Bind {
            name: name.clone(),
            path: target.to_owned(),
            error,
        };
        if let Some(period) = application.every {
            let target = format!("every:{period}");
            self.runtime
                .bind(&target, app)
                .map_err(|error| bind_error(&target, error))?;
        }
        let Some(path) = &application.coap else {
            return Ok(());
        };
        self.runtime
            .bind(path, app)
            .map_err(|error| bind_error(path, error))?;
        let route = Route {
            methods: application.methods,
            budget: application.budget,
        };
        self.routes.insert(path.clone(), route);
        Ok(())
    }

    /// Does a job; a request as the configuration says for its path.
    pub(super) fn work(&mut self, job: &mut Job) {
        let mut budget = self.budget;
        if job.operation() == Operation::Coap
            && let Some(route) = self.routes.get(job.target())
        {
            if !route.methods.contains(job.method) {
                job.refuse(Status::Method);
                return;
            }
            budget = route.budget;
        }
        self.runtime.set_budget(budget);
        let mut host = Host {
            staging: &mut *lock(&self.staged),
            // What comes over the network is allowed as a whole, or nothing
            // of it: `unsigned_install`.
            allowed: Capabilities::all(),
            budget,
            hooks: &packets::hook,
            figures: &self.packets.named(),
        };
        work(&mut self.runtime, job, &mut host);
        self.publish();
    }

    /// Tells who handles datagrams what is bound.
    fn publish(&self) {
        self.watched.publish(|name| {
            let mut bindings = self.runtime.bindings();
            bindings.any(|(target, _)| target == name)
        });
    }

    /// Has the containers judge a datagram that want to see it.
    pub(super) fn judge(&mut self, datagram: &Datagram) -> Verdict {
        let Datagram { hook, bytes } = datagram;
        let packet = Packet {
            hook: *hook,
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            interface: 0,
            data: bytes.get(..packets::SEEN).unwrap_or(bytes),
        };
        let verdict = self.runtime.judge(&packet, packets::BUDGET);
        self.packets.count(*hook, verdict);
        verdict
    }

    /// Runs an application whose timer is due, if one is. How long there is
    /// until the next is; `None` if there are no timers.
    pub(super) fn run_timer(&mut self) -> Option<Duration> {
        self.runtime.set_budget(self.budget);
        self.runtime.run_timer();
        let left = self.runtime.next_timer()?;
        Some(Duration::from_millis(left.into()))
    }

    /// The applications, by slot.
    pub(super) fn applications(&self) -> Vec<ApplicationStatus> {
        self.runtime
            .apps()
            .map(|info| ApplicationStatus {
                name: info.name.to_owned(),
                path: self
                    .runtime
                    .bindings()
                    .find(|&(target, app)| app == info.id && target.starts_with('/'))
                    .map(|(path, _)| path.to_owned()),
                size: info.size,
                granted: info.granted,
                counters: info.counters,
                last_fault: info.last_fault,
            })
            .collect()
    }
}
