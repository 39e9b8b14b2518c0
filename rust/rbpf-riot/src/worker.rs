// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread `rbpf`: it owns the runtime, does what the queue holds, and
//! handles events.
//!
//! What jobs are and how they are done is `rbpf-device`'s business, as on a
//! workstation.

use core::mem::MaybeUninit;

use core::sync::atomic::{AtomicI16, Ordering};

use rbpf_abi::Capabilities;
use rbpf_device::{Host, Operation, Staging, Status, is_reserved, work};
use rbpf_runtime::{MAX_PAUSED_CONTEXT, Memory, Runtime};
use rbpf_vm::Interpreter;
use riot_wrappers::mutex::Mutex;

use crate::queue::{self, Job, Leased};
use crate::services::{self, Faults, RiotServices};
use crate::{config, hooks, sys};

const SLOTS: usize = config::SLOTS as usize;
const BINDINGS: usize = config::BINDINGS as usize;
const KV: usize = config::KV_ENTRIES as usize;
const TENANTS: usize = config::TENANTS as usize;
/// Whether containers may have leases.
pub(crate) const HAS_LEASES: bool = config::LEASES != 0;
/// Runs that may be paused at a time.
const PAUSE: usize = if config::PAUSES == 0 {
    0
} else {
    config::PAUSED as usize
};
/// Bytes of stack that pausing takes.
const PAUSE_STACK: usize = if PAUSE == 0 { 0 } else { 768 };
/// Bytes of stack that keeping what containers print takes, and some to spare:
/// printing is deepest of all. On a Cortex-M0, of a timer, it takes 2,384 bytes
/// without being kept, and 64 more with.
const LOG_STACK: usize = if services::HAS_LOG { 256 } else { 0 };
/// Bytes of stack that sending a request takes below a helper, and an answer.
const CLIENT_STACK: usize = if cfg!(feature = "client") {
    256 + config::ANSWER_SIZE as usize
} else {
    0
};
/// Bytes of stack that telling observers takes.
const OBSERVE_STACK: usize = if cfg!(feature = "observe") { 128 } else { 0 };
/// Bytes of stack for an event and what containers see of it, where they are longer
/// than by default.
const EVENT_STACK: usize = 2 * (config::EVENT_SIZE as usize).saturating_sub(16);
/// Bytes for what they have.
const PAUSE_MEMORY: usize =
    PAUSE * (config::VM_STACK_SIZE as usize + config::DATA_SIZE as usize + MAX_PAUSED_CONTEXT);

/// Bytes of an answer.
pub(crate) const PAGE: usize = config::RESPONSE_SIZE as usize;
const IMAGE: usize = config::IMAGE_SIZE as usize;

/// The runtime of this device.
pub(crate) type Containers =
    Runtime<'static, RiotServices, SLOTS, BINDINGS, KV, Interpreter, TENANTS, PAUSE>;

/// Stack of the thread: what is configured, with what pausing, the log, long events,
/// requests and observers take, and at least what making the runtime takes, with some 150 bytes
/// beside the runtime itself. Native threads serve signals on it.
const WORKER_STACK: usize = {
    let configured = config::STACK_SIZE as usize
        + PAUSE_STACK
        + LOG_STACK
        + EVENT_STACK
        + CLIENT_STACK
        + OBSERVE_STACK;
    let least = if cfg!(target_os = "linux") {
        64 * 1024
    } else {
        size_of::<Containers>() + 512
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
    images: [Aligned<[u8; IMAGE]>; SLOTS],
    stack: Aligned<[u8; config::VM_STACK_SIZE as usize]>,
    data: Aligned<[u8; config::DATA_SIZE as usize]>,
    response: [u8; PAGE],
    pause: [u8; PAUSE_MEMORY],
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    images: [const { Aligned([0; IMAGE]) }; SLOTS],
    stack: Aligned([0; config::VM_STACK_SIZE as usize]),
    data: Aligned([0; config::DATA_SIZE as usize]),
    response: [0; PAGE],
    pause: [0; PAUSE_MEMORY],
});
/// Not a part of the runtime, which moves over the stack.
static FAULTS: Mutex<Faults> = Mutex::new(Faults::new());
static RUNTIME: Mutex<MaybeUninit<Containers>> = Mutex::new(MaybeUninit::uninit());
static STACK: Mutex<Aligned<[u8; WORKER_STACK]>> = Mutex::new(Aligned([0; WORKER_STACK]));
static THREAD: Mutex<fn()> = Mutex::new(run);
static STAGING: sys::Lock<Staging<IMAGE>> = sys::Lock::new(Staging::new());

/// The number of the thread, 0 before it is started.
static NUMBER: AtomicI16 = AtomicI16::new(0);

/// Starts the thread. Once.
///
/// # Errors
///
/// `Taken` if it has been started, `Full` if RIOT has no more threads.
pub(crate) fn start() -> Result<(), Status> {
    let (Some(stack), Some(thread)) = (STACK.try_leak(), THREAD.try_leak()) else {
        return Err(Status::Taken);
    };
    if cfg!(rbpf_unsigned_install) {
        sys::print(
            "rbpf: WARNING: anyone on the network may install containers on this device \
             (CONFIG_RBPF_UNSIGNED_INSTALL=1)\n",
        );
    }
    if cfg!(rbpf_expose) {
        sys::print(
            "rbpf: WARNING: anyone on the network may read values, logs and registers of \
             containers on this device (CONFIG_RBPF_EXPOSE=1)\n",
        );
    }
    riot_wrappers::thread::spawn(
        &mut stack.0,
        thread,
        c"rbpf",
        config::PRIORITY as u8,
        riot_sys::THREAD_CREATE_STACKTEST as i32,
    )
    .map(|thread| NUMBER.store(thread.pid().into(), Ordering::Relaxed))
    .map_err(|_| Status::Full)
}

/// The number of the thread; 0 before it is started.
pub(crate) fn number() -> i16 {
    NUMBER.load(Ordering::Relaxed)
}

/// Whether the thread has been started.
pub(crate) fn is_started() -> bool {
    number() != 0
}

/// Whether this is the thread, which must not wait for itself.
pub(crate) fn is_current() -> bool {
    number() == sys::thread()
}

/// The thread.
fn run() {
    NUMBER.store(sys::thread(), Ordering::Relaxed);
    let Some(runtime) = build() else {
        return;
    };
    queue::serve(
        runtime,
        |runtime, leases, job| {
            // Nobody else asks, and what nobody asks is not linked.
            if cfg!(any(feature = "gcoap", feature = "shell")) {
                do_job(runtime, leases, job);
            }
            runtime.services().end_line();
        },
        |runtime, leases| {
            let event = expire(runtime, leases)
                | hooks::event(runtime)
                | answer(runtime)
                | runtime.run_timer()
                | runtime.run_change()
                | runtime.resume();
            #[cfg(feature = "sched")]
            let event = event | crate::sched::event(runtime);
            runtime.services().end_line();
            event
        },
        settle,
    )
}

/// Runs the container whose request has ended, if it listens; `false` if none has.
fn answer(runtime: &mut Containers) -> bool {
    #[cfg(feature = "client")]
    return crate::client::answer(runtime);
    #[cfg(not(feature = "client"))]
    {
        let _ = runtime;
        false
    }
}

/// After something was bound or is another container: tells who needs to know, and forgets
/// the leases of containers that are gone.
fn settle(runtime: &Containers, leases: &mut Leased) {
    publish(runtime);
    if HAS_LEASES {
        leases.retain(|app| runtime.contains(app));
    }
}

/// Tells hooks and gcoap what is bound.
fn publish(runtime: &Containers) {
    hooks::publish(runtime);
    #[cfg(feature = "gnrc")]
    crate::gnrc::publish();
    #[cfg(feature = "sched")]
    crate::sched::publish();
    #[cfg(feature = "gcoap")]
    crate::gcoap::publish(runtime);
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
        pause,
    } = BUFFERS.try_leak()?;
    let runtime = RUNTIME.try_leak()?.write(Runtime::new(
        RiotServices::new(FAULTS.try_leak()?),
        Memory {
            images: images.each_mut().map(|image| &mut image.0[..]),
            stack: &mut stack.0,
            data: &mut data.0,
            response,
        },
    ));
    runtime.set_budget(config::BUDGET);
    if PAUSE != 0 {
        runtime.set_pauses(config::PAUSES as u16, pause);
    }
    runtime.set_rate(config::RATE);
    runtime.set_fault_limit(config::FAULT_LIMIT as u8);
    Some(runtime)
}

/// Figures for [`Operation::Stats`].
const FIGURES: usize = 4 + {
    #[cfg(feature = "gnrc")]
    {
        crate::gnrc::FIGURES
    }
    #[cfg(not(feature = "gnrc"))]
    0
};

/// What is counted beside the runtime's own figures.
fn figures() -> [(&'static str, u32); FIGURES] {
    let stats = queue::stats();
    let mut figures = [("", 0); FIGURES];
    let [jobs, refused, timeouts, lost, others @ ..] = &mut figures;
    *jobs = ("jobs", stats.jobs);
    *refused = ("refused", stats.refused);
    *timeouts = ("timeouts", stats.timeouts);
    *lost = ("events-lost", hooks::lost());
    #[cfg(feature = "gnrc")]
    crate::gnrc::figures(others);
    let _ = others;
    figures
}

/// Removes a container whose lease is over; `false` if there is none.
fn expire(runtime: &mut Containers, leases: &mut Leased) -> bool {
    if !HAS_LEASES {
        return false;
    }
    let Some(app) = leases.take_expired(sys::now_ms()) else {
        return false;
    };
    runtime.remove(app);
    true
}

fn do_job(runtime: &mut Containers, leases: &mut Leased, job: &mut Job) {
    if services::HAS_LOG && matches!(job.operation(), Operation::Log | Operation::LogFrom) {
        services::answer_log(job);
        return;
    }
    STAGING.with(|staging| {
        let mut host = Host {
            staging,
            leases,
            // There is no policy yet: an image gets what it wants.
            allowed: Capabilities::all(),
            budget: config::BUDGET,
            is_reserved: &is_taken,
            hooks: &|position| hooks::all().nth(position).map(hooks::Hook::rules),
            figures: &figures(),
        };
        work(runtime, job, &mut host);
    });
}

/// Whether a path is no container's to be bound to: the module's own, or that of another
/// listener of gcoap's.
pub(crate) fn is_taken(path: &str) -> bool {
    #[cfg(feature = "gcoap")]
    if crate::gcoap::is_others(path) {
        return true;
    }
    is_reserved(path)
}

/// Has the image that is put together looked at. Threads only; `None` in an
/// interrupt.
pub(crate) fn stage<T>(look: impl FnOnce(&mut Staging<IMAGE>) -> T) -> Option<T> {
    STAGING.with(look)
}
