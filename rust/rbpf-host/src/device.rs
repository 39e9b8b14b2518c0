// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated device: the runtime with its containers, and the thread that
//! owns it.
//!
//! Requests arrive over a channel, from any thread, and are answered one
//! after the other. A [`DeviceHandle`] always gets a [`Reply`]: if the device
//! is too busy, one that says so. How requests travel is not known here.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rbpf_runtime::{BindError, InstallError, Services};
use thiserror::Error;

use crate::config::ApplicationConfig;
use crate::services::Log;

mod pages;
mod worker;

pub use pages::{ApplicationStatus, RESERVED_PATHS};
use worker::Worker;
pub use worker::{DEFAULT_BUDGET, KV_SHARE, MAX_APPLICATIONS, MAX_RESPONSE};

/// Requests that wait; a further one is told that the device is busy.
const QUEUE: usize = 64;

/// Response codes: class in the upper three bits, detail in the others.
pub(crate) mod code {
    pub(crate) const CONTENT: u8 = 0x45;
    pub(crate) const NOT_FOUND: u8 = 0x84;
    pub(crate) const METHOD_NOT_ALLOWED: u8 = 0x85;
    pub(crate) const INTERNAL_SERVER_ERROR: u8 = 0xa0;
    pub(crate) const SERVICE_UNAVAILABLE: u8 = 0xa3;
}

/// A request for the device, put together from however many messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method code: 1 GET, 2 POST, 3 PUT, 4 DELETE.
    pub code: u8,
    /// The path, with its leading slash.
    pub path: String,
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
    /// Instructions that a container executed for it.
    pub instructions: u64,
    /// Time that the device took for it, without waiting.
    pub duration: Duration,
}

impl Reply {
    /// A reply, before anyone has measured it.
    pub(crate) fn new(code: u8, content_format: Option<u16>, payload: &[u8]) -> Self {
        Self {
            code,
            content_format,
            payload: payload.to_owned(),
            instructions: 0,
            duration: Duration::ZERO,
        }
    }

    /// An error with a short text for people.
    pub(crate) fn error(code: u8, text: impl AsRef<str>) -> Self {
        Self::new(code, None, text.as_ref().as_bytes())
    }
}

/// Why a device does not start.
#[derive(Debug, Error)]
pub enum DeviceError {
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
    #[error("application `{name}`: {} is not installed: {}", .image.display(), pages::install_error(.error))]
    Install {
        /// The application.
        name: String,
        /// The file.
        image: PathBuf,
        /// What is wrong with it.
        error: InstallError,
    },
    /// The runtime refuses a path.
    #[error("application `{name}`: not bound to `{path}`: {}", pages::bind_error(*.error))]
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
    Request {
        request: Request,
        /// Nobody waits for the reply after that.
        deadline: Instant,
        reply: SyncSender<Reply>,
    },
    Applications(SyncSender<Vec<ApplicationStatus>>),
    Stop,
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
}

impl Device {
    /// Installs the applications and starts the device. A request waits for
    /// its reply at most `timeout`.
    ///
    /// Lines of `log` that a container left unfinished are ended after each run.
    ///
    /// # Errors
    /// The first application that cannot be installed.
    pub fn start<S>(
        services: S,
        applications: Vec<ApplicationConfig>,
        log: Log,
        timeout: Duration,
    ) -> Result<Self, DeviceError>
    where
        S: Services + Send + 'static,
    {
        let (commands, inbox) = mpsc::sync_channel(QUEUE);
        let (started, start) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("rbpf-device".into())
            .spawn(move || run(services, &applications, &log, &inbox, &started))
            .map_err(DeviceError::Thread)?;
        let device = Self {
            handle: DeviceHandle { commands, timeout },
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

/// The device's thread.
fn run<S: Services>(
    services: S,
    applications: &[ApplicationConfig],
    log: &Log,
    inbox: &Receiver<Command>,
    started: &SyncSender<Result<(), DeviceError>>,
) {
    let mut memory = worker::Buffers::new();
    let mut worker = match Worker::new(services, memory.lend(), applications) {
        Ok(worker) => worker,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    while let Ok(command) = inbox.recv() {
        // Those who asked may have gone; their answer is then dropped.
        match command {
            Command::Stop => return,
            Command::Applications(reply) => {
                let _ = reply.try_send(worker.applications());
            }
            Command::Request { deadline, .. } if Instant::now() >= deadline => {}
            Command::Request { request, reply, .. } => {
                let start = Instant::now();
                let mut answer = worker.answer(&request);
                answer.duration = start.elapsed();
                log.flush();
                let _ = reply.try_send(answer);
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
    pub fn request(&self, request: Request) -> Reply {
        let (reply, answer) = mpsc::sync_channel(1);
        let command = Command::Request {
            request,
            deadline: Instant::now() + self.timeout,
            reply,
        };
        let text = match self.commands.try_send(command) {
            Ok(()) => match answer.recv_timeout(self.timeout) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => "the device is busy",
                Err(RecvTimeoutError::Disconnected) => "the device has stopped",
            },
            Err(TrySendError::Full(_)) => "too many requests wait",
            Err(TrySendError::Disconnected(_)) => "the device has stopped",
        };
        Reply::error(code::SERVICE_UNAVAILABLE, text)
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
