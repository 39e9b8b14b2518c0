// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime and its memory, as the device's thread owns them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rbpf_abi::Capabilities;
use rbpf_device::{Host, Leases, Operation, Status, work};
use rbpf_runtime::{Hook, MAX_PAUSED_CONTEXT, Memory, Packet, Runtime, Services, Verdict};
use rbpf_vm::Interpreter;

use super::packets::{self, Datagram, Figures, Watched};
use super::sources::Sources;
use super::{ApplicationStatus, DeviceError, DeviceSettings, IMAGE, Job, Staged, lock};
use crate::config::{ApplicationConfig, Methods, TenantConfig};
use crate::remotes::{MAX_ANSWER_SIZE, Remotes};
use crate::services::{Changes, Log};

/// Applications that a device holds.
pub const MAX_APPLICATIONS: usize = 32;
/// Instructions for one event, where the configuration does not say:
/// some tens of milliseconds.
pub const DEFAULT_BUDGET: u32 = 1_000_000;
/// Faults in a row after which an application is quarantined, where the
/// configuration does not say.
pub const DEFAULT_FAULT_LIMIT: u8 = 10;
/// Bytes of what applications print that are kept, where the configuration does
/// not say.
pub const DEFAULT_LOG_SIZE: u32 = 4096;
/// The most that are kept.
pub const MAX_LOG_SIZE: u32 = 65_536;

/// Tenants that a device has.
pub const MAX_TENANTS: usize = 16;
/// Paths, timers and hooks that applications are bound to.
pub const MAX_BINDINGS: usize = 64;
/// Key-value entries that all applications together may own.
pub const MAX_VALUES: usize = KV_SHARE * MAX_APPLICATIONS;

/// What runs once, when all applications are installed.
const BOOT: &str = "boot";

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
/// Runs that may be paused at a time, tenants' and others'.
pub const MAX_PAUSED: usize = 2 * MAX_TENANTS;
/// Bytes for what they have.
const PAUSE_MEMORY: usize = MAX_PAUSED * (STACK + DATA + MAX_PAUSED_CONTEXT);

/// Hooks that every device has.
const COMMON: usize = 1 + packets::HOOKS.len();

/// The hook at a position, from 0, of those that every device has.
fn common_hook<'h>(position: usize) -> Option<Hook<'h>> {
    match position.checked_sub(1) {
        None => Some(Hook::new(BOOT).posted()),
        Some(position) => packets::hook(position),
    }
}

/// The hook at a position, from 0.
fn hook(sources: &Sources, position: usize) -> Option<Hook<'_>> {
    match position.checked_sub(COMMON) {
        None => common_hook(position),
        Some(position) => sources.hook(position),
    }
}

/// The names of the hooks that every device has.
pub fn hook_names() -> impl Iterator<Item = &'static str> {
    (0..).map_while(common_hook).map(|hook| hook.name)
}

/// Those of them that packets come by.
pub fn packet_hook_names() -> impl Iterator<Item = &'static str> {
    (0..).map_while(packets::hook).map(|hook| hook.name)
}

/// What the runtime works in.
pub(super) struct Buffers {
    images: Vec<Vec<u8>>,
    stack: Vec<u8>,
    data: Vec<u8>,
    response: Vec<u8>,
    pause: Vec<u8>,
}

impl Buffers {
    pub(super) fn new(response: usize) -> Self {
        Self {
            images: vec![vec![0; IMAGE + ALIGNMENT]; MAX_APPLICATIONS],
            stack: vec![0; STACK],
            data: vec![0; DATA],
            response: vec![0; response.min(MAX_RESPONSE)],
            pause: vec![0; PAUSE_MEMORY],
        }
    }

    /// The memory of the runtime, and that for paused runs.
    fn lend(&mut self) -> (Memory<'_, MAX_APPLICATIONS>, &mut [u8]) {
        let mut images = self.images.iter_mut();
        let memory = Memory {
            // There are as many as slots.
            images: std::array::from_fn(|_| {
                images.next().map(Vec::as_mut_slice).unwrap_or_default()
            }),
            stack: &mut self.stack,
            data: &mut self.data,
            response: &mut self.response,
        };
        (memory, &mut self.pause)
    }
}

/// What the configuration says about a bound path.
#[derive(Clone, Copy)]
struct Route {
    methods: Methods,
    budget: u32,
}

impl Route {
    /// The same, for a further application on that path.
    fn or(self, other: Self) -> Self {
        Self {
            methods: self.methods.or(other.methods),
            budget: self.budget.max(other.budget),
        }
    }
}

/// The runtime, its applications and paths.
pub(super) struct Worker<'m, S> {
    runtime:
        Runtime<'m, S, MAX_APPLICATIONS, MAX_BINDINGS, KV, Interpreter, MAX_TENANTS, MAX_PAUSED>,
    routes: BTreeMap<String, Route>,
    /// Instructions for one event, where no route says.
    budget: u32,
    staged: Staged,
    leases: Leases<MAX_APPLICATIONS>,
    watched: Arc<Watched>,
    changes: Changes,
    packets: Figures,
    log: Log,
    sources: Sources,
    remotes: Remotes,
    /// The runtime's revision that others know of.
    settled: Option<u32>,
}

impl<'m, S: Services> Worker<'m, S> {
    pub(super) fn new(
        services: S,
        buffers: &'m mut Buffers,
        settings: &DeviceSettings,
        staged: Staged,
        watched: Arc<Watched>,
        log: Log,
    ) -> Result<Self, DeviceError> {
        let (memory, pause) = buffers.lend();
        let mut worker = Self {
            runtime: Runtime::new(services, memory),
            routes: BTreeMap::new(),
            budget: settings.budget,
            staged,
            leases: Leases::new(),
            watched,
            changes: settings.changes.clone(),
            packets: Figures::default(),
            log,
            sources: Sources::new(settings),
            remotes: settings.remotes.clone(),
            settled: None,
        };
        worker.runtime.set_pauses(settings.pauses, pause);
        worker.runtime.set_rate(settings.rate);
        worker.runtime.set_fault_limit(settings.fault_limit);
        for TenantConfig { name, allowance } in &settings.tenants {
            let added = worker.runtime.add_tenant(name, *allowance);
            added.map_err(|error| DeviceError::Tenant {
                name: name.clone(),
                error,
            })?;
        }
        for application in &settings.applications {
            worker.install(application)?;
        }
        worker.settle();
        // Counted with the applications.
        worker
            .runtime
            .trigger(&Hook::new(BOOT).posted(), &mut [], &mut [], settings.budget);
        Ok(worker)
    }

    fn install(&mut self, application: &ApplicationConfig) -> Result<(), DeviceError> {
        let ApplicationConfig { name, image, .. } = application;
        let bytes = std::fs::read(image).map_err(|error| DeviceError::Read {
            name: name.clone(),
            image: image.clone(),
            error,
        })?;
        let tenant = application.tenant.as_deref();
        let installed = match tenant.and_then(|tenant| self.runtime.tenant(tenant)) {
            Some(tenant) => self
                .runtime
                .install_for(tenant, name, &bytes, application.allow),
            None => self.runtime.install(name, &bytes, application.allow),
        };
        let app = installed.map_err(|error| DeviceError::Install {
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
        for target in &application.on {
            let mut hooks = (0..).map_while(|position| hook(&self.sources, position));
            let bound = match hooks.find(|hook| hook.name == target) {
                Some(hook) => self.runtime.bind_hook(&hook, app),
                None => self.runtime.bind(target, app),
            };
            bound.map_err(|error| bind_error(target, error))?;
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
        self.routes
            .entry(path.clone())
            .and_modify(|other| *other = other.or(route))
            .or_insert(route);
        Ok(())
    }

    /// Does a job; a request as the configuration says for its path.
    pub(super) fn work(&mut self, job: &mut Job) {
        if matches!(job.operation(), Operation::Log | Operation::LogFrom) {
            self.log.kept(|kept| kept.answer(job));
            return;
        }
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
        let staged = Arc::clone(&self.staged);
        let mut host = Host {
            staging: &mut *lock(&staged),
            leases: &mut self.leases,
            // What comes over the network is allowed as a whole, or nothing
            // of it: `unsigned_install`.
            allowed: Capabilities::all(),
            budget,
            is_reserved: &rbpf_device::is_reserved,
            hooks: &|position| hook(&self.sources, position),
            figures: &self.packets.named(),
        };
        work(&mut self.runtime, job, &mut host);
        self.settle();
    }

    /// After something was bound or is another container: tells who handles datagrams and
    /// observers what is bound, and forgets the leases of containers that are gone.
    fn settle(&mut self) {
        let revision = Some(self.runtime.revision());
        if self.settled == revision {
            return;
        }
        self.settled = revision;
        self.leases.retain(|app| self.runtime.contains(app));
        let bindings = self.runtime.bindings();
        self.changes
            .publish(bindings.filter(|(target, _)| target.starts_with('/')));
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

    /// Removes an application whose lease is over, and runs one whose timer is due,
    /// those that a simulated event is for, one whose request is answered, one that watches
    /// a value which has changed, and one that is paused. How long there is until the
    /// next; `None` if nobody knows.
    pub(super) fn run_due(&mut self) -> Option<Duration> {
        let now = self.runtime.services().now_ms();
        let expired = self.leases.take_expired(now);
        if let Some(app) = expired {
            self.runtime.remove(app);
        }
        self.runtime.set_budget(self.budget);
        self.runtime.run_timer();
        let ran = self.run_event()
            | self.run_answer()
            | self.runtime.run_change()
            | self.runtime.resume();
        self.settle();
        if ran || expired.is_some() {
            return Some(Duration::ZERO);
        }
        let simulated = match self.sources.is_empty() {
            true => None,
            false => self.sources.next(self.runtime.services().now_ms()),
        };
        let due = [self.runtime.next_timer(), self.leases.next(now), simulated];
        let left = due.into_iter().flatten().min()?;
        Some(Duration::from_millis(left.into()))
    }

    /// Runs the applications that are bound to the simulated event that is due;
    /// `false` if there is none.
    fn run_event(&mut self) -> bool {
        if self.sources.is_empty() {
            return false;
        }
        let now = self.runtime.services().now_ms();
        let Some((hook, context)) = self.sources.take(now) else {
            return false;
        };
        let mut memory = context.clone();
        // Counted with the applications.
        self.runtime
            .trigger_copies(&hook, &context, &mut memory, self.budget);
        true
    }

    /// Runs the application whose request has ended, if it listens; `false` if none
    /// has.
    fn run_answer(&mut self) -> bool {
        let mut memory = [0; MAX_ANSWER_SIZE];
        let Some(answer) = self.remotes.take(&mut memory) else {
            return false;
        };
        self.runtime.answer(&answer);
        true
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
                size: info.image.len(),
                granted: info.granted,
                counters: info.counters,
                last_fault: info.last_fault,
            })
            .collect()
    }
}
