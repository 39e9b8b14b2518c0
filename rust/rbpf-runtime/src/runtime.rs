// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime: containers, what triggers them, and their runs.

use heapless::{String, Vec};
use rbpf_abi::Capabilities;
use rbpf_vm::{
    Engine, Fault, FaultKind, Interpreter, Machine, MapError, MemoryMap, Outcome, Rights, region,
};
use zerocopy::IntoBytes;

use crate::coap::{CoapExchange, CoapReply, CoapRequest};
use crate::helpers::HelperHost;
use crate::kv::{KvEntry, KvScope, KvStore};
use crate::services::Services;
use crate::store::{AppId, AppInfo, Container, InstallError, Limits, Store};

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

/// A region that an event grants to the container that it triggers, beside
/// the context. They are numbered from [`region::GRANTED`] on.
#[derive(Debug)]
pub enum Grant<'g> {
    /// May be read.
    Read(&'g [u8]),
    /// May be written, or read and written.
    Write(&'g mut [u8], Rights),
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
    /// The path does not begin with a slash, or is longer than 32 bytes.
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
    services: S,
    engine: E,
    store: Store<'s, SLOTS>,
    bindings: Vec<Binding, BINDINGS>,
    kv: KvStore<KV>,
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
            services,
            engine,
            store: Store::new(memory.images),
            bindings: Vec::new(),
            kv: KvStore::new(),
            stack: memory.stack,
            data: memory.data,
            response: memory.response,
            last: None,
            budget: Runtime::<'s, S, SLOTS, BINDINGS, KV>::DEFAULT_BUDGET,
        }
    }

    /// The host's services.
    pub fn services(&mut self) -> &mut S {
        &mut self.services
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
            self.kv.forget(app.slot);
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
        if !path.starts_with('/') {
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
        self.kv.fetch(scope, key)
    }

    /// All values in all stores, by store and key.
    pub fn values(&self) -> impl Iterator<Item = &KvEntry> {
        self.kv.iter()
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
        // Lent to the container for the run.
        let response = core::mem::take(&mut self.response);
        // No container sees the response of another.
        response.fill(0);
        let mut exchange = CoapExchange::new(response.len(), request.payload.len());
        let mut context = exchange.context();
        let event = Event {
            context: context.as_mut_bytes(),
            granted: &mut [
                Grant::Write(response, Rights::ReadWrite),
                Grant::Read(request.payload),
            ],
            coap: Some(&mut exchange),
            budget: self.budget,
        };
        let result = self.execute(app, event);
        self.response = response;
        match exchange.reply(result?, self.response) {
            Ok(reply) => Ok(reply),
            Err(kind) => {
                let fault = Fault {
                    kind,
                    pc: 0,
                    address: 0,
                };
                if let Some(container) = self.store.get_mut(app) {
                    container.record_fault(fault);
                }
                Err(RunError::Fault(fault))
            }
        }
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
        self.execute(
            app,
            Event {
                context,
                granted,
                coap: None,
                budget,
            },
        )
    }

    fn execute(&mut self, app: AppId, event: Event<'_, '_>) -> Result<u64, RunError> {
        let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
        // No container sees what another left on the stack.
        if self.last != Some(app) {
            self.stack.fill(0);
            self.last = Some(app);
        }
        let mut host = HelperHost {
            services: &mut self.services,
            kv: &mut self.kv,
            quota: KV / SLOTS,
            slot: app.slot,
            name: &container.name,
            coap: event.coap,
            cost: 0,
        };

        let arguments = match event.context.len() {
            0 => [0; 5],
            length => [region::address(region::CONTEXT), length as u64, 0, 0, 0],
        };
        let mut memory = MemoryMap::new(self.stack);
        map_all(
            &mut memory,
            container,
            self.data,
            event.context,
            event.granted,
        )
        .map_err(|_| RunError::Grant)?;

        let program = container.verified.program();
        let mut machine = Machine::new(&program, arguments);
        machine.add_budget(event.budget);
        let outcome = self
            .engine
            .run(&program, &mut machine, &mut memory, &mut host);

        container.counters.add(&machine);
        let fault = match outcome {
            Outcome::Returned(value) => return Ok(value),
            Outcome::Fault(fault) => fault,
            Outcome::OutOfBudget => Fault {
                kind: FaultKind::BudgetExhausted,
                pc: machine.pc(),
                address: 0,
            },
        };
        container.record_fault(fault);
        Err(RunError::Fault(fault))
    }
}

/// What triggers a run, and what it grants.
struct Event<'e, 'g> {
    context: &'e mut [u8],
    granted: &'e mut [Grant<'g>],
    coap: Option<&'e mut CoapExchange>,
    budget: u32,
}

/// Maps what a run may touch beside its stack: rodata, data and bss as they
/// are at the start of every run, the context, and what the event grants.
fn map_all<'m>(
    memory: &mut MemoryMap<'m>,
    container: &'m Container<'_>,
    data: &'m mut [u8],
    context: &'m mut [u8],
    granted: &'m mut [Grant<'_>],
) -> Result<(), MapError> {
    let image = container.verified.bytes();
    let rodata = image.get(container.rodata.clone()).unwrap_or_default();
    memory.map(region::RODATA, rodata)?;

    let initial = image.get(container.data.clone()).unwrap_or_default();
    let length = initial.len() + container.bss_len;
    // The installation has checked that they fit.
    let data = data.get_mut(..length).ok_or(MapError::Length)?;
    if let Some((variables, bss)) = data.split_at_mut_checked(initial.len()) {
        variables.copy_from_slice(initial);
        bss.fill(0);
    }
    memory.map_mut(region::DATA, data, Rights::ReadWrite)?;

    memory.map_mut(region::CONTEXT, context, Rights::ReadWrite)?;
    for (number, grant) in (region::GRANTED..).zip(granted) {
        match grant {
            Grant::Read(bytes) => memory.map(number, bytes)?,
            Grant::Write(bytes, rights) => memory.map_mut(number, bytes, *rights)?,
        }
    }
    Ok(())
}
