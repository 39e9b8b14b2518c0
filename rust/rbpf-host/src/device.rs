// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated device: the runtime with its containers, and the thread that
//! owns it.
//!
//! What may be asked of it are `rbpf-device`'s jobs, and its resources those
//! of `rbpf-device`, as on a microcontroller. Jobs arrive over a channel, from
//! any thread, and are done one after the other. A [`DeviceHandle`] always gets
//! a [`Reply`]: if the device is too busy, one that says so. How requests
//! travel is not known here.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coap_handler::Handler;
use coap_message::error::RenderableOnMinimal;
use coap_message::{MessageOption, MinimalWritableMessage, ReadableMessage};
use coap_message_implementations::heap::HeapMessage;
use rbpf_device::coap::{Observation, Proof, Resources};
use rbpf_device::{Fill, Operation, PieceError, Staging, Status};
use rbpf_runtime::{BindError, InstallError, Services, TenantError, Verdict};
use thiserror::Error;

use crate::Remotes;
use crate::config::{ApplicationConfig, Config, EventConfig, PinConfig, TenantConfig};
use crate::services::{Bindings, Changes, Log};

mod packets;
mod sources;
mod status;
mod worker;

pub use status::ApplicationStatus;
use worker::Worker;
pub use worker::{
    DEFAULT_BUDGET, DEFAULT_FAULT_LIMIT, DEFAULT_LOG_SIZE, KV_SHARE, MAX_APPLICATIONS,
    MAX_BINDINGS, MAX_LOG_SIZE, MAX_PAUSED, MAX_RESPONSE, MAX_TENANTS, MAX_VALUES, hook_names,
    packet_hook_names,
};

/// Requests that wait; a further one is told that the device is busy.
const QUEUE: usize = 64;

/// Bytes of the largest answer, and of the largest payload of a request.
const PAGE: usize = 64 * 1024;
/// Bytes of the largest image.
const IMAGE: usize = 128 * 1024;

/// Numbers of CoAP's options.
mod option {
    pub(super) const OBSERVE: u16 = 6;
    pub(super) const URI_PATH: u16 = 11;
    pub(super) const CONTENT_FORMAT: u16 = 12;
    pub(super) const URI_QUERY: u16 = 15;
    pub(super) const ACCEPT: u16 = 17;
}

/// 5.00, for what cannot be said otherwise.
const INTERNAL_SERVER_ERROR: u8 = 0xa0;

/// A job of this device.
type Job = rbpf_device::Job<PAGE>;

/// Where images are put together.
type Staged = Arc<Mutex<Box<Staging<IMAGE>>>>;

/// Locks what threads share. A thread that panicked has left nothing undone
/// there that matters.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request for the device, put together from however many messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method code: 1 GET, 2 POST, 3 PUT, 4 DELETE.
    pub code: u8,
    /// The path, with its leading slash.
    pub path: String,
    /// The options Uri-Query.
    pub query: Vec<Vec<u8>>,
    /// The Content-Format that is wanted, if any.
    pub accept: Option<u16>,
    /// The option Observe: 0 to register, 1 to deregister.
    pub observe: Option<u8>,
    /// The payload.
    pub payload: Vec<u8>,
}

/// What the device answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Response code of CoAP.
    pub code: u8,
    /// Content-Format, if the payload has one.
    pub content_format: Option<u16>,
    /// The payload; for an error that is not a container's own, a short text.
    pub payload: Vec<u8>,
    /// What it means to observers, with the version of a container's path as it was
    /// published before.
    pub observation: Observation,
    /// Instructions that a container executed for it.
    pub instructions: u64,
    /// Time that the device took for it, without waiting.
    pub duration: Duration,
}

#[cfg(test)]
impl Reply {
    /// A reply that nobody has measured.
    pub(crate) fn new(code: u8, content_format: Option<u16>, payload: &[u8]) -> Self {
        Self {
            code,
            content_format,
            payload: payload.to_owned(),
            observation: Observation::Ended,
            instructions: 0,
            duration: Duration::ZERO,
        }
    }
}

/// Why a device does not start.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The runtime refuses a tenant, which the configuration does not.
    #[error("tenant `{name}`: {}", status::tenant_error(*.error))]
    Tenant {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: TenantError,
    },
    /// An image's file cannot be read.
    #[error("application `{name}`: {} cannot be read: {error}", .image.display())]
    Read {
        /// The application.
        name: String,
        /// The file.
        image: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The runtime refuses an image.
    #[error("application `{name}`: {} is not installed: {}", .image.display(), status::install_error(.error))]
    Install {
        /// The application.
        name: String,
        /// The file.
        image: PathBuf,
        /// What is wrong with it.
        error: InstallError,
    },
    /// The runtime refuses a path.
    #[error("application `{name}`: not bound to `{path}`: {}", status::bind_error(*.error))]
    Bind {
        /// The application.
        name: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        error: BindError,
    },
    /// The system gives no thread.
    #[error("no thread for the device: {0}")]
    Thread(std::io::Error),
    /// The device ended while it started: a fault of this program.
    #[error("the device's thread ended while it started")]
    Ended,
}

/// What the worker is asked.
enum Command {
    Job {
        job: Box<Job>,
        /// Nobody waits for the answer after that.
        deadline: Instant,
        /// The answer, and the time that it took.
        reply: SyncSender<(Box<Job>, Duration)>,
    },
    Packet {
        datagram: packets::Datagram,
        /// It has gone on after that.
        deadline: Instant,
        reply: SyncSender<Verdict>,
    },
    Applications(SyncSender<Vec<ApplicationStatus>>),
    /// Look what is due.
    Look,
    Stop,
}

/// What a device is started with.
#[derive(Clone, Debug)]
pub struct DeviceSettings {
    /// Whose containers it hosts, beside its own.
    pub tenants: Vec<TenantConfig>,
    /// Its pins, whose edges are events.
    pub pins: Vec<PinConfig>,
    /// What else happens.
    pub events: Vec<EventConfig>,
    /// Whom containers may make requests to; the services have the same.
    pub remotes: Remotes,
    /// Its containers.
    pub applications: Vec<ApplicationConfig>,
    /// Instructions for one event, where an application does not say.
    pub budget: u32,
    /// Bytes of the buffer in which a container builds its response.
    pub response_size: usize,
    /// Faults in a row that put a container in quarantine; 0 never does.
    pub fault_limit: u8,
    /// How often a run that nobody waits for may be paused.
    pub pauses: u16,
    /// Instructions that a container may take in a second; 0 is no limit.
    pub rate: u32,
    /// Bytes of what containers print that are kept; 0 keeps nothing.
    pub log_size: usize,
    /// What its services tell of changes.
    pub changes: Changes,
    /// How long a request waits for its reply.
    pub timeout: Duration,
    /// Whether anyone who can reach the device may install, bind and remove
    /// containers.
    pub may_change: bool,
    /// Whether anyone who can reach the device may see values, what containers print,
    /// and what was in their registers at a fault.
    pub exposes: bool,
}

impl From<&Config> for DeviceSettings {
    fn from(config: &Config) -> Self {
        Self {
            tenants: config.tenants.clone(),
            pins: config.pins.clone(),
            events: config.events.clone(),
            remotes: Remotes::from(config),
            applications: config.applications.clone(),
            budget: config.runtime.budget,
            response_size: config.runtime.response_size,
            fault_limit: config.runtime.fault_limit,
            pauses: config.runtime.pauses,
            rate: config.runtime.rate,
            log_size: config.runtime.log_size,
            changes: Changes::default(),
            timeout: config.coap.request_timeout,
            may_change: config.coap.unsigned_install,
            exposes: config.coap.expose,
        }
    }
}

/// A running device; it stops when this is dropped.
#[derive(Debug)]
pub struct Device {
    handle: DeviceHandle,
    thread: Option<JoinHandle<()>>,
}

/// A way to the device, for any thread. It outlives the device, and then
/// gets refusals.
#[derive(Clone, Debug)]
pub struct DeviceHandle {
    commands: SyncSender<Command>,
    timeout: Duration,
    staged: Staged,
    may_change: bool,
    exposes: bool,
    /// Which datagrams containers want to see.
    watched: Arc<packets::Watched>,
    changes: Changes,
}

impl Device {
    /// Installs the applications and starts the device.
    ///
    /// Lines of `log` that a container left unfinished are ended after each run.
    ///
    /// # Errors
    /// The first application that cannot be installed.
    pub fn start<S>(services: S, log: Log, settings: DeviceSettings) -> Result<Self, DeviceError>
    where
        S: Services + Send + 'static,
    {
        let (commands, inbox) = mpsc::sync_channel(QUEUE);
        let handle = DeviceHandle {
            commands,
            timeout: settings.timeout,
            staged: Staged::new(Mutex::new(Box::new(Staging::new()))),
            may_change: settings.may_change,
            exposes: settings.exposes,
            watched: Arc::default(),
            changes: settings.changes.clone(),
        };
        log.keep(settings.log_size);
        let commands = handle.commands.clone();
        // With so many commands that there is no room, the thread looks soon.
        settings
            .remotes
            .wake_with(move || drop(commands.try_send(Command::Look)));
        let staged = Arc::clone(&handle.staged);
        let watched = Arc::clone(&handle.watched);
        let (started, start) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("rbpf-device".into())
            .spawn(move || {
                let mut buffers = worker::Buffers::new(settings.response_size);
                match Worker::new(
                    services,
                    &mut buffers,
                    &settings,
                    staged,
                    watched,
                    log.clone(),
                ) {
                    Ok(worker) => {
                        let _ = started.send(Ok(()));
                        run(worker, &log, &inbox);
                    }
                    Err(error) => {
                        let _ = started.send(Err(error));
                    }
                }
            })
            .map_err(DeviceError::Thread)?;
        let device = Self {
            handle,
            thread: Some(thread),
        };
        start.recv().map_err(|_| DeviceError::Ended)??;
        Ok(device)
    }

    /// A way to it.
    #[must_use]
    pub fn handle(&self) -> DeviceHandle {
        self.handle.clone()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Fails if the thread has ended already, which is as well.
        let _ = self.handle.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Does what is asked, until it is told to stop.
fn run<S: Services>(mut worker: Worker<'_, S>, log: &Log, inbox: &Receiver<Command>) {
    loop {
        // A command and what is due in turns, so that neither keeps the other
        // waiting.
        let command = match worker.run_due() {
            Some(wait) => inbox.recv_timeout(wait),
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        log.flush();
        let command = match command {
            Ok(command) => command,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Those who asked may have gone; their answer is then dropped.
        match command {
            Command::Stop => return,
            Command::Look => {}
            Command::Applications(reply) => {
                let _ = reply.try_send(worker.applications());
            }
            Command::Job { deadline, .. } | Command::Packet { deadline, .. }
                if Instant::now() >= deadline => {}
            Command::Packet {
                datagram, reply, ..
            } => {
                let verdict = worker.judge(&datagram);
                log.flush();
                let _ = reply.try_send(verdict);
            }
            Command::Job { mut job, reply, .. } => {
                let start = Instant::now();
                worker.work(&mut job);
                let duration = start.elapsed();
                log.flush();
                let _ = reply.try_send((job, duration));
            }
        }
    }
}

impl DeviceHandle {
    /// Has a request answered.
    ///
    /// Waits for those before it. A container that runs is not interrupted
    /// when the time is over: its budget bounds it.
    #[must_use]
    pub fn request(&self, request: &Request) -> Reply {
        let asking = Asking {
            handle: self,
            instructions: Cell::new(0),
            duration: Cell::new(Duration::ZERO),
        };
        let published = self.version(&request.path);
        let mut observation = Observation::Ended;
        let mut resources = Box::new(Resources::<_, PAGE>::new(&asking));
        let mut response = HeapMessage::new();
        match resources.extract_request_data(&request.message()) {
            Ok(data) => {
                observation = match (data.observation(), published) {
                    (Observation::Version(_), Some(version)) => Observation::Version(version),
                    (observation, _) => observation,
                };
                resources
                    .build_response(&mut response, data)
                    .unwrap_or_else(|never| match never {});
            }
            Err(error) => error
                .render(&mut response)
                .unwrap_or_else(|_| response.set_code(INTERNAL_SERVER_ERROR)),
        }
        drop(resources);
        Reply {
            code: response.code(),
            content_format: response
                .options()
                .find(|found| found.number() == option::CONTENT_FORMAT)
                .and_then(|found| found.value_uint()),
            payload: response.payload().to_owned(),
            observation,
            instructions: asking.instructions.get(),
            duration: asking.duration.get(),
        }
    }

    /// The version of what containers answer on a path; another one if one of them has
    /// said that it has changed. `None` if none answers there.
    #[must_use]
    pub fn version(&self, path: &str) -> Option<u32> {
        self.changes.version(path)
    }

    /// Which containers answer on a path.
    pub(crate) fn bindings(&self, path: &str) -> Bindings {
        self.changes.bindings(path)
    }

    /// Has a job done; the time that the device took, without waiting.
    fn job(
        &self,
        operation: Operation,
        fill: Fill<'_, PAGE>,
    ) -> Result<(Box<Job>, Duration), Status> {
        let mut job = Box::new(Job::new());
        job.start(operation);
        fill(&mut job)?;
        let (reply, answer) = mpsc::sync_channel(1);
        let command = Command::Job {
            job,
            deadline: Instant::now() + self.timeout,
            reply,
        };
        match self.commands.try_send(command) {
            Ok(()) => answer
                .recv_timeout(self.timeout)
                .map_err(|_: RecvTimeoutError| Status::TimedOut),
            Err(TrySendError::Full(_)) => Err(Status::Busy),
            // It has stopped, and is as busy as can be.
            Err(TrySendError::Disconnected(_)) => Err(Status::TimedOut),
        }
    }

    /// The containers, one a line, as `GET /rbpf` has them; empty as
    /// [`applications`](Self::applications).
    #[must_use]
    pub fn list(&self) -> String {
        match self.job(Operation::List, &mut |_| Ok(())) {
            Ok((job, _)) => String::from_utf8_lossy(job.answer()).into_owned(),
            Err(_) => String::new(),
        }
    }

    /// The applications and their counters, by slot; none if the device has
    /// stopped or is busy for too long.
    #[must_use]
    pub fn applications(&self) -> Vec<ApplicationStatus> {
        let (reply, answer) = mpsc::sync_channel(1);
        match self.commands.try_send(Command::Applications(reply)) {
            Ok(()) => answer.recv_timeout(self.timeout).unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }
}

impl Request {
    /// As a message without the transport's parts.
    fn message(&self) -> HeapMessage {
        let mut message = HeapMessage::new();
        message.set_code(self.code);
        // What is written to memory does not fail.
        if let Some(observe) = self.observe {
            let Ok(()) = message.add_option_uint(option::OBSERVE, observe);
        }
        for segment in self.path.split('/').skip(1) {
            let Ok(()) = message.add_option(option::URI_PATH, segment.as_bytes());
        }
        for part in &self.query {
            let Ok(()) = message.add_option(option::URI_QUERY, part);
        }
        if let Some(accept) = self.accept {
            let Ok(()) = message.add_option_uint(option::ACCEPT, accept);
        }
        let Ok(()) = message.set_payload(&self.payload);
        message
    }
}

/// A request on its way, and what it took.
struct Asking<'h> {
    handle: &'h DeviceHandle,
    instructions: Cell<u64>,
    duration: Cell<Duration>,
}

impl rbpf_device::Device<PAGE> for &Asking<'_> {
    type Ticket = Box<Job>;
    /// Responses are whole here: who gets their blocks is the server's business.
    type Peer = ();

    const HAS_LOG: bool = true;
    const HAS_LEASES: bool = true;

    fn may_change(&self) -> bool {
        self.handle.may_change
    }

    fn exposes(&self) -> bool {
        self.handle.exposes
    }

    fn peer(&self) {}

    fn bound(&self) -> u32 {
        0
    }

    fn proof(&self) -> Proof {
        // The endpoint looks.
        Proof::Needless
    }

    fn ask(&self, operation: Operation, fill: Fill<'_, PAGE>) -> Result<Box<Job>, Status> {
        let (job, duration) = self.handle.job(operation, fill)?;
        self.instructions.set(job.instructions.into());
        self.duration.set(duration);
        Ok(job)
    }

    fn stage(&self, name: &str, offset: usize, piece: &[u8]) -> Result<(), PieceError> {
        lock(&self.handle.staged).put(name, offset, piece)
    }
}
