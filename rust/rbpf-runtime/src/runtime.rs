// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime: containers, what triggers them, and their runs.

use heapless::{String, Vec};
use rbpf_abi::Capabilities;
use rbpf_vm::{Engine, Fault, Interpreter, MapError};

use crate::coap::{CoapReply, CoapRequest};
use crate::kv::{KvEntry, KvScope};
use crate::run::{Account, Grant, Helpers, RunReport, Runnable};
use crate::services::Services;
use crate::store::{AppId, AppInfo, Container, InstallError, Limits, Store, is_visible};

/// Bytes of the longest path that a container can be bound to.
const MAX_PATH: usize = 32;

/// The memory that a runtime works in, lent by its host.
#[derive(Debug)]
pub struct Memory<'s, const SLOTS: usize> {
    /// For images, one buffer a slot; up to 7 bytes of each are lost to
    /// alignment.
    pub images: [&'s mut [u8]; SLOTS],
    /// The stack that all containers run on, one at a time. 512 bytes run
    /// what clang builds by default.
    pub stack: &'s mut [u8],
    /// For the data and bss of the container that runs.
    pub data: &'s mut [u8],
    /// For the CoAP response that a container builds.
    pub response: &'s mut [u8],
}

/// Why a container has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The id names no container: a mistake of the host, or it was removed.
    UnknownApp,
    /// More regions are granted than there are, or one is too long: a mistake
    /// of the host.
    Grant,
    /// The run ended in a fault.
    Fault(Fault),
}

/// Why a container is not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    /// The id names no container.
    UnknownApp,
    /// The path does not begin with a slash, is longer than 32 bytes, or has
    /// other characters than visible ones of ASCII.
    Path,
    /// Another container answers on that path.
    Taken,
    /// The table of bindings is full.
    Full,
}

/// Why a request has no reply from a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoapError {
    /// No container answers on that path.
    NotFound,
    /// The container was run, and this went wrong.
    Run(AppId, RunError),
}

#[derive(Debug)]
struct Binding {
    path: String<MAX_PATH>,
    app: AppId,
}

/// Containers and everything that they share.
///
/// It belongs to one thread. `SLOTS` containers, `BINDINGS` bindings and `KV`
/// key-value entries, of which each slot owns `KV / SLOTS`.
#[derive(Debug)]
pub struct Runtime<
    's,
    S,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    E = Interpreter,
> {
    helpers: Helpers<S, KV>,
    engine: E,
    store: Store<'s, SLOTS>,
    bindings: Vec<Binding, BINDINGS>,
    stack: &'s mut [u8],
    data: &'s mut [u8],
    response: &'s mut [u8],
    /// Whose leftovers are on the stack.
    last: Option<AppId>,
    /// Instructions that a run triggered by a request may execute.
    budget: u32,
}

impl<'s, S, const SLOTS: usize, const BINDINGS: usize, const KV: usize>
    Runtime<'s, S, SLOTS, BINDINGS, KV>
where
    S: Services,
{
    /// Instructions that a run may execute unless the host says otherwise:
    /// about 50 ms on a Cortex-M4 at 64 MHz.
    pub const DEFAULT_BUDGET: u32 = 100_000;

    /// A runtime without containers.
    pub fn new(services: S, memory: Memory<'s, SLOTS>) -> Self {
        Self::with_engine(services, memory, Interpreter)
    }
}

impl<'s, S, E, const SLOTS: usize, const BINDINGS: usize, const KV: usize>
    Runtime<'s, S, SLOTS, BINDINGS, KV, E>
where
    S: Services,
    E: Engine,
{
    /// A runtime without containers that runs them on this engine.
    pub fn with_engine(services: S, memory: Memory<'s, SLOTS>, engine: E) -> Self {
        Self {
            helpers: Helpers::new(services),
            engine,
            store: Store::new(memory.images),
            bindings: Vec::new(),
            stack: memory.stack,
            data: memory.data,
            response: memory.response,
            last: None,
            budget: Runtime::<'s, S, SLOTS, BINDINGS, KV>::DEFAULT_BUDGET,
        }
    }

    /// The host's services.
    pub fn services(&mut self) -> &mut S {
        self.helpers.services()
    }

    /// Sets how many instructions a run triggered by a request may execute.
    pub fn set_budget(&mut self, instructions: u32) {
        self.budget = instructions;
    }

    /// Copies an image into a free slot, verifies it, and grants it those of
    /// the capabilities that it wants which are in `allowed`. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// What is wrong with it. A call of a helper that is not granted is a
    /// [`InstallError::Verify`]. The slot is free again.
    pub fn install(
        &mut self,
        name: &str,
        image: &[u8],
        allowed: Capabilities,
    ) -> Result<AppId, InstallError> {
        let limits = Limits {
            stack: self.stack.len(),
            data: self.data.len(),
        };
        self.store.install(name, image, allowed, &limits)
    }

    /// Removes a container, its bindings and its values in the stores; those
    /// in the global store too. `false` if the id names nothing.
    pub fn remove(&mut self, app: AppId) -> bool {
        let removed = self.store.remove(app);
        if removed {
            self.bindings.retain(|binding| binding.app != app);
            self.helpers.kv.forget(app.slot);
        }
        removed
    }

    /// The container of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<AppId> {
        self.store.find(name)
    }

    /// All containers, by slot.
    pub fn apps(&self) -> impl Iterator<Item = AppInfo<'_>> {
        self.store.iter()
    }

    /// Lets a container answer CoAP requests for a path.
    ///
    /// # Errors
    ///
    /// Nothing is bound then.
    pub fn bind(&mut self, path: &str, app: AppId) -> Result<(), BindError> {
        if !self.apps().any(|info| info.id == app) {
            return Err(BindError::UnknownApp);
        }
        if self.bound(path).is_some() {
            return Err(BindError::Taken);
        }
        let path = String::try_from(path).map_err(|_| BindError::Path)?;
        if !path.starts_with('/') || !is_visible(&path) {
            return Err(BindError::Path);
        }
        self.bindings
            .push(Binding { path, app })
            .map_err(|_| BindError::Full)
    }

    /// Undoes a binding; `false` if there is none for the path.
    pub fn unbind(&mut self, path: &str) -> bool {
        let before = self.bindings.len();
        self.bindings.retain(|binding| binding.path != path);
        self.bindings.len() < before
    }

    /// All bindings: paths and the containers that answer there.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, AppId)> {
        self.bindings
            .iter()
            .map(|binding| (binding.path.as_str(), binding.app))
    }

    /// The container that answers on a path.
    #[must_use]
    pub fn bound(&self, path: &str) -> Option<AppId> {
        self.bindings()
            .find(|&(bound, _)| bound == path)
            .map(|(_, app)| app)
    }

    /// The value under a key, if it has been stored.
    #[must_use]
    pub fn fetch(&self, scope: KvScope, key: u32) -> Option<u32> {
        self.helpers.fetch(scope, key)
    }

    /// All values in all stores, by store and key.
    pub fn values(&self) -> impl Iterator<Item = &KvEntry> {
        self.helpers.values()
    }

    /// Lets the container that is bound to a request's path answer it.
    ///
    /// # Errors
    ///
    /// If there is none, or it did not end well. Running out of budget is a
    /// fault.
    pub fn coap(&mut self, request: &CoapRequest<'_>) -> Result<CoapReply<'_>, CoapError> {
        let app = self.bound(request.path).ok_or(CoapError::NotFound)?;
        self.coap_run(app, request)
            .map_err(|error| CoapError::Run(app, error))
    }

    fn coap_run(
        &mut self,
        app: AppId,
        request: &CoapRequest<'_>,
    ) -> Result<CoapReply<'_>, RunError> {
        let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
        clear_stack(self.stack, &mut self.last, app);
        let runnable = runnable(container, self.data, self.stack)?;
        let report = self.helpers.coap_for(
            Self::account(app),
            &mut self.engine,
            runnable,
            request,
            self.response,
            self.budget,
        )?;
        record(container, report)
    }

    /// Runs a container once.
    ///
    /// r1 is the address of the context and r2 its length, or both are 0 if
    /// it is empty. At most `budget` instructions are executed, to the next
    /// point where it is looked at; see [`rbpf_vm::Engine`].
    ///
    /// # Errors
    ///
    /// If it does not return. Running out of budget is a fault.
    pub fn run(
        &mut self,
        app: AppId,
        context: &mut [u8],
        granted: &mut [Grant<'_>],
        budget: u32,
    ) -> Result<u64, RunError> {
        let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
        clear_stack(self.stack, &mut self.last, app);
        let runnable = runnable(container, self.data, self.stack)?;
        let report = self.helpers.run_for(
            Self::account(app),
            &mut self.engine,
            runnable,
            context,
            granted,
            budget,
        )?;
        record(container, report)
    }

    /// Who is charged for what a container stores.
    const fn account(app: AppId) -> Account {
        Account {
            slot: app.slot,
            quota: KV / SLOTS,
        }
    }
}

impl From<MapError> for RunError {
    fn from(_: MapError) -> Self {
        Self::Grant
    }
}

/// Clears the stack if another container ran on it: none sees what another
/// left there.
fn clear_stack(stack: &mut [u8], last: &mut Option<AppId>, app: AppId) {
    if *last != Some(app) {
        stack.fill(0);
        *last = Some(app);
    }
}

/// A container with its rodata, and its data and bss as they are at the start
/// of every run.
fn runnable<'r>(
    container: &'r Container<'_>,
    data: &'r mut [u8],
    stack: &'r mut [u8],
) -> Result<Runnable<'r>, RunError> {
    let image = container.verified.bytes();
    let initial = image.get(container.data.clone()).unwrap_or_default();
    let length = initial.len() + container.bss_len;
    // The installation has checked that they fit. The stack is as long as the
    // image says, not as this host has it: programs do the same everywhere.
    let data = data.get_mut(..length).ok_or(RunError::Grant)?;
    let stack = stack
        .get_mut(..container.stack_len)
        .ok_or(RunError::Grant)?;
    if let Some((variables, bss)) = data.split_at_mut_checked(initial.len()) {
        variables.copy_from_slice(initial);
        bss.fill(0);
    }
    Ok(Runnable {
        name: &container.name,
        program: container.verified.program(),
        rodata: image.get(container.rodata.clone()).unwrap_or_default(),
        data,
        stack,
    })
}

/// Counts a run.
fn record<T>(container: &mut Container<'_>, report: RunReport<T>) -> Result<T, RunError> {
    container.counters.add(&report);
    report.outcome.map_err(|fault| {
        container.record_fault(fault);
        RunError::Fault(fault)
    })
}
