// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the worker is asked to do, and its answer.
//!
//! A job lives in the queue's static memory. Its maker fills in what the
//! operation needs; the worker sets [`Status`] and output.

use heapless::{String, Vec};
use rbpf_runtime::MAX_NAME;

use crate::config::PAYLOAD_SIZE;
use crate::page::Page;

/// Bytes of the longest path.
pub(crate) const MAX_PATH: usize = 32;

/// What to do. Names in brackets are the job's fields that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// All containers, one a line.
    List,
    /// One container \[name\].
    Info,
    /// All values in the key-value stores, one a line.
    Values,
    /// The value under a key \[name, key\]; no name is the global store.
    Value,
    /// All bindings, one a line.
    Bindings,
    /// What the device has, and how much is in use.
    Stats,
    /// Run a container \[name, input as its context\].
    Run,
    /// Bind a container to a path \[name, path\].
    Bind,
    /// Undo that \[path\].
    Unbind,
    /// Remove a container \[name\].
    Remove,
    /// Install what is staged \[name\].
    Install,
    /// Let a container answer a request \[path, method, input\].
    Coap,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Well.
    Done,
    /// There is no such container, path or key.
    NotFound,
    /// A name or path is in use.
    Taken,
    /// An argument is wrong.
    Invalid,
    /// The image is refused.
    Refused,
    /// There is no room.
    Full,
    /// The container's run ended in a fault.
    Fault,
    /// The container used its budget up.
    Budget,
    /// Too many jobs wait.
    Busy,
    /// The answer did not come in time.
    TimedOut,
}

impl Status {
    /// A text for people, where the worker has none of its own.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotFound => "not found",
            Self::Taken => "in use",
            Self::Invalid => "invalid argument",
            Self::Refused => "image refused",
            Self::Full => "no room",
            Self::Fault => "fault",
            Self::Budget => "budget used up",
            Self::Busy => "too many requests wait",
            Self::TimedOut => "the device is busy",
        }
    }
}

/// A request for the worker.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) operation: Operation,
    pub(crate) name: String<MAX_NAME>,
    pub(crate) path: String<MAX_PATH>,
    pub(crate) key: u32,
    /// Code of a request's method.
    pub(crate) method: u8,
    pub(crate) input: Vec<u8, { PAYLOAD_SIZE as usize }>,
    pub(crate) status: Status,
    /// A container's response code, and its format.
    pub(crate) code: u8,
    pub(crate) format: Option<u16>,
    pub(crate) output: Page,
}

impl Job {
    pub(crate) const fn new() -> Self {
        Self {
            operation: Operation::List,
            name: String::new(),
            path: String::new(),
            key: 0,
            method: 0,
            input: Vec::new(),
            status: Status::Done,
            code: 0,
            format: None,
            output: Page::new(),
        }
    }

    /// Empties it for a new operation.
    pub(crate) fn start(&mut self, operation: Operation) {
        self.operation = operation;
        self.name.clear();
        self.path.clear();
        self.key = 0;
        self.method = 0;
        self.input.clear();
        self.status = Status::Done;
        self.code = 0;
        self.format = None;
        self.output.start(0);
    }

    /// Sets the name; one that is too long names nothing.
    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), Status> {
        self.name.push_str(name).map_err(|_| Status::NotFound)
    }

    /// Sets the path.
    pub(crate) fn set_path(&mut self, path: &str) -> Result<(), Status> {
        self.path.push_str(path).map_err(|_| Status::NotFound)
    }

    /// Sets the input.
    pub(crate) fn set_input(&mut self, input: &[u8]) -> Result<(), Status> {
        self.input
            .extend_from_slice(input)
            .map_err(|_| Status::Full)
    }
}
