// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doing a job, for the thread that owns the runtime.

use heapless::String;
use rbpf_abi::Capabilities;
use rbpf_runtime::{
    AppId, AppInfo, CoapError, CoapRequest, Hook, InstallError, KvScope, MAX_NAME, RunError,
    Runtime, Services, TenantId, TenantInfo, is_automatic,
};
use rbpf_vm::{Engine, Fault, REGIONS};

use crate::job::{Job, Operation, Status};
use crate::lease::Leases;
use crate::page::number;
use crate::report::{Format, Report};
use crate::staging::Staging;

/// What a job needs beside the runtime.
pub struct Host<'h, const IMAGE: usize, const LEASES: usize> {
    /// Where images are put together.
    pub staging: &'h mut Staging<IMAGE>,
    /// Which containers are there for a time.
    pub leases: &'h mut Leases<LEASES>,
    /// What installed containers may be granted.
    pub allowed: Capabilities,
    /// Instructions of one run that somebody asks for by hand.
    pub budget: u32,
    /// Whether a path is no container's to be bound to, as [`is_reserved`] says and the
    /// host.
    pub is_reserved: &'h dyn Fn(&str) -> bool,
    /// The hook at a position, from 0: what containers can be bound to beside
    /// paths.
    pub hooks: &'h dyn Fn(usize) -> Option<Hook<'h>>,
    /// Further figures for [`Operation::Stats`].
    pub figures: &'h [(&'static str, u32)],
}

/// Does a job.
pub fn work<
    's,
    S,
    E,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
    const PAGE: usize,
    const IMAGE: usize,
    const LEASES: usize,
>(
    runtime: &mut Runtime<'s, S, SLOTS, BINDINGS, KV, E, TENANTS, PAUSE>,
    job: &mut Job<PAGE>,
    host: &mut Host<'_, IMAGE, LEASES>,
) where
    S: Services,
    E: Engine,
{
    let status = Worker { runtime, job, host }.work();
    job.status = status;
}

/// What all operations take.
struct Worker<
    'w,
    's,
    'h,
    S,
    E,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
    const PAGE: usize,
    const IMAGE: usize,
    const LEASES: usize,
> {
    runtime: &'w mut Runtime<'s, S, SLOTS, BINDINGS, KV, E, TENANTS, PAUSE>,
    job: &'w mut Job<PAGE>,
    host: &'w mut Host<'h, IMAGE, LEASES>,
}

impl<
    S,
    E,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
    const PAGE: usize,
    const IMAGE: usize,
    const LEASES: usize,
> Worker<'_, '_, '_, S, E, SLOTS, BINDINGS, KV, TENANTS, PAUSE, PAGE, IMAGE, LEASES>
where
    S: Services,
    E: Engine,
{
    fn work(&mut self) -> Status {
        match self.job.operation {
            Operation::List => self.list(),
            Operation::Info => self.info(),
            Operation::Values => self.values(),
            Operation::Value => self.value(),
            Operation::Slots => self.slots(),
            Operation::Bindings => self.bindings(),
            Operation::Tenants => self.tenants(),
            Operation::Faults => self.faults(),
            Operation::Stats => self.stats(),
            Operation::Links => self.links(),
            // The host does them, if it keeps what is printed.
            Operation::Log | Operation::LogFrom => Status::NotFound,
            Operation::Run => self.run(),
            Operation::Bind => done(self.bind()),
            Operation::Unbind => done(self.unbind()),
            Operation::Remove => done(self.remove()),
            Operation::Release => done(self.release()),
            Operation::Lease => done(self.lease()),
            Operation::Install => self.install().unwrap_or_else(|status| status),
            Operation::Coap => self.coap(),
        }
    }

    fn app(&self) -> Option<AppId> {
        self.runtime.find(&self.job.name)
    }

    /// The tenant on whose behalf the job is; `None` is the operator.
    fn tenant(&self) -> Result<Option<TenantId>, Status> {
        match self.job.tenant.as_str() {
            "" => Ok(None),
            name => self.runtime.tenant(name).map(Some).ok_or(Status::NotFound),
        }
    }

    /// The container, for who may change it: its tenant, and the operator.
    fn own_app(&self) -> Result<AppId, Status> {
        let tenant = self.tenant()?;
        let app = self.app().ok_or(Status::NotFound)?;
        if tenant.is_some() && tenant != self.tenant_of(app) {
            return Err(Status::Forbidden);
        }
        Ok(app)
    }

    fn tenant_of(&self, app: AppId) -> Option<TenantId> {
        self.runtime.apps().find(|info| info.id == app)?.tenant
    }

    /// What the clock of leases says.
    fn now(&mut self) -> u32 {
        if LEASES == 0 {
            return 0;
        }
        self.runtime.services().now_ms()
    }

    fn list(&mut self) -> Status {
        let now = self.now();
        let mut report = self.job.report();
        report.list();
        for info in self.runtime.apps() {
            let tenant = self.runtime.tenant_name(info.tenant);
            let lease = self.host.leases.left(info.id, now);
            record(self.runtime.bindings(), tenant, lease, &info, &mut report);
            report.end();
        }
        report.end();
        Status::Done
    }

    fn info(&mut self) -> Status {
        let Some(app) = self.app() else {
            return Status::NotFound;
        };
        let now = self.now();
        let mut report = self.job.report();
        for info in self.runtime.apps().filter(|info| info.id == app) {
            let tenant = self.runtime.tenant_name(info.tenant);
            let lease = self.host.leases.left(info.id, now);
            record(self.runtime.bindings(), tenant, lease, &info, &mut report);
            report.number_line("slot", info.id.slot().into());
            report.number_line("generation", info.id.generation());
            if let Some(digest) = self.runtime.digest(app) {
                report.line_key("digest");
                report.bytes(&digest);
                report.line();
            }
            report.number_line("denied", info.denied);
            let mut names = info.granted.names();
            lines(&mut report, "granted", &mut || names.next());
            let mut bound = self.runtime.bindings().filter(|&(_, other)| other == app);
            lines(&mut report, "bound", &mut || Some(bound.next()?.0));
            report.end();
        }
        Status::Done
    }

    fn values(&mut self) -> Status {
        let mut report = self.job.report();
        report.list();
        for entry in self.runtime.values() {
            report.record();
            match entry.scope {
                KvScope::Global => report.first("store", "global"),
                _ => report.first("store", &store_name(self.runtime, entry.scope)),
            }
            report.number_field("key", entry.key);
            report.number_field("value", entry.value);
            report.text_field("owner", name_of(self.runtime.apps(), entry.owner));
            report.line();
            report.end();
        }
        report.end();
        Status::Done
    }

    fn value(&mut self) -> Status {
        let Some(scope) = scope(self.runtime, &self.job.name) else {
            return Status::NotFound;
        };
        match self.runtime.fetch(scope, self.job.key) {
            Some(value) => {
                self.job.report().number(value.into());
                Status::Done
            }
            None => Status::NotFound,
        }
    }

    fn slots(&mut self) -> Status {
        let mut report = self.job.report();
        report.list();
        for slot in self.runtime.slots() {
            report.record();
            report.line_key("slot");
            report.number(slot.number.into());
            let info = slot.app.as_ref();
            // One without room has had all the containers that it could.
            let empty = if slot.room == 0 { "retired" } else { "empty" };
            let state = info.map_or(empty, |info| {
                let mut bindings = self.runtime.bindings();
                state(info, bindings.any(|(_, app)| app == info.id))
            });
            report.text_field("state", state);
            report.number_field("generation", slot.generation);
            report.number_field("room", slot.room as u32);
            if let Some(info) = info {
                report.text_field("name", info.name);
                report.number_field("bytes", info.image.len() as u32);
                version(info, &mut report);
            }
            report.line();
            report.end();
        }
        report.end();
        Status::Done
    }

    fn bindings(&mut self) -> Status {
        let mut report = self.job.report();
        report.list();
        let bindings = self.runtime.bindings();
        for ((target, app), events) in bindings.zip(self.runtime.binding_events()) {
            let name = name_of(self.runtime.apps(), app.slot());
            binding(&mut report, target, name, Some(events));
        }
        for hook in hooks(self.host.hooks) {
            if !self
                .runtime
                .bindings()
                .any(|(target, _)| target == hook.name)
            {
                binding(&mut report, hook.name, "-", None);
            }
        }
        report.end();
        Status::Done
    }

    fn tenants(&mut self) -> Status {
        let mut report = self.job.report();
        report.list();
        for TenantInfo {
            id,
            name,
            allowance,
        } in self.runtime.tenants()
        {
            let mine = |slot: u8| {
                let mut apps = self.runtime.apps();
                apps.any(|info| info.id.slot() == slot && info.tenant == Some(id))
            };
            let apps = self.runtime.apps().filter(|info| info.tenant == Some(id));
            let bindings = self.runtime.bindings();
            let bindings = bindings.filter(|&(_, app)| mine(app.slot()));
            let values = self.runtime.values().filter(|entry| mine(entry.owner));
            report.record();
            report.first("name", name);
            for (key, figure) in [
                ("slots", apps.count() as u32),
                ("slots-max", allowance.slots.into()),
                ("bindings", bindings.count() as u32),
                ("bindings-max", allowance.bindings.into()),
                ("values", values.count() as u32),
                ("values-max", allowance.values.into()),
                ("rate", allowance.rate),
            ] {
                report.number_field(key, figure);
            }
            report.line();
            report.end();
        }
        report.end();
        Status::Done
    }

    fn faults(&mut self) -> Status {
        let mut report = self.job.report();
        report.list();
        for entry in (0..).map_while(|position| self.runtime.fault(position)) {
            report.record();
            report.first("name", &entry.name);
            report.word(" ");
            fault(&entry.fault, &mut report);
            report.number_field("ms", entry.at_ms);
            report.number_field("slot", entry.app.slot().into());
            report.number_field("generation", entry.app.generation());
            // Which image it was is known as long as it is there.
            let mut apps = self.runtime.apps();
            if let Some(info) = apps.find(|info| info.id == entry.app) {
                version(&info, &mut report);
            }
            if let Some(digest) = self.runtime.digest(entry.app) {
                report.key("digest");
                report.bytes(&digest);
            }
            if !report.for_strangers {
                report.key("registers");
                report.addresses(&entry.registers);
            }
            report.line();
            report.end();
        }
        report.end();
        Status::Done
    }

    fn stats(&mut self) -> Status {
        let mut report = self.job.report();
        report.record();
        report.number_line("slots", self.runtime.apps().count() as u32);
        report.number_line("slots-max", SLOTS as u32);
        report.number_line("bindings", self.runtime.bindings().count() as u32);
        report.number_line("bindings-max", BINDINGS as u32);
        report.number_line("values", self.runtime.values().count() as u32);
        report.number_line("values-max", KV as u32);
        report.number_line("image-bytes", IMAGE as u32);
        report.number_line("budget", self.host.budget);
        for &(key, figure) in self.host.figures {
            report.number_line(key, figure);
        }
        report.end();
        Status::Done
    }

    fn links(&mut self) -> Status {
        let page = &mut self.job.page;
        page.start(self.job.offset);
        page.text("</rbpf>;ct=\"0 60\"");
        if cfg!(feature = "observe") {
            page.text(";obs");
        }
        for (target, app) in self.runtime.bindings() {
            // Hooks are no resources, a path of several containers is one, and what has
            // become the host's since is its to tell.
            if self.runtime.bound(target).next() == Some(app) && !(self.host.is_reserved)(target) {
                page.text(",<").text(target).text(">");
            }
        }
        Status::Done
    }

    fn run(&mut self) -> Status {
        let Some(app) = self.app() else {
            self.job.page.start(0);
            return Status::NotFound;
        };
        let before = self.instructions(app);
        // The context is the input; what the container leaves there is
        // nobody's business.
        let result = self
            .runtime
            .run(app, self.job.page.bytes_mut(), &mut [], self.host.budget);
        self.job.instructions = self.instructions(app).wrapping_sub(before);
        let executed = self.job.instructions;
        let mut report = self.job.report();
        match result {
            Ok(result) => {
                report.record();
                report.line_key("result");
                report.number(result);
                report.line();
                report.number_line("instructions", executed);
                report.end();
                Status::Done
            }
            Err(error) => run_error(&error, &mut report),
        }
    }

    /// Instructions that a container has executed; differences do not wrap.
    fn instructions(&self, app: AppId) -> u32 {
        let found = self.runtime.apps().find(|info| info.id == app);
        found.map_or(0, |info| info.counters.instructions as u32)
    }

    fn bind(&mut self) -> Result<(), Status> {
        let app = self.own_app()?;
        let target = self.job.target.as_str();
        if (self.host.is_reserved)(target) {
            return Err(Status::Taken);
        }
        let bound = if target.starts_with('/') || is_automatic(target) {
            self.runtime.bind(target, app)
        } else {
            let hook = hooks(self.host.hooks).find(|hook| hook.name == target);
            self.runtime.bind_hook(&hook.ok_or(Status::NotFound)?, app)
        };
        Ok(bound?)
    }

    fn unbind(&mut self) -> Result<(), Status> {
        let app = match (self.tenant()?, self.job.name.is_empty()) {
            (None, true) => None,
            // All containers are more than a tenant's own.
            (Some(_), true) => return Err(Status::Forbidden),
            (_, false) => Some(self.own_app()?),
        };
        found(self.runtime.unbind(&self.job.target, app))
    }

    fn remove(&mut self) -> Result<(), Status> {
        let app = self.own_app()?;
        found(self.runtime.remove(app))
    }

    fn lease(&mut self) -> Result<(), Status> {
        if LEASES == 0 {
            return Err(Status::NotFound);
        }
        let app = self.own_app()?;
        let seconds = number(&self.job.target).ok_or(Status::Invalid)?;
        let now = self.now();
        let tenant = self.tenant_of(app);
        // The tenants, and the device itself.
        let parties = self.runtime.tenants().count() + 1;
        let of = |app| self.runtime.apps().find(|info| info.id == app);
        let leases = &mut *self.host.leases;
        let party = |app| of(app).is_some_and(|info| info.tenant == tenant);
        leases.set(app, seconds, now, party, parties)
    }

    fn release(&mut self) -> Result<(), Status> {
        let app = self.own_app()?;
        found(self.runtime.release(app))
    }

    fn install(&mut self) -> Result<Status, Status> {
        let name = self.job.name.clone();
        let name = name.as_str();
        let tenant = self.tenant()?;
        let old = match self.app() {
            Some(_) => Some(self.own_app()?),
            None => None,
        };
        let image = self.host.staging.image(name).ok_or(Status::NotFound)?;
        let bytes = image.len();
        let (again, created) = match self.host.staging.installed() {
            // Asked for twice, since the first answer was lost.
            (again, created) if again.is_some() && again == old => (again, created),
            _ => (None, old.is_none()),
        };
        let allowed = self.host.allowed;
        let installed = match (again, old, tenant) {
            (Some(app), ..) => Ok(app),
            (None, Some(old), _) => self.runtime.replace(old, image, allowed),
            (None, None, Some(tenant)) => self.runtime.install_for(tenant, name, image, allowed),
            (None, None, None) => self.runtime.install(name, image, allowed),
        };
        let mut report = self.job.report();
        match installed {
            Ok(app) => {
                self.host.staging.set_installed(app, created);
                report.record();
                report.word(if created { "installed " } else { "replaced " });
                report.first("name", name);
                report.number_field("slot", app.slot().into());
                report.number_field("bytes", bytes as u32);
                report.line();
                report.end();
                Ok(if created {
                    Status::Created
                } else {
                    Status::Done
                })
            }
            Err(error) => {
                self.host.staging.clear();
                install_error(&error, &mut report);
                Err(error.into())
            }
        }
    }

    /// Instructions of all containers that answer on the job's path; wraps.
    fn instructions_on_path(&self) -> u32 {
        let bound = self.runtime.bound(&self.job.target);
        bound.fold(0, |sum, app| sum.wrapping_add(self.instructions(app)))
    }

    fn coap(&mut self) -> Status {
        let before = self.instructions_on_path();
        let job = &mut *self.job;
        let reply = self.runtime.coap(&CoapRequest {
            code: job.method,
            path: &job.target,
            query: &job.query,
            observe: job.observe,
            payload: job.page.bytes(),
        });
        let status = match reply {
            Ok(reply) => {
                job.code = reply.code;
                job.content_format = reply.content_format;
                job.is_observable = reply.is_observable;
                job.page.start(job.offset);
                job.page.push(reply.payload);
                Status::Done
            }
            Err(CoapError::NotFound) => {
                job.page.start(0);
                Status::NotFound
            }
            Err(CoapError::Run(_, error)) => run_error(&error, &mut job.report()),
        };
        self.job.instructions = self.instructions_on_path().wrapping_sub(before);
        status
    }
}

/// The store of a name: that of a container, `@NAME` of a tenant, `@` of the
/// containers without one, or the global one if it is empty.
pub fn scope<
    S: Services,
    E: Engine,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
>(
    runtime: &Runtime<'_, S, SLOTS, BINDINGS, KV, E, TENANTS, PAUSE>,
    name: &str,
) -> Option<KvScope> {
    match (name, name.strip_prefix('@')) {
        ("", _) => Some(KvScope::Global),
        ("@", _) => Some(KvScope::Tenant(None)),
        (_, Some(tenant)) => Some(KvScope::Tenant(Some(runtime.tenant(tenant)?))),
        _ => Some(KvScope::Local(runtime.find(name)?.slot())),
    }
}

/// The name of a store, as [`scope`] has it; `-` for that of images that are not
/// installed.
pub fn store_name<
    S: Services,
    E: Engine,
    const SLOTS: usize,
    const BINDINGS: usize,
    const KV: usize,
    const TENANTS: usize,
    const PAUSE: usize,
>(
    runtime: &Runtime<'_, S, SLOTS, BINDINGS, KV, E, TENANTS, PAUSE>,
    scope: KvScope,
) -> String<{ MAX_NAME + 1 }> {
    let (at, name) = match scope {
        KvScope::Global => ("", ""),
        KvScope::Local(slot) => ("", name_of(runtime.apps(), slot)),
        KvScope::Tenant(tenant) => ("@", runtime.tenant_name(tenant)),
    };
    let mut store = String::new();
    // As long as a name can be, and one more.
    let _ = store.push_str(at).and_then(|()| store.push_str(name));
    store
}

/// All hooks of a host.
fn hooks<'h>(nth: &'h dyn Fn(usize) -> Option<Hook<'h>>) -> impl Iterator<Item = Hook<'h>> {
    (0..).map_while(nth)
}

fn done(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Done)
}

fn found(found: bool) -> Result<(), Status> {
    found.then_some(()).ok_or(Status::NotFound)
}

/// Whether a path is one of the device's own.
pub(crate) fn is_own(path: &str) -> bool {
    path.strip_prefix("/rbpf")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is the device's, and no container's to be bound to.
#[must_use]
pub fn is_reserved(path: &str) -> bool {
    is_own(path) || path.starts_with("/.well-known")
}

/// The name of the container in a slot.
fn name_of<'a>(mut apps: impl Iterator<Item = AppInfo<'a>>, slot: u8) -> &'a str {
    apps.find(|info| info.id.slot() == slot)
        .map_or("-", |info| info.name)
}

/// What is said of a container.
fn state(info: &AppInfo<'_>, bound: bool) -> &'static str {
    match bound {
        _ if info.quarantined => "quarantined",
        true => "bound",
        false => "verified",
    }
}

/// A container; the record is left open.
fn record<'a, const PAGE: usize>(
    bindings: impl Iterator<Item = (&'a str, AppId)>,
    tenant: &str,
    lease: Option<u32>,
    info: &AppInfo<'_>,
    report: &mut Report<'_, PAGE>,
) {
    let (mut bound, mut path) = (false, None);
    for (target, _) in bindings.filter(|&(_, app)| app == info.id) {
        bound = true;
        path = path.or(Some(target).filter(|target| target.starts_with('/')));
    }
    let counters = &info.counters;
    report.record();
    report.first("name", info.name);
    report.text_field("state", state(info, bound));
    match path {
        Some(path) => report.text_field("path", path),
        None => report.word(" path -"),
    }
    report.number_field("bytes", info.image.len() as u32);
    report.number_field("runs", counters.runs);
    report.number_field("faults", counters.faults);
    report.key("instructions");
    report.number(counters.instructions);
    report.number_field("longest", counters.longest_run);
    report.number_field("helpers", counters.helper_calls);
    if !tenant.is_empty() {
        report.text_field("tenant", tenant);
    }
    version(info, report);
    if let Some(seconds) = lease {
        report.number_field("lease", seconds);
    }
    if let Some(last) = &info.last_fault {
        report.word(" last ");
        fault(last, report);
    }
    report.line();
}

/// The field of a version, if there is one.
fn version<const PAGE: usize>(info: &AppInfo<'_>, report: &mut Report<'_, PAGE>) {
    if let Some(version) = info.version() {
        report.number_field("version", version);
    }
}

/// Fields of a fault. The offset of an address may be any value that was in a register:
/// strangers see one past all that a region has, and what is no region at all as the last.
fn fault<const PAGE: usize>(fault: &Fault, report: &mut Report<'_, PAGE>) {
    report.word("fault ");
    report.first("fault", fault.kind.name());
    report.number_field("pc", fault.pc);
    report.key("address");
    report.address(match fault.address >> 24 {
        _ if !report.for_strangers || fault.address == 0 => fault.address,
        region if region < REGIONS as u64 => region << 24 | 0xff_ffff,
        _ => 0xffff_ffff,
    });
}

/// An array of texts; in text a line each.
fn lines<'a, const PAGE: usize>(
    report: &mut Report<'_, PAGE>,
    key: &str,
    next: &mut dyn FnMut() -> Option<&'a str>,
) {
    if !report.is_text() {
        report.key(key);
    }
    report.list();
    while let Some(text) = next() {
        report.word(key);
        report.word(" ");
        report.text(text);
        report.line();
    }
    report.end();
}

fn binding<const PAGE: usize>(
    report: &mut Report<'_, PAGE>,
    target: &str,
    name: &str,
    events: Option<u32>,
) {
    report.record();
    report.first("target", target);
    if report.is_text() {
        report.word(" ");
        report.text(name);
    } else {
        report.text_field("name", name);
    }
    if let Some(events) = events {
        report.number_field("events", events);
    }
    report.line();
    report.end();
}

/// The status of a run that gave no result, with a text.
fn run_error<const PAGE: usize>(error: &RunError, report: &mut Report<'_, PAGE>) -> Status {
    if let RunError::Fault(last) = error {
        // Errors are texts, whatever was asked for.
        report.format = Format::Text;
        fault(last, report);
    }
    (*error).into()
}

/// What is wrong with an image, in a line.
fn install_error<const PAGE: usize>(error: &InstallError, report: &mut Report<'_, PAGE>) {
    let page = &mut *report.page;
    page.text(error.text());
    match error {
        InstallError::Image(image) => {
            page.text(", image error ").number(*image as u8);
        }
        InstallError::Verify(verify) => {
            page.text(": ")
                .text(verify.kind.text())
                .text(" at pc ")
                .number(verify.pc);
        }
        _ => {}
    }
}
