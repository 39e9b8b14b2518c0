// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime: containers, what triggers them, and their runs.

use heapless::{String, Vec};
use rbpf_abi::context::{ChangeContext, PacketContext, TimerContext};
use rbpf_abi::{Capabilities, Errno};
use rbpf_vm::{Engine, Fault, Interpreter, MapError, Outcome};
use zerocopy::{FromZeros, IntoBytes};

use crate::binding::{Binding, Source, alarm_of};
use crate::coap::{ANSWER, CoapAnswer, CoapReply, CoapRequest};
use crate::fault_log::FaultEntry;
use crate::hook::{Hook, Policy};
use crate::kv::{HOST, KvEntry, KvScope, retain};
use crate::packet::{Packet, Verdict};
use crate::pause::{MAX_PAUSED_CONTEXT, Pause, PausedRun};
use crate::run::{Account, Event, Grant, Helpers, RunReport, Runnable, machine, report};
use crate::services::Services;
use crate::store::{
    self, AppId, AppInfo, Container, InstallError, Layout, Limits, Loaded, Rules, SlotInfo, Store,
    is_label,
};
use crate::tenant::{Allowance, Tenant, TenantError, TenantId, TenantInfo, Tenants};
use crate::timer::{ALARM, Timer, is_timer};
use crate::watch::{Watch, is_watch};

/// Milliseconds after which an alarm goes off again whose container was not
/// allowed to run.
const ALARM_RETRY_MS: u32 = 100;
/// Milliseconds after which a paused run that has used up its share of time is
/// looked at again.
const RESUME_MS: u32 = 10;

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
    /// Too many of its runs in a row ended in a fault: it does not run before
    /// it is [released](Runtime::release).
    Quarantined,
    /// Its last run is paused, and goes on later.
    Paused,
    /// It has used up its share of the [rate](Runtime::set_rate), and may run
    /// later.
    Throttled,
    /// More regions are granted than there are, or one is too long: a mistake
    /// of the host.
    Grant,
    /// The run ended in a fault.
    Fault(Fault),
}

/// Why an image has not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecuteError {
    /// It is refused.
    Refused(InstallError),
    /// As [`RunError::Grant`].
    Grant,
}

/// Why a container is not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    /// The id names no container.
    UnknownApp,
    /// The target is empty, longer than [`MAX_TARGET`](crate::MAX_TARGET) bytes, has other
    /// characters than visible ones of ASCII, is a path that is not
    /// [plain](is_plain_path), a timer without a time, or a value without store or key.
    Target,
    /// A container of somebody else's answers on that path, or the same is bound
    /// there.
    Taken,
    /// The table of bindings is full, or what its tenant may have of it.
    Full,
    /// The container has not been granted what the hook or store needs.
    Denied,
    /// The container has been granted what the hook [forbids](Hook::forbids).
    Forbidden,
}

/// Why a request has no reply from a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoapError {
    /// No container answers on that path.
    NotFound,
    /// The container was run, and this went wrong.
    Run(AppId, RunError),
}

/// What came of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triggered {
    /// Containers that were run.
    pub runs: u8,
    /// Those of them whose runs ended in a fault.
    pub faults: u8,
    /// The result, as the [`Policy`] says; none if no container returned.
    pub result: Option<u64>,
    /// What went wrong first, and with which container.
    pub failure: Option<(AppId, RunError)>,
}

/// Whether the runtime itself triggers what is bound to a target: a timer, an
/// alarm, a value that changes, or an answer. No hook has such a name.
#[must_use]
pub fn is_automatic(target: &str) -> bool {
    is_timer(target) || target == ALARM || is_watch(target) || target == ANSWER
}

/// Whether a target is a path, and not the name of a hook.
fn is_path(target: &str) -> bool {
    target.starts_with('/')
}

/// Whether a path may be bound: it begins with a slash, and is the same in a link (RFC
/// 6690). So it has letters, digits and `-._~!$&'()*+=:@/` alone, no segment `.` or
/// `..`, and begins with one slash: two are followed by the name of another host.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+=:@/".contains(byte);
    let mut segments = path.as_bytes().split(|&byte| byte == b'/');
    is_path(path)
        && !path.starts_with("//")
        && path.as_bytes().iter().all(is_plain)
        && segments.all(|segment| segment != b"." && segment != b"..")
}

/// Containers and everything that they share.
///
/// It belongs to one thread. `SLOTS` containers of `TENANTS` tenants, `BINDINGS`
/// bindings and `KV` key-value entries, of which each slot and the host own
/// `KV / (SLOTS + 1)`; and up to `PAUSE` paused runs.
#[derive(Debug)]
pub struct Runtime<
    's,
    S,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    E = Interpreter,
    const TENANTS: usize = 0,
    const PAUSE: usize = 0,
> {
    helpers: Helpers<S, KV>,
    engine: E,
    store: Store<'s, SLOTS>,
    bindings: Vec<Binding, BINDINGS>,
    tenants: Tenants<TENANTS>,
    stack: &'s mut [u8],
    data: &'s mut [u8],
    response: &'s mut [u8],
    /// Whose leftovers are on the stack.
    last: Option<AppId>,
    /// The binding whose turn it is to see a change.
    turn: usize,
    pause: Pause<'s, PAUSE>,
    /// Another number whenever other containers are bound, or a container is another one.
    revision: u32,
    /// Instructions that a run triggered by a request may execute.
    budget: u32,
    /// What every container may take.
    limits: Limits,
}

impl<S, const SLOTS: usize, const BINDINGS: usize, const KV: usize>
    Runtime<'_, S, SLOTS, BINDINGS, KV>
{
    /// Instructions that a run may execute unless the host says otherwise:
    /// about 50 ms on a Cortex-M4 at 64 MHz.
    pub const DEFAULT_BUDGET: u32 = 100_000;

    /// Faults in a row after which a container is quarantined, unless the host
    /// says otherwise.
    pub const DEFAULT_FAULT_LIMIT: u8 = 10;
}

impl<
    's,
    S,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
> Runtime<'s, S, SLOTS, BINDINGS, KV, Interpreter, TENANTS, PAUSE>
where
    S: Services,
{
    /// A runtime without containers.
    pub fn new(services: S, memory: Memory<'s, SLOTS>) -> Self {
        Self::with_engine(services, memory, Interpreter)
    }
}

impl<
    's,
    S,
    E,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
> Runtime<'s, S, SLOTS, BINDINGS, KV, E, TENANTS, PAUSE>
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
            tenants: Tenants::new(),
            stack: memory.stack,
            data: memory.data,
            response: memory.response,
            last: None,
            turn: 0,
            pause: Pause::new(),
            revision: 0,
            budget: Runtime::<'s, S, SLOTS, BINDINGS, KV>::DEFAULT_BUDGET,
            limits: Limits {
                faults: Runtime::<'s, S, SLOTS, BINDINGS, KV>::DEFAULT_FAULT_LIMIT,
                rate: 0,
                pauses: 0,
            },
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

    /// Sets how many faults in a row put a container in quarantine; 0 lets
    /// them all go on. Those that are in quarantine stay there.
    pub fn set_fault_limit(&mut self, faults: u8) {
        self.limits.faults = faults;
    }

    /// Sets how many instructions a container may take in a second, by all its
    /// runs together; 0, the default, is no limit. What it leaves it may take
    /// later, up to those of one second. Helpers that charge the budget count, and so does
    /// beginning a run.
    pub fn set_rate(&mut self, instructions: u32) {
        self.limits.rate = instructions;
    }

    /// Sets how often a run that nobody waits for (a timer's, of a value that has
    /// changed, of a [posted](Hook::posted) event without regions) may be paused
    /// where it is over its budget, to go on by [`resume`](Self::resume); 0, the
    /// default, stops it there.
    ///
    /// Up to `PAUSE` runs are paused at a time, if stack, data and context of each
    /// fit in its part of the memory, and the context has up to
    /// [`MAX_PAUSED_CONTEXT`] bytes; of a tenant as many as it is
    /// [allowed](Allowance::paused), and of containers without one as many as no tenant
    /// is promised. To a container whose run is paused, further
    /// events of that kind do not come. Those that are paused now are forgotten.
    pub fn set_pauses(&mut self, pauses: u16, memory: &'s mut [u8]) {
        self.limits.pauses = pauses;
        self.pause.set_memory(memory);
    }

    /// Adds a tenant, for good.
    ///
    /// # Errors
    ///
    /// There is no such tenant then.
    pub fn add_tenant(
        &mut self,
        name: &str,
        allowance: Allowance,
    ) -> Result<TenantId, TenantError> {
        let promised = self.promised_pauses() + usize::from(allowance.paused);
        if PAUSE != 0 && promised > PAUSE {
            return Err(TenantError::Paused);
        }
        let added = self.tenants.add(Tenant::new(name, allowance)?)?;
        // Its places may be taken by those who had them as long as nobody was promised any.
        self.pause.leave_to_others(PAUSE.saturating_sub(promised));
        Ok(added)
    }

    /// How many paused runs the tenants may have together.
    fn promised_pauses(&self) -> usize {
        let tenants = self.tenants();
        tenants.map(|info| usize::from(info.allowance.paused)).sum()
    }

    /// The tenant of a name.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<TenantId> {
        let mut tenants = self.tenants();
        tenants.find(|info| info.name == name).map(|info| info.id)
    }

    /// The name of a tenant; empty for none.
    #[must_use]
    pub fn tenant_name(&self, id: Option<TenantId>) -> &str {
        self.tenants.get(id).map_or("", Tenant::name)
    }

    /// All tenants, in the order in which they were added.
    pub fn tenants(&self) -> impl Iterator<Item = TenantInfo<'_>> {
        self.tenants.iter()
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
        let (store, rules) = self.store_with_rules(allowed);
        store.install(name, None, image, &rules)
    }

    /// [Installs](Self::install) a container of a tenant, which is granted no
    /// more than that allows.
    ///
    /// # Errors
    ///
    /// As `install`; `Quota` if the tenant has as many containers as it may.
    pub fn install_for(
        &mut self,
        tenant: TenantId,
        name: &str,
        image: &[u8],
        allowed: Capabilities,
    ) -> Result<AppId, InstallError> {
        let allowance = self.tenants.get(Some(tenant));
        let allowance = allowance.ok_or(InstallError::Quota)?.allowance;
        let owned = self.apps().filter(|info| info.tenant == Some(tenant));
        if owned.count() >= allowance.slots.into() {
            return Err(InstallError::Quota);
        }
        let (store, rules) = self.store_with_rules(allowed & allowance.capabilities);
        store.install(name, Some(tenant), image, &rules)
    }

    /// Exchanges the image of a container, which keeps its name, slot, tenant
    /// and bindings, and grants the new one what [`install`](Self::install) would,
    /// of what the tenant allows.
    ///
    /// Its id is a new one: the old names nothing from then on. Counters start
    /// afresh, and its values in the stores are forgotten, as if it had been
    /// removed, unless the new image says that it keeps them. No other slot is
    /// needed, since the image is judged where it lies; so it has to lie at a
    /// multiple of 8 bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with the new image. The container is as it was, then;
    /// unless [`Services::application_helper`] answered first so and then
    /// otherwise, which removes it.
    pub fn replace(
        &mut self,
        app: AppId,
        image: &[u8],
        allowed: Capabilities,
    ) -> Result<AppId, InstallError> {
        if !self.store.contains(app) {
            return Err(InstallError::UnknownApp);
        }
        let tenant = self.tenants.get(self.tenant_of(app.slot));
        let most = tenant.map_or(allowed, |tenant| tenant.allowance.capabilities);
        let (store, rules) = self.store_with_rules(allowed & most);
        let replaced = store.replace(app, image, &rules);
        if !self.store.contains(app) {
            self.succeed(app, replaced.ok());
        }
        replaced
    }

    /// Removes a container, its bindings and its values in the stores; those
    /// in the global store too. `false` if the id names nothing.
    pub fn remove(&mut self, app: AppId) -> bool {
        let removed = self.store.remove(app);
        if removed {
            self.succeed(app, None);
        }
        removed
    }

    /// Lets a container run again that is in quarantine, and forgets how many
    /// of its last runs ended in a fault; what is counted of it stays. `false`
    /// if the id names nothing.
    pub fn release(&mut self, app: AppId) -> bool {
        let container = self.store.get_mut(app);
        container.map(Container::release).is_some()
    }

    /// Lets a successor have the bindings of a container that is gone, and its
    /// values if it wants them.
    fn succeed(&mut self, gone: AppId, successor: Option<AppId>) {
        self.pause.take(gone);
        self.helpers.services.forget(gone);
        self.revise();
        retain(&mut self.bindings, &mut |binding| {
            if binding.app != gone {
                return true;
            }
            binding.app = successor.unwrap_or(gone);
            binding.silence();
            successor.is_some()
        });
        if !successor.is_some_and(|app| self.store.keeps_values(app)) {
            self.helpers.kv.forget(gone.slot);
        }
        // That its predecessor's values are gone is no event to it.
        for index in 0..self.bindings.len() {
            let binding = self.bindings.get(index);
            if binding.is_some_and(|binding| Some(binding.app) == successor) {
                self.look(index);
            }
        }
    }

    /// The store, and what images in it have to keep to.
    fn store_with_rules(&mut self, allowed: Capabilities) -> (&mut Store<'s, SLOTS>, Rules<'_, S>) {
        let rules = Rules {
            stack: self.stack.len(),
            data: self.data.len(),
            allowed,
            services: &self.helpers.services,
        };
        (&mut self.store, rules)
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

    /// All slots.
    pub fn slots(&self) -> impl Iterator<Item = SlotInfo<'_>> {
        self.store.slots()
    }

    /// The fault at a position, from 0 for the last one, if the host keeps them.
    #[must_use]
    pub fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.helpers.services.fault(position)
    }

    /// The SHA-256 digest of a container's image, if the host computes it. Inlined,
    /// so that what is done with one is no code where the host does not.
    #[must_use]
    #[inline(always)]
    pub fn digest(&self, app: AppId) -> Option<[u8; 32]> {
        let info = self.apps().find(|info| info.id == app)?;
        self.helpers.services.digest(info.image)
    }

    /// Lets an event trigger a container.
    ///
    /// A target that begins with a slash is a [path](is_plain_path), on which containers of
    /// one tenant, or of none, answer [CoAP requests](Self::coap). `every:MS` and
    /// `after:MS` are timers, of up to [`MAX_TIMER`](crate::MAX_TIMER) ms, which begin
    /// now; `alarm` is one that the container sets itself. `kv:global:KEY`,
    /// `kv:tenant:KEY` and `kv:local:KEY` are values in the stores as the container
    /// sees them, and what is there is known to it. To `answer` come those to the
    /// container's own requests. Any other is the name of a hook of the host's; whether
    /// there is such a hook is the host's business. Any number are bound to one target,
    /// each of them once.
    ///
    /// # Errors
    ///
    /// Nothing is bound then.
    pub fn bind(&mut self, target: &str, app: AppId) -> Result<(), BindError> {
        if !self.store.contains(app) {
            return Err(BindError::UnknownApp);
        }
        let is_foreign =
            |by: AppId| is_path(target) && self.tenant_of(by.slot) != self.tenant_of(app.slot);
        if self
            .bindings()
            .any(|(taken, by)| taken == target && (by == app || is_foreign(by)))
        {
            return Err(BindError::Taken);
        }
        let target = String::try_from(target).map_err(|_| BindError::Target)?;
        if !is_label(&target) || is_path(&target) && !is_plain_path(&target) {
            return Err(BindError::Target);
        }
        if !self.may_be_bound(app) {
            return Err(BindError::Full);
        }
        let source = if is_timer(&target) {
            let now = self.services().now_ms();
            Source::Timer(Timer::new(&target, now).ok_or(BindError::Target)?)
        } else if target == ALARM {
            Source::Alarm(None)
        } else if is_watch(&target) {
            let tenant = self.tenant_of(app.slot);
            let watch = Watch::new(&target, app.slot, tenant);
            let watch = watch.ok_or(BindError::Target)?;
            if !self.store.has_rights(app, watch.needs()) {
                return Err(BindError::Denied);
            }
            Source::Watch(watch)
        } else if target == ANSWER {
            if !self.store.has_rights(app, Capabilities::COAP_REQUEST) {
                return Err(BindError::Denied);
            }
            Source::Answer
        } else {
            Source::Host
        };
        let binding = Binding {
            target,
            app,
            source,
            events: 0,
        };
        self.bindings.push(binding).map_err(|_| BindError::Full)?;
        self.look(self.bindings.len() - 1);
        self.revise();
        Ok(())
    }

    /// Whether the tenant of a container has a binding left.
    fn may_be_bound(&self, app: AppId) -> bool {
        let id = self.tenant_of(app.slot);
        let Some(tenant) = self.tenants.get(id) else {
            return true;
        };
        let bindings = self.bindings();
        let taken = bindings.filter(|&(_, app)| self.tenant_of(app.slot) == id);
        taken.count() < tenant.allowance.bindings.into()
    }

    /// [Binds](Self::bind) a container to a hook, if it has been granted what
    /// that needs, and nothing that it forbids.
    ///
    /// # Errors
    ///
    /// Nothing is bound then.
    pub fn bind_hook(&mut self, hook: &Hook<'_>, app: AppId) -> Result<(), BindError> {
        if let Some(granted) = self.store.granted(app) {
            hook.admit(granted)?;
        }
        self.bind(hook.name, app)
    }

    /// Undoes the binding of a container to a target, or all to that target;
    /// `false` if there is none.
    pub fn unbind(&mut self, target: &str, app: Option<AppId>) -> bool {
        let before = self.bindings.len();
        retain(&mut self.bindings, &mut |binding| {
            binding.target != target || app.is_some_and(|app| binding.app != app)
        });
        self.revise();
        self.bindings.len() < before
    }

    fn revise(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    /// Whether an id names a container.
    #[must_use]
    pub fn contains(&self, app: AppId) -> bool {
        self.store.contains(app)
    }

    /// A number that is another one after something was bound, unbound, replaced or
    /// removed, by whomever; wraps. A host that tells others what is bound compares.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// All bindings, in the order in which they were made: targets and the
    /// containers that are bound there.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, AppId)> {
        self.bindings
            .iter()
            .map(|binding| (binding.target.as_str(), binding.app))
    }

    /// How many events have come to each binding, in the order of
    /// [`bindings`](Self::bindings), whether or not its container might run then;
    /// wraps.
    pub fn binding_events(&self) -> impl Iterator<Item = u32> {
        self.bindings.iter().map(|binding| binding.events)
    }

    /// The containers that answer on a path, in their order.
    pub fn bound(&self, path: &str) -> impl Iterator<Item = AppId> {
        self.bindings()
            .filter(move |&(bound, _)| bound == path && is_path(path))
            .map(|(_, app)| app)
    }

    /// The value under a key, if it has been stored.
    #[must_use]
    pub fn fetch(&self, scope: KvScope, key: u32) -> Option<u32> {
        self.helpers.fetch(scope, key)
    }

    /// Stores a value for the host, as containers do by their helpers.
    ///
    /// A new key in the store of a container is charged to that container,
    /// any other to the host.
    ///
    /// # Errors
    ///
    /// `NoEntry` if there is no container in that slot, `NoSpace` if the share
    /// of who is charged is used up.
    pub fn store(&mut self, scope: KvScope, key: u32, value: u32) -> Result<(), Errno> {
        let owner = match scope {
            KvScope::Global | KvScope::Local(HOST) | KvScope::Tenant(_) => HOST,
            KvScope::Local(slot) if self.store.occupied(slot) => slot,
            KvScope::Local(_) => return Err(Errno::NoEntry),
        };
        let (quota, _) = self.quota(owner);
        self.helpers.kv.store(scope, owner, quota, key, value)
    }

    /// Erases a value, whoever has stored it; `false` if there is none.
    pub fn erase(&mut self, scope: KvScope, key: u32) -> bool {
        self.helpers.kv.erase(scope, key)
    }

    /// All values in all stores, by store and key.
    pub fn values(&self) -> impl Iterator<Item = &KvEntry> {
        self.helpers.values()
    }

    /// Lets the containers that are bound to a request's path answer it: the first
    /// that does. One that starts no response and returns 0 passes the request on to
    /// the next, if there is one.
    ///
    /// # Errors
    ///
    /// If there is none, or one did not end well; those after it do not run, for which
    /// it may stand guard. Running out of budget is a fault.
    // Not inlined: its frame would be below all other events', too.
    #[inline(never)]
    pub fn coap(&mut self, request: &CoapRequest<'_>) -> Result<CoapReply<'_>, CoapError> {
        let mut last = None;
        for index in 0..self.bindings.len() {
            let is_bound =
                |binding: &&mut Binding| is_path(request.path) && binding.target == request.path;
            let Some(binding) = self.bindings.get_mut(index).filter(is_bound) else {
                continue;
            };
            binding.count();
            let (app, budget) = (binding.app, self.budget);
            let answer = self
                .run_with(app, |helpers, account, engine, runnable, response| {
                    helpers.coap_for(account, engine, runnable, request, response, budget)
                })
                .map_err(|error| CoapError::Run(app, error))?;
            let is_pass = answer.is_pass;
            last = Some(answer);
            if !is_pass {
                break;
            }
        }
        let answer = last.ok_or(CoapError::NotFound)?;
        Ok(answer.reply(self.response))
    }

    /// Runs the container whose request has ended, if it is there and bound to
    /// `answer`, as [`run`](Self::run) does with the budget of a request; `false` if
    /// not, and the answer is lost.
    ///
    /// Its context is an [`AnswerContext`](rbpf_abi::context::AnswerContext), and the
    /// region [`region::GRANTED`](rbpf_vm::region::GRANTED) the payload, which it may
    /// read; its result is not looked at. What has replaced the container that asked
    /// gets no answer.
    pub fn answer(&mut self, answer: &CoapAnswer<'_>) -> bool {
        let mut bindings = self.bindings.iter_mut();
        let Some(binding) = bindings
            .find(|binding| binding.app == answer.app && matches!(binding.source, Source::Answer))
        else {
            return false;
        };
        binding.count();
        // Counted with the container.
        let _ = self.run(
            answer.app,
            answer.context().as_mut_bytes(),
            &mut [Grant::Read(answer.payload)],
            self.budget,
        );
        true
    }

    /// Runs a container once.
    ///
    /// r1 is the address of the context and r2 its length, or both are 0 if
    /// it is empty. At most `budget` instructions are executed, less what helpers
    /// charge.
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
        self.run_with(app, |helpers, account, engine, runnable, _| {
            helpers.run_for(account, engine, runnable, context, granted, budget)
        })
    }

    /// Has a container run, if it may, and counts what came of it.
    fn run_with<T>(
        &mut self,
        app: AppId,
        run: impl FnOnce(
            &mut Helpers<S, KV>,
            Account<'_>,
            &mut E,
            Runnable<'_>,
            &mut [u8],
        ) -> Result<RunReport<T>, MapError>,
    ) -> Result<T, RunError> {
        let mut account = self.account(app);
        account.alarm = alarm_of(&mut self.bindings, app);
        let services = &mut self.helpers.services;
        let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
        let mut tenant = self.tenants.get_mut(container.tenant);
        container.may_run(&self.limits, tenant.as_deref_mut(), services)?;
        clear_stack(self.stack, &mut self.last, app);
        let runnable = runnable(&container.name, &container.loaded, self.data, self.stack)
            .ok_or(RunError::Grant)?;
        let report = run(
            &mut self.helpers,
            account,
            &mut self.engine,
            runnable,
            self.response,
        )?;
        if container.record(&report, &self.limits) {
            self.pause.take(app);
        }
        if let Some(tenant) = tenant {
            tenant.spend(report.cost);
        }
        report.outcome.map_err(RunError::Fault)
    }

    /// [`run`](Self::run) for an event that nobody waits for; `None` if it is
    /// paused.
    fn run_unattended(
        &mut self,
        app: AppId,
        context: &mut [u8],
        budget: u32,
    ) -> Result<Option<u64>, RunError> {
        if PAUSE == 0 || self.limits.pauses == 0 {
            return self.run(app, context, &mut [], budget).map(Some);
        }
        if self.pause.runs().iter().any(|run| run.app == app) {
            let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
            return Err(container.deny(RunError::Paused));
        }
        self.run_part(app, None, context, budget)
    }

    /// Lets a run that is paused go on, with the budget of a request; `false` if
    /// there is none, or none may run now. Several take turns. To be called in
    /// turns with what else there is to do.
    pub fn resume(&mut self) -> bool {
        for index in 0..self.pause.runs().len() {
            let Some(app) = self.pause.runs().get(index).map(|run| run.app) else {
                break;
            };
            let tenant = self.tenants.get_mut(self.tenant_of(app.slot));
            let services = &mut self.helpers.services;
            // It may have been removed, or put in quarantine by another run.
            let may = match self.store.get_mut(app) {
                Some(container) => container.is_allowed(&self.limits, tenant, services),
                None => Err(RunError::UnknownApp),
            };
            if may == Err(RunError::Throttled) {
                continue;
            }
            let run = self.pause.take(app);
            let mut context = [0; MAX_PAUSED_CONTEXT];
            if let Some(run) = run.filter(|_| may.is_ok())
                && let Some(context) = context.get_mut(..run.context)
            {
                // Counted with the container.
                let _ = self.run_part(app, Some(run), context, self.budget);
            }
            return true;
        }
        false
    }

    /// Runs a container until it ends or is to be paused, from the start or from
    /// where it was.
    fn run_part(
        &mut self,
        app: AppId,
        paused: Option<PausedRun>,
        context: &mut [u8],
        budget: u32,
    ) -> Result<Option<u64>, RunError> {
        let others = PAUSE.saturating_sub(self.promised_pauses());
        let mut account = self.account(app);
        account.alarm = alarm_of(&mut self.bindings, app);
        let services = &mut self.helpers.services;
        let container = self.store.get_mut(app).ok_or(RunError::UnknownApp)?;
        let owner = container.tenant;
        let mut tenant = self.tenants.get_mut(owner);
        if paused.is_none() {
            container.may_run(&self.limits, tenant.as_deref_mut(), services)?;
        }
        clear_stack(self.stack, &mut self.last, app);
        let runnable = runnable(&container.name, &container.loaded, self.data, self.stack)
            .ok_or(RunError::Grant)?;
        let (stack, data) = (runnable.stack.len(), runnable.data.len());
        let (mut machine, left) = match paused {
            Some(run) => {
                let memory = [&mut *runnable.stack, &mut *runnable.data, &mut *context];
                self.pause.restore(&run, memory);
                (run.machine, run.left)
            }
            None => (machine(&runnable, context), self.limits.pauses),
        };
        machine.add_budget(budget);
        let before = machine.budget();
        let event = Event {
            context,
            granted: &mut [],
            coap: None,
            budget,
        };
        let outcome =
            self.helpers
                .proceed(account, &mut self.engine, runnable, event, &mut machine)?;
        let report = report(outcome, &machine, before);
        let most = match tenant {
            Some(tenant) => {
                tenant.spend(report.cost);
                tenant.allowance.paused.into()
            }
            None => others,
        };
        if outcome == Outcome::OutOfBudget
            && let Some(left) = left.checked_sub(1)
            && let (Some(stack), Some(data)) = (self.stack.get(..stack), self.data.get(..data))
            && let Some(place) = self.pause.save(owner, most, [stack, data, context])
        {
            self.pause.keep(PausedRun {
                app,
                tenant: owner,
                machine,
                left,
                context: context.len(),
                place,
            });
            container.record_part(report.cost, &self.limits);
            return Ok(None);
        }
        container.record(&report, &self.limits);
        if let Err(fault) = report.outcome {
            self.helpers
                .note(app, &container.name, fault, machine.registers());
        }
        report.outcome.map(Some).map_err(RunError::Fault)
    }

    /// Milliseconds until a timer is due or a paused run may go on, 0 if it is so
    /// far; `None` if there is neither.
    pub fn next_timer(&mut self) -> Option<u32> {
        let now = self.services().now_ms();
        let left = self.timers(now).map(|(left, _)| left).min();
        let left = left.map(|left| left.max(0).unsigned_abs());
        if self.pause.runs().is_empty() {
            return left;
        }
        Some(left.map_or(RESUME_MS, |left| left.min(RESUME_MS)))
    }

    /// Runs one container whose timer is due, as [`run`](Self::run) does with
    /// the budget of a request; `false` if none is. Of several, the one that is
    /// due for the longest.
    ///
    /// Its context is a [`TimerContext`]; its result is not looked at. Times
    /// that were missed meanwhile are passed over, so a container that takes
    /// longer than its period leaves the others their turns. A timer that is
    /// due once is unbound before it runs. An alarm may be set again in its run,
    /// and comes once more if its container had used up its share of time, or was
    /// paused.
    pub fn run_timer(&mut self) -> bool {
        let now = self.services().now_ms();
        let Some((left, index)) = self.timers(now).min() else {
            return false;
        };
        let Some(binding) = self.bindings.get_mut(index).filter(|_| left <= 0) else {
            return false;
        };
        binding.count();
        let app = binding.app;
        let is_alarm = matches!(binding.source, Source::Alarm(_));
        let (period, missed) = match &mut binding.source {
            Source::Timer(timer) => (timer.period(), timer.advance(now)),
            _ => (0, None),
        };
        if is_alarm {
            binding.silence();
        } else if missed.is_none() {
            self.bindings.remove(index);
            self.revise();
        }
        let mut context = TimerContext {
            now_ms: now.into(),
            period_ms: period.into(),
            missed: missed.unwrap_or_default().into(),
        };
        // Counted with the container.
        let run = self.run_unattended(app, context.as_mut_bytes(), self.budget);
        if is_alarm
            && let Err(RunError::Throttled | RunError::Paused) = run
            && let Some(alarm) = alarm_of(&mut self.bindings, app)
        {
            *alarm = Some(Timer::once(ALARM_RETRY_MS, now));
        }
        true
    }

    /// Runs one container that watches a value which has changed, as
    /// [`run`](Self::run) does with the budget of a request; `false` if none has.
    /// Watches take turns.
    ///
    /// Its context is a [`ChangeContext`]; its result is not looked at. However
    /// often a value has changed since the container looked, that is one event,
    /// and none if it is back at what it was. What the container itself stores there
    /// in that run is no event to it.
    pub fn run_change(&mut self) -> bool {
        let count = self.bindings.len();
        let after = self.turn.min(count);
        for index in (after..count).chain(0..after) {
            let Some((app, mut change)) = self.look(index) else {
                continue;
            };
            if change.before == change.value {
                continue;
            }
            self.turn = index + 1;
            if let Some(binding) = self.bindings.get_mut(index) {
                binding.count();
            }
            // Counted with the container.
            let _ = self.run_unattended(app, change.as_mut_bytes(), self.budget);
            self.look(index);
            return true;
        }
        false
    }

    /// Has a binding see the value that it watches, if it does: the container,
    /// and what it is told if the value has changed.
    fn look(&mut self, index: usize) -> Option<(AppId, ChangeContext)> {
        let binding = self.bindings.get_mut(index)?;
        let Source::Watch(watch) = &mut binding.source else {
            return None;
        };
        // A new image may want less than the one that was bound.
        if !self.store.has_rights(binding.app, watch.needs()) {
            return None;
        }
        let value = self.helpers.fetch(watch.scope, watch.key).unwrap_or(0);
        let before = core::mem::replace(&mut watch.last, value);
        let change = ChangeContext {
            key: watch.key.into(),
            before: before.into(),
            value: value.into(),
        };
        Some((binding.app, change))
    }

    /// The timers: milliseconds that are left, and indices of their bindings.
    fn timers(&self, now: u32) -> impl Iterator<Item = (i32, usize)> {
        let bindings = self.bindings.iter().enumerate();
        bindings.filter_map(move |(index, binding)| Some((binding.timer()?.left(now), index)))
    }

    /// Runs the containers that are bound to a hook, one after the other in
    /// the order of their bindings, each as [`run`](Self::run) does.
    ///
    /// All get the same context and the same regions: what one has written
    /// there, those after it see. Each has a budget of its own, which is the
    /// hook's if that has one. A fault ends
    /// the run of one and nothing else, unless the policy says so; regions
    /// that cannot be granted end the event. Containers in quarantine, and those
    /// that have used their share up, are passed over. The result of a container
    /// that has no say is not looked at; if it is not 0, that is counted as
    /// [denied](AppInfo::denied).
    pub fn trigger(
        &mut self,
        hook: &Hook<'_>,
        context: &mut [u8],
        granted: &mut [Grant<'_>],
        budget: u32,
    ) -> Triggered {
        self.trigger_with(hook, &[], context, granted, budget)
    }

    /// [`trigger`](Self::trigger) for an event that grants nothing but its context, of
    /// which each container gets a copy: what one writes there, nobody else sees.
    ///
    /// The copies are made in the first bytes of `memory`; of an event that is longer,
    /// they are as long as that.
    pub fn trigger_copies(
        &mut self,
        hook: &Hook<'_>,
        event: &[u8],
        memory: &mut [u8],
        budget: u32,
    ) -> Triggered {
        let length = event.len().min(memory.len());
        let context = memory.get_mut(..length).unwrap_or_default();
        self.trigger_with(hook, event, context, &mut [], budget)
    }

    /// Has the containers that are bound to the packet's hook judge it, as
    /// [`trigger`](Self::trigger) does, each with at most `budget` instructions.
    ///
    /// The context of each is a [`PacketContext`] of its own, and the region
    /// [`region::GRANTED`](rbpf_vm::region::GRANTED) the packet's first bytes,
    /// which it may read. The packet passes unless one that may drop packets says
    /// otherwise.
    pub fn judge(&mut self, packet: &Packet<'_>, budget: u32) -> Verdict {
        let mut context = PacketContext::new_zeroed();
        let triggered = self.trigger_with(
            &packet.hook.rules(),
            packet.context().as_bytes(),
            context.as_mut_bytes(),
            &mut [Grant::Read(packet.data)],
            budget,
        );
        Verdict::of(triggered.result)
    }

    /// [`trigger`](Self::trigger), with what the context begins with before each
    /// run.
    fn trigger_with(
        &mut self,
        hook: &Hook<'_>,
        begin: &[u8],
        context: &mut [u8],
        regions: &mut [Grant<'_>],
        budget: u32,
    ) -> Triggered {
        let budget = hook.budget.unwrap_or(budget);
        let mut triggered = Triggered::default();
        for index in 0..self.bindings.len() {
            let app = match self.bindings.get(index) {
                Some(binding)
                    if binding.target == hook.name
                        && !is_path(hook.name)
                        && matches!(binding.source, Source::Host) =>
                {
                    binding.app
                }
                _ => continue,
            };
            // A new image may want less than the one that was bound, or more.
            let granted = self.store.granted(app);
            if granted.is_none_or(|granted| hook.admit(granted).is_err()) {
                continue;
            }
            if let Some(binding) = self.bindings.get_mut(index) {
                binding.count();
            }
            for (to, from) in context.iter_mut().zip(begin) {
                *to = *from;
            }
            let run = if hook.posted && hook.budget.is_none() && regions.is_empty() {
                self.run_unattended(app, context, budget)
            } else {
                self.run(app, context, regions, budget).map(Some)
            };
            let error = match run {
                Ok(None) => {
                    triggered.runs += 1;
                    continue;
                }
                Ok(Some(result)) => {
                    triggered.runs += 1;
                    if !self.store.has_say(app, hook.say, result) {
                        continue;
                    }
                    triggered.result = Some(hook.policy.combine(triggered.result, result));
                    if hook.policy == Policy::FirstNonZero && result != 0 {
                        break;
                    }
                    continue;
                }
                Err(RunError::Quarantined | RunError::Throttled | RunError::Paused) => continue,
                Err(error) => error,
            };
            triggered.failure.get_or_insert((app, error));
            match error {
                RunError::Fault(_) => {
                    triggered.runs += 1;
                    triggered.faults += 1;
                    if hook.policy == Policy::StopOnFault {
                        triggered.result = None;
                        break;
                    }
                }
                _ => break,
            }
        }
        triggered
    }

    /// Runs an image once, where it lies, without installing it. It is
    /// granted what [`install`](Self::install) would grant it, and is called
    /// `-` in the log.
    ///
    /// What it stores is on the account of the [`HOST`], and its local store,
    /// [`KvScope::Local`]`(HOST)`, is that of all images that are run so. The
    /// image has to lie at a multiple of 8 bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as [`install`](Self::install) would say; or that
    /// regions cannot be granted. Nothing has run then. A fault is not an
    /// error, but an outcome.
    pub fn execute(
        &mut self,
        image: &[u8],
        allowed: Capabilities,
        context: &mut [u8],
        granted: &mut [Grant<'_>],
        budget: u32,
    ) -> Result<RunReport, ExecuteError> {
        let account = self.account(AppId {
            slot: HOST,
            generation: 0,
        });
        let (_, rules) = self.store_with_rules(allowed);
        let loaded = store::verify(image, image.len(), &rules)
            .map_err(|(_, error)| ExecuteError::Refused(error))?;
        // Whoever ran before, and whoever runs next.
        self.last = None;
        self.stack.fill(0);
        let runnable = runnable("-", &loaded, self.data, self.stack).ok_or(ExecuteError::Grant)?;
        self.helpers
            .run_for(
                account,
                &mut self.engine,
                runnable,
                context,
                granted,
                budget,
            )
            .map_err(|_| ExecuteError::Grant)
    }

    /// Who is charged for what a container stores, or the host.
    fn account<'r>(&self, app: AppId) -> Account<'r> {
        let (quota, tenant) = self.quota(app.slot);
        Account {
            app,
            quota,
            tenant,
            alarm: None,
        }
    }

    /// How many values the container in a slot may own, or the host: its share,
    /// or less if its tenant has less left; and that tenant.
    fn quota(&self, slot: u8) -> (usize, Option<TenantId>) {
        let mut quota = KV / (SLOTS + 1);
        let id = self.tenant_of(slot);
        if let Some(tenant) = self.tenants.get(id) {
            let owned = |own: &dyn Fn(u8) -> bool| {
                let values = self.values();
                values.filter(|entry| own(entry.owner)).count()
            };
            let mine = owned(&|owner| owner == slot);
            let all = owned(&|owner| self.tenant_of(owner) == id);
            let left = usize::from(tenant.allowance.values).saturating_sub(all);
            quota = quota.min(mine + left);
        }
        (quota, id)
    }

    /// The tenant of the container in a slot. Without tenants, none is looked
    /// for.
    fn tenant_of(&self, slot: u8) -> Option<TenantId> {
        if TENANTS == 0 {
            return None;
        }
        self.store.tenant_of(slot)
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

/// A program with its rodata, and its data and bss as they are at the start
/// of every run.
fn runnable<'r, B: AsRef<[u8]>>(
    name: &'r str,
    loaded: &'r Loaded<B>,
    data: &'r mut [u8],
    stack: &'r mut [u8],
) -> Option<Runnable<'r>> {
    let image = loaded.verified.bytes();
    let (rodata, data, stack) = sections(image, &loaded.layout, data, stack)?;
    Some(Runnable {
        name,
        program: loaded.verified.program(),
        rodata,
        data,
        stack,
    })
}

/// The memory of a run. What there is suffices, as verifying has shown.
fn sections<'r>(
    image: &'r [u8],
    layout: &Layout,
    data: &'r mut [u8],
    stack: &'r mut [u8],
) -> Option<(&'r [u8], &'r mut [u8], &'r mut [u8])> {
    let initial = image.get(layout.data.clone())?;
    let data = data.get_mut(..initial.len() + layout.bss_len)?;
    let (variables, bss) = data.split_at_mut_checked(initial.len())?;
    variables.copy_from_slice(initial);
    bss.fill(0);
    Some((
        image.get(layout.rodata.clone())?,
        data,
        // As long as the image says, not as this host has it: programs do
        // the same everywhere.
        stack.get_mut(..layout.stack_len)?,
    ))
}
