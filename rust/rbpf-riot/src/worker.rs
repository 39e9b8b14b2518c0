// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread `rbpf`: it owns the runtime and does the queue's jobs.
//!
//! Answers are lines of text in the form that the workstation's device has,
//! one record a line. Who asked, and over what, is not known here.

use core::mem::MaybeUninit;

use rbpf_abi::Capabilities;
use rbpf_runtime::{
    AppId, AppInfo, BindError, CoapError, CoapRequest, InstallError, KvScope, Memory, RunError,
    Runtime,
};
use rbpf_vm::FaultKind;
use riot_wrappers::mutex::Mutex;

use crate::config;
use crate::job::{Job, Operation, Status};
use crate::page::{PAGE, Page};
use crate::services::RiotServices;
use crate::{queue, staging, sys};

const SLOTS: usize = config::SLOTS as usize;
const BINDINGS: usize = config::BINDINGS as usize;
const KV: usize = config::KV_ENTRIES as usize;

type Containers = Runtime<'static, RiotServices, SLOTS, BINDINGS, KV>;

/// Stack of the thread: what is configured, at least what making the runtime
/// takes. Native threads serve signals on it.
const WORKER_STACK: usize = {
    let configured = config::STACK_SIZE as usize;
    let least = if cfg!(target_os = "linux") {
        64 * 1024
    } else {
        size_of::<Containers>() + 1024
    };
    if configured < least {
        least
    } else {
        configured
    }
};

/// Buffers that begin at a multiple of 8 bytes.
#[repr(align(8))]
struct Aligned<T>(T);

/// What the runtime works in.
struct Buffers {
    images: [Aligned<[u8; config::IMAGE_SIZE as usize]>; SLOTS],
    stack: Aligned<[u8; config::VM_STACK_SIZE as usize]>,
    data: Aligned<[u8; config::DATA_SIZE as usize]>,
    response: [u8; PAGE],
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    images: [const { Aligned([0; config::IMAGE_SIZE as usize]) }; SLOTS],
    stack: Aligned([0; config::VM_STACK_SIZE as usize]),
    data: Aligned([0; config::DATA_SIZE as usize]),
    response: [0; PAGE],
});
static RUNTIME: Mutex<MaybeUninit<Containers>> = Mutex::new(MaybeUninit::uninit());
static STACK: Mutex<Aligned<[u8; WORKER_STACK]>> = Mutex::new(Aligned([0; WORKER_STACK]));
static THREAD: Mutex<fn()> = Mutex::new(run);

/// Starts the thread. Once.
///
/// # Errors
///
/// If RIOT has no more threads, or it has been started.
pub(crate) fn start() -> Result<(), ()> {
    let (Some(stack), Some(thread)) = (STACK.try_leak(), THREAD.try_leak()) else {
        return Err(());
    };
    if cfg!(rbpf_unsigned_install) {
        sys::print(
            "rbpf: WARNING: anyone on the network may install containers on this device \
             (CONFIG_RBPF_UNSIGNED_INSTALL=1)\n",
        );
    }
    riot_wrappers::thread::spawn(
        &mut stack.0,
        thread,
        c"rbpf",
        config::PRIORITY as u8,
        riot_sys::THREAD_CREATE_STACKTEST as i32,
    )
    .map(|_| ())
    .map_err(|_| ())
}

/// The thread.
fn run() {
    let Some(runtime) = build() else {
        return;
    };
    queue::serve(|job| {
        work(runtime, job);
        runtime.services().end_line();
    })
}

/// Makes the runtime. It is moved to its place over the stack, and not
/// inlined, so that the stack is free again afterwards; see
/// [`WORKER_STACK`].
#[inline(never)]
fn build() -> Option<&'static mut Containers> {
    let Buffers {
        images,
        stack,
        data,
        response,
    } = BUFFERS.try_leak()?;
    let runtime = RUNTIME.try_leak()?.write(Runtime::new(
        RiotServices::default(),
        Memory {
            images: images.each_mut().map(|image| &mut image.0[..]),
            stack: &mut stack.0,
            data: &mut data.0,
            response,
        },
    ));
    runtime.set_budget(config::BUDGET);
    Some(runtime)
}

/// Does one job.
fn work(runtime: &mut Containers, job: &mut Job) {
    job.status = match job.operation {
        Operation::List => list(runtime, &mut job.output),
        Operation::Info => info(runtime, job),
        Operation::Values => values(runtime, &mut job.output),
        Operation::Value => value(runtime, job),
        Operation::Bindings => bindings(runtime, &mut job.output),
        Operation::Stats => stats(runtime, &mut job.output),
        Operation::Run => run_once(runtime, job),
        Operation::Bind => bind(runtime, job),
        Operation::Unbind => unbind(runtime, job),
        Operation::Remove => remove(runtime, job),
        Operation::Install => install(runtime, job),
        Operation::Coap => coap(runtime, job),
    };
}

fn list(runtime: &Containers, page: &mut Page) -> Status {
    for info in runtime.apps() {
        record(runtime, &info, page);
    }
    Status::Done
}

/// A container in one line.
fn record(runtime: &Containers, info: &AppInfo<'_>, page: &mut Page) {
    let path = runtime.bindings().find(|&(_, app)| app == info.id);
    let counters = &info.counters;
    page.text(info.name)
        .text(" path ")
        .text(path.map_or("-", |(path, _)| path))
        .text(" bytes ")
        .number(info.size as u64);
    for (name, count) in [
        (" runs ", counters.runs.into()),
        (" faults ", counters.faults.into()),
        (" instructions ", counters.instructions),
        (" longest ", counters.longest_run.into()),
        (" helpers ", counters.helper_calls.into()),
    ] {
        page.text(name).number(count);
    }
    if let Some(last) = &info.last_fault {
        page.text(" last ");
        fault(last, page);
    }
    page.text("\n");
}

fn fault(fault: &rbpf_vm::Fault, page: &mut Page) {
    page.text("fault ")
        .text(fault.kind.name())
        .text(" pc ")
        .number(fault.pc)
        .text(" address ")
        .hex(fault.address);
}

fn info(runtime: &Containers, job: &mut Job) -> Status {
    let found = runtime.apps().find(|info| info.name == job.name);
    let Some(info) = found else {
        return Status::NotFound;
    };
    let page = &mut job.output;
    record(runtime, &info, page);
    page.text("slot ").number(info.id.slot()).text("\n");
    for name in info.granted.names() {
        page.text("granted ").text(name).text("\n");
    }
    for (path, _) in runtime.bindings().filter(|&(_, app)| app == info.id) {
        page.text("bound ").text(path).text("\n");
    }
    Status::Done
}

/// The name of the container in a slot.
fn name_of(runtime: &Containers, slot: u8) -> &str {
    let found = runtime.apps().find(|info| info.id.slot() == slot);
    found.map_or("-", |info| info.name)
}

fn values(runtime: &Containers, page: &mut Page) -> Status {
    for entry in runtime.values() {
        page.text(match entry.scope {
            KvScope::Global => "global",
            KvScope::Local(slot) => name_of(runtime, slot),
        });
        page.text(" key ").number(entry.key);
        page.text(" value ").number(entry.value);
        page.text(" owner ").text(name_of(runtime, entry.owner));
        page.text("\n");
    }
    Status::Done
}

fn value(runtime: &Containers, job: &mut Job) -> Status {
    let scope = if job.name.is_empty() {
        KvScope::Global
    } else {
        match runtime.find(&job.name) {
            Some(app) => KvScope::Local(app.slot()),
            None => return Status::NotFound,
        }
    };
    match runtime.fetch(scope, job.key) {
        Some(value) => {
            job.output.number(value);
            Status::Done
        }
        None => Status::NotFound,
    }
}

fn bindings(runtime: &Containers, page: &mut Page) -> Status {
    for (path, app) in runtime.bindings() {
        page.text(path).text(" ");
        page.text(name_of(runtime, app.slot())).text("\n");
    }
    Status::Done
}

fn stats(runtime: &Containers, page: &mut Page) -> Status {
    let queue = queue::stats();
    for (name, used, all) in [
        ("slots", runtime.apps().count(), SLOTS),
        ("bindings", runtime.bindings().count(), BINDINGS),
        ("values", runtime.values().count(), KV),
    ] {
        page.text(name).text(" ").number(used as u64);
        page.text(" of ").number(all as u64).text("\n");
    }
    for (name, count) in [
        ("image-bytes ", config::IMAGE_SIZE),
        ("budget ", config::BUDGET),
        ("jobs ", queue.jobs),
        ("refused ", queue.refused),
        ("timeouts ", queue.timeouts),
    ] {
        page.text(name).number(count).text("\n");
    }
    Status::Done
}

/// The status of a run that gave no result, with a text.
fn run_error(error: &RunError, page: &mut Page) -> Status {
    match error {
        RunError::UnknownApp => Status::NotFound,
        RunError::Grant => Status::Invalid,
        RunError::Fault(last) => {
            fault(last, page);
            match last.kind {
                FaultKind::BudgetExhausted => Status::Budget,
                _ => Status::Fault,
            }
        }
    }
}

/// Instructions that a container has executed.
fn instructions(runtime: &Containers, app: AppId) -> u64 {
    let found = runtime.apps().find(|info| info.id == app);
    found.map_or(0, |info| info.counters.instructions)
}

fn run_once(runtime: &mut Containers, job: &mut Job) -> Status {
    let Some(app) = runtime.find(&job.name) else {
        return Status::NotFound;
    };
    let before = instructions(runtime, app);
    match runtime.run(app, &mut job.input, &mut [], config::BUDGET) {
        Ok(result) => {
            let executed = instructions(runtime, app).wrapping_sub(before);
            job.output.text("result ").number(result);
            job.output.text(" instructions ").number(executed);
            job.output.text("\n");
            Status::Done
        }
        Err(error) => run_error(&error, &mut job.output),
    }
}

fn bind(runtime: &mut Containers, job: &mut Job) -> Status {
    let Some(app) = runtime.find(&job.name) else {
        return Status::NotFound;
    };
    // Those are the module's own.
    if job.path == "/rbpf" || job.path.starts_with("/rbpf/") || job.path.starts_with("/.well-known")
    {
        return Status::Taken;
    }
    // There are no hooks yet.
    if !job.path.starts_with('/') {
        return Status::Invalid;
    }
    let status = match runtime.bind(&job.path, app) {
        Ok(()) => Status::Done,
        Err(BindError::UnknownApp) => Status::NotFound,
        Err(BindError::Target) => Status::Invalid,
        Err(BindError::Taken) => Status::Taken,
        Err(BindError::Full) => Status::Full,
    };
    publish(runtime);
    status
}

fn unbind(runtime: &mut Containers, job: &mut Job) -> Status {
    let unbound = runtime.unbind(&job.path, None);
    publish(runtime);
    if unbound {
        Status::Done
    } else {
        Status::NotFound
    }
}

fn remove(runtime: &mut Containers, job: &mut Job) -> Status {
    let app = runtime.find(&job.name);
    let removed = app.is_some_and(|app| runtime.remove(app));
    publish(runtime);
    if removed {
        Status::Done
    } else {
        Status::NotFound
    }
}

/// Tells gcoap on which paths containers answer.
fn publish(runtime: &Containers) {
    #[cfg(feature = "gcoap")]
    crate::gcoap::publish(runtime.bindings().map(|(path, _)| path));
    #[cfg(not(feature = "gcoap"))]
    let _ = runtime;
}

fn install(runtime: &mut Containers, job: &mut Job) -> Status {
    // There is no policy yet: an image gets what it wants.
    let installed = staging::take(&job.name, |image| {
        runtime
            .install(&job.name, image, Capabilities::all())
            .map(|app| (app, image.len()))
    });
    let error = match installed {
        None => return Status::NotFound,
        Some(Ok((app, bytes))) => {
            job.output.text("installed ").text(&job.name);
            job.output.text(" slot ").number(app.slot());
            job.output.text(" bytes ").number(bytes as u64).text("\n");
            return Status::Done;
        }
        Some(Err(error)) => error,
    };
    let page = &mut job.output;
    page.text(error.text());
    match error {
        InstallError::Image(image) => page.text(", image error ").number(image as u8),
        InstallError::Verify(verify) => page
            .text(": ")
            .text(verify.kind.text())
            .text(" at pc ")
            .number(verify.pc),
        _ => page,
    };
    match error {
        InstallError::Name => Status::Invalid,
        InstallError::NameTaken => Status::Taken,
        InstallError::NoSlot => Status::Full,
        _ => Status::Refused,
    }
}

fn coap(runtime: &mut Containers, job: &mut Job) -> Status {
    let reply = runtime.coap(&CoapRequest {
        code: job.method,
        path: &job.path,
        payload: &job.input,
    });
    match reply {
        Ok(reply) => {
            job.code = reply.code;
            job.format = reply.content_format;
            job.output.push(reply.payload);
            Status::Done
        }
        Err(CoapError::NotFound) => Status::NotFound,
        Err(CoapError::Run(_, error)) => run_error(&error, &mut job.output),
    }
}
