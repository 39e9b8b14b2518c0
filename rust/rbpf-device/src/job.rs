// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the owner of a runtime is asked to do, and its answer.

use core::ops::DerefMut;

use heapless::{String, Vec};
use rbpf_runtime::{BindError, InstallError, MAX_NAME, MAX_TARGET, RunError, TenantError};
use rbpf_vm::FaultKind;

use crate::page::Page;
use crate::report::{Format, Report};

/// Bytes of the longest query of a request for a container.
pub const MAX_QUERY: usize = 40;

/// What to do. Names in brackets are the job's fields that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// All containers, a record each.
    List,
    /// One container \[name\].
    Info,
    /// All values in the key-value stores, a record each.
    Values,
    /// The value under a key \[name, key\]; no name is the global store.
    Value,
    /// All slots, a record each.
    Slots,
    /// All bindings, a record each.
    Bindings,
    /// The tenants, a record each.
    Tenants,
    /// The last faults, a record each, the latest first.
    Faults,
    /// What the device has, and how much is in use.
    Stats,
    /// The resources in the link format (RFC 6690).
    Links,
    /// What containers have printed, as much as is kept; see
    /// [`LogRing`](crate::LogRing), with which hosts do it that keep it.
    Log,
    /// The same from a position on \[key\].
    LogFrom,
    /// Run a container \[name, input as its context\].
    Run,
    /// Bind a container to a path or hook \[name, target\].
    Bind,
    /// Undo that \[target, name\]; no name are all containers.
    Unbind,
    /// Remove a container \[name\].
    Remove,
    /// Let a container run again that is in quarantine \[name\].
    Release,
    /// Give a container a lease \[name, target: seconds as text\]; see
    /// [`Leases`](crate::Leases). 0 ends it.
    Lease,
    /// Install what is staged, or replace a container by it \[name\].
    Install,
    /// Let a container answer a request \[target, method, query, observe, input\].
    Coap,
}

impl Operation {
    /// Whether it only looks, so that it can be asked for again: for the next
    /// page of its answer.
    #[must_use]
    pub const fn is_reading(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Info
                | Self::Values
                | Self::Value
                | Self::Slots
                | Self::Bindings
                | Self::Tenants
                | Self::Faults
                | Self::Stats
                | Self::Links
        )
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well.
    Done,
    /// Well, and there is a new container.
    Created,
    /// There is no such container, path, hook or key.
    NotFound,
    /// A name or path is in use.
    Taken,
    /// An argument is wrong.
    Invalid,
    /// The container lacks a right, or it is another tenant's.
    Forbidden,
    /// The image is refused.
    Refused,
    /// There is no room.
    Full,
    /// The container's run ended in a fault.
    Fault,
    /// The container used its budget up.
    Budget,
    /// The container is in quarantine, since it has ended in faults.
    Quarantined,
    /// The container has used up its share of time, and may run later.
    Throttled,
    /// The container does not answer that method.
    Method,
    /// Too many jobs wait.
    Busy,
    /// The answer did not come in time.
    TimedOut,
}

impl Status {
    /// A text for people, where the answer has none of its own.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Done | Self::Created => "done",
            Self::NotFound => "not found",
            Self::Taken => "in use",
            Self::Invalid => "invalid argument",
            Self::Forbidden => "not allowed",
            Self::Refused => "image refused",
            Self::Full => "no room",
            Self::Fault => "fault",
            Self::Budget => "budget used up",
            Self::Quarantined => "in quarantine after faults",
            Self::Throttled => "its share of time is used up",
            Self::Method => "method not allowed here",
            Self::Busy => "too many requests wait",
            Self::TimedOut => "the device is busy",
        }
    }

    /// Whether it ended well.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Created)
    }
}

impl From<InstallError> for Status {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Name => Self::Invalid,
            InstallError::NameTaken => Self::Taken,
            InstallError::NoSlot | InstallError::Quota => Self::Full,
            InstallError::UnknownApp => Self::NotFound,
            _ => Self::Refused,
        }
    }
}

impl From<TenantError> for Status {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Name => Self::Invalid,
            TenantError::Taken => Self::Taken,
            TenantError::Full | TenantError::Paused => Self::Full,
        }
    }
}

impl From<BindError> for Status {
    fn from(error: BindError) -> Self {
        match error {
            BindError::UnknownApp => Self::NotFound,
            BindError::Target => Self::Invalid,
            BindError::Taken => Self::Taken,
            BindError::Full => Self::Full,
            BindError::Denied | BindError::Forbidden => Self::Forbidden,
        }
    }
}

impl From<RunError> for Status {
    fn from(error: RunError) -> Self {
        match error {
            RunError::UnknownApp => Self::NotFound,
            RunError::Quarantined => Self::Quarantined,
            RunError::Throttled => Self::Throttled,
            RunError::Paused => Self::Busy,
            RunError::Grant => Self::Invalid,
            RunError::Fault(fault) => match fault.kind {
                FaultKind::BudgetExhausted => Self::Budget,
                _ => Self::Fault,
            },
        }
    }
}

/// A question to the owner of a runtime, and the answer, of which at most
/// `PAGE` bytes fit.
#[derive(Debug)]
pub struct Job<const PAGE: usize> {
    pub(crate) operation: Operation,
    /// Of a container, or of a store: a byte more.
    pub(crate) name: String<{ MAX_NAME + 1 }>,
    pub(crate) target: String<MAX_TARGET>,
    /// On whose behalf it is asked for; empty is the operator.
    pub(crate) tenant: String<MAX_NAME>,
    pub(crate) query: Vec<u8, MAX_QUERY>,
    /// A key of a key-value store.
    pub key: u32,
    /// Code of a request's method.
    pub method: u8,
    /// A request's option Observe: 0 to register, 1 to deregister.
    pub observe: Option<u8>,
    /// How records are written.
    pub format: Format,
    /// The first byte of the answer that is wanted.
    pub offset: usize,
    /// Whether anyone gets the answer, and is not to see what was in registers.
    pub for_strangers: bool,
    /// How it ended.
    pub status: Status,
    /// Code of a container's response.
    pub code: u8,
    /// Content-Format of a container's response.
    pub content_format: Option<u16>,
    /// Whether a container's response may be observed.
    pub is_observable: bool,
    /// Instructions that a container executed for it.
    pub instructions: u32,
    /// The input until the job is done, then the answer.
    pub(crate) page: Page<PAGE>,
}

impl<const PAGE: usize> Job<PAGE> {
    /// A job that nobody has asked for yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            operation: Operation::List,
            name: String::new(),
            target: String::new(),
            tenant: String::new(),
            query: Vec::new(),
            key: 0,
            method: 0,
            observe: None,
            format: Format::Text,
            offset: 0,
            for_strangers: false,
            status: Status::Done,
            code: 0,
            content_format: None,
            is_observable: false,
            instructions: 0,
            page: Page::new(),
        }
    }

    /// Empties it for a new operation.
    pub fn start(&mut self, operation: Operation) {
        self.operation = operation;
        self.name.clear();
        self.target.clear();
        self.tenant.clear();
        self.query.clear();
        self.key = 0;
        self.method = 0;
        self.observe = None;
        self.format = Format::Text;
        self.offset = 0;
        self.for_strangers = false;
        self.status = Status::Done;
        self.code = 0;
        self.content_format = None;
        self.is_observable = false;
        self.instructions = 0;
        self.page.start(0);
    }

    /// What is to be done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The target of a binding or of a request.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Sets the name of a container.
    ///
    /// # Errors
    ///
    /// `NotFound` if it is longer than any.
    pub fn set_name(&mut self, name: &str) -> Result<(), Status> {
        self.name.push_str(name).map_err(|_| Status::NotFound)
    }

    /// Sets the path or hook.
    ///
    /// # Errors
    ///
    /// `NotFound` if it is longer than any.
    pub fn set_target(&mut self, target: &str) -> Result<(), Status> {
        self.target.push_str(target).map_err(|_| Status::NotFound)
    }

    /// Has it asked for on behalf of a tenant, who may change its own
    /// containers only. Without, the operator asks, who may change all.
    ///
    /// # Errors
    ///
    /// `NotFound` if it is longer than any.
    pub fn set_tenant(&mut self, tenant: &str) -> Result<(), Status> {
        self.tenant.push_str(tenant).map_err(|_| Status::NotFound)
    }

    /// Sets the query of a request.
    ///
    /// # Errors
    ///
    /// `Full` if it is longer than [`MAX_QUERY`] bytes.
    pub fn set_query(&mut self, query: &[u8]) -> Result<(), Status> {
        self.query
            .extend_from_slice(query)
            .map_err(|_| Status::Full)
    }

    /// Sets the input.
    ///
    /// # Errors
    ///
    /// `Full` if it is longer than a page.
    pub fn set_input(&mut self, input: &[u8]) -> Result<(), Status> {
        if input.len() > PAGE {
            return Err(Status::Full);
        }
        self.page.start(0);
        self.page.push(input);
        Ok(())
    }

    /// Begins the answer; the input is gone then.
    pub(crate) fn report(&mut self) -> Report<'_, PAGE> {
        self.page.start(self.offset);
        Report {
            page: &mut self.page,
            format: self.format,
            for_strangers: self.for_strangers,
        }
    }

    /// Ends it without an answer.
    pub fn refuse(&mut self, status: Status) {
        self.page.start(0);
        self.status = status;
    }

    /// The answer, from `offset` on.
    #[must_use]
    pub fn answer(&self) -> &[u8] {
        self.page.bytes()
    }

    /// A version of the whole answer: another one has another, but for chance.
    #[cfg(feature = "observe")]
    #[must_use]
    pub fn version(&self) -> u32 {
        self.page.hash()
    }

    /// Bytes of the whole answer, from its beginning.
    #[must_use]
    pub fn answer_length(&self) -> usize {
        self.page.written()
    }
}

impl<const PAGE: usize> Default for Job<PAGE> {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills a job in. A reference, so that there is one copy of what takes it.
pub type Fill<'f, const PAGE: usize> = &'f mut dyn FnMut(&mut Job<PAGE>) -> Result<(), Status>;

/// A way to the owner of a runtime.
pub trait Device<const PAGE: usize> {
    /// A job that was done; dropped when its answer has been read.
    type Ticket: DerefMut<Target = Job<PAGE>>;

    /// Who asks, and none else: their address and port, and by which transport. What is
    /// kept for one is nobody else's.
    type Peer: PartialEq + core::fmt::Debug;

    /// Whether it keeps what containers print, if it has memory for it.
    const HAS_LOG: bool;

    /// Whether containers may have leases.
    const HAS_LEASES: bool;

    /// Whether anyone may install, bind and remove containers.
    fn may_change(&self) -> bool;

    /// Whether anyone may see what containers keep to themselves: their values, what
    /// they print, and what was in their registers.
    fn exposes(&self) -> bool;

    /// Who asks.
    fn peer(&self) -> Self::Peer;

    /// A number that is another one whenever other containers are bound, or a container
    /// is another one.
    fn bound(&self) -> u32;

    /// By what who asks shows that it receives what is sent to its address, such as
    /// `coap::echo` makes.
    #[cfg(feature = "coap")]
    fn proof(&self) -> crate::coap::Proof;

    /// Has a job done that `fill` fills in, and waits for the answer.
    ///
    /// # Errors
    ///
    /// What `fill` refuses, `Busy` and `TimedOut`. How the job ended is in it.
    fn ask(&self, operation: Operation, fill: Fill<'_, PAGE>) -> Result<Self::Ticket, Status>;

    /// Obeys what a request says of observing: the number for the option Observe of
    /// the response, or `None` if it is to have none. Devices without observers leave
    /// it as it is.
    #[cfg(feature = "observe")]
    fn observe(&self, wish: crate::coap::Wish<'_>) -> Option<u32> {
        let _ = wish;
        None
    }

    /// Takes a piece of an image; see [`Staging::put`](crate::Staging::put).
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn stage(&self, name: &str, offset: usize, piece: &[u8]) -> Result<(), crate::PieceError>;
}
