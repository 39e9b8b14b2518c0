// SPDX-License-Identifier: MIT OR Apache-2.0
//! Switches from one thread to another, as events of the hook `sched`.
//!
//! No container runs in the scheduler. Its callback leaves what it saw in a ring, and
//! the worker runs containers for it, each within the hook's bound.
//!
//! A switch is an event if another thread runs than before. The worker is not seen:
//! from one thread to it and on to a second is a switch from the first to the second,
//! and back to the first is none. So what runs for an event makes none. Nor is it one if
//! the same thread goes on after the processor has slept, where sleeping is no thread.
//!
//! The scheduler cannot wake a thread in its midst, so a timer does. RIOT's
//! `sched_round_robin` sets one there as well.
//!
//! While no container is bound, there is no callback.
//!
//! **Invariant (sides):** of the ring, only the callback writes records and
//! [`NEXT`], only the worker [`OLDEST`]; so neither waits for the other.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicI16, AtomicU32, AtomicUsize, Ordering};

use rbpf_abi::context::SchedContext;
use rbpf_device::Status;

use crate::config::{BUDGET, SCHED_BUDGET, SCHED_EVENTS};
use crate::hooks::Hook;
use crate::sys::alarm::Alarm;
use crate::sys::sched::{pass_on, watch};
use crate::worker::{self, Containers};
use crate::{queue, sys};

/// Milliseconds after which the worker is woken.
const DELAY_MS: u32 = 1;

/// One more than it holds: so a full ring is not like an empty one.
const LENGTH: usize = SCHED_EVENTS as usize + 1;

/// What the callback has seen.
struct Switch {
    from: AtomicI16,
    to: AtomicI16,
    /// Switches before it for which there was no room.
    lost: AtomicU32,
    /// Microseconds since start; wraps.
    time_us: AtomicU32,
}

static HOOK: Hook = Hook::new(c"sched").bounded(SCHED_BUDGET);

static RING: [Switch; LENGTH] = [const {
    Switch {
        from: AtomicI16::new(0),
        to: AtomicI16::new(0),
        lost: AtomicU32::new(0),
        time_us: AtomicU32::new(0),
    }
}; LENGTH];
/// Where the next switch will be.
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// Where the oldest is, if it is not where the next will be.
static OLDEST: AtomicUsize = AtomicUsize::new(0);

/// The thread that ran last, but for the worker; 0 if that is not known.
static LAST: AtomicI16 = AtomicI16::new(0);
/// Switches for which there was no room; wraps.
static LOST: AtomicU32 = AtomicU32::new(0);
/// Those of them that a record tells of, or that are before all bindings.
static TOLD: AtomicU32 = AtomicU32::new(0);

/// Whether the callback is there.
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Whether the worker is about to look.
static AWAKE: AtomicBool = AtomicBool::new(false);
static ALARM: Alarm = Alarm::new(on_alarm);

/// Makes the hook known. Once.
///
/// # Errors
///
/// `Taken` if the application has a hook of that name.
pub(crate) fn start() -> Result<(), Status> {
    HOOK.register()
}

/// Switches for which there was no room; wraps.
pub(crate) fn lost() -> u32 {
    LOST.load(Ordering::Relaxed)
}

/// Has the scheduler call, if containers are bound. For the worker, after hooks know
/// what is bound.
pub(crate) fn publish() {
    let wanted = HOOK.bound() != 0;
    if WATCHING.load(Ordering::Relaxed) == wanted {
        return;
    }
    WATCHING.store(wanted, Ordering::Relaxed);
    if wanted {
        // Nobody calls yet: what was before is no business of who is bound now.
        OLDEST.store(NEXT.load(Ordering::Relaxed), Ordering::Relaxed);
        TOLD.store(lost(), Ordering::Relaxed);
        LAST.store(0, Ordering::Relaxed);
    }
    watch(wanted.then_some(on_switch));
}

/// What the timer calls.
extern "C" fn on_alarm(_: *mut c_void) {
    queue::wake();
}

/// What the scheduler calls, twice a switch: with the thread that ran, if it has not
/// ended, and 0; and with 0 and the one that runs next, which is all that is looked at.
unsafe extern "C" fn on_switch(active: i16, to: i16) {
    pass_on(active, to);
    let from = LAST.load(Ordering::Relaxed);
    if to == 0 || to == from || to == worker::number() {
        return;
    }
    LAST.store(to, Ordering::Relaxed);
    if from != 0 {
        leave(from, to);
    }
}

/// Leaves a switch for the worker.
fn leave(from: i16, to: i16) {
    let position = NEXT.load(Ordering::Relaxed);
    let next = after(position);
    let full = next == OLDEST.load(Ordering::Acquire);
    let lost = lost();
    let Some(switch) = RING.get(position).filter(|_| !full) else {
        LOST.store(lost.wrapping_add(1), Ordering::Relaxed);
        return;
    };
    let untold = lost.wrapping_sub(TOLD.load(Ordering::Relaxed));
    TOLD.store(lost, Ordering::Relaxed);
    switch.from.store(from, Ordering::Relaxed);
    switch.to.store(to, Ordering::Relaxed);
    switch.lost.store(untold, Ordering::Relaxed);
    switch.time_us.store(sys::now_us(), Ordering::Relaxed);
    NEXT.store(next, Ordering::Release);
    if !AWAKE.load(Ordering::Relaxed) {
        AWAKE.store(true, Ordering::Relaxed);
        ALARM.set(DELAY_MS);
    }
}

/// The position after another.
fn after(position: usize) -> usize {
    if position + 1 < LENGTH {
        position + 1
    } else {
        0
    }
}

/// Takes the oldest switch.
fn take() -> Option<SchedContext> {
    let position = OLDEST.load(Ordering::Relaxed);
    let switch = RING.get(position)?;
    if position == NEXT.load(Ordering::Acquire) {
        return None;
    }
    let number = |thread: &AtomicI16| u32::from(thread.load(Ordering::Relaxed).cast_unsigned());
    let context = SchedContext {
        from: number(&switch.from).into(),
        to: number(&switch.to).into(),
        lost: switch.lost.load(Ordering::Relaxed).into(),
        time_us: switch.time_us.load(Ordering::Relaxed).into(),
    };
    OLDEST.store(after(position), Ordering::Release);
    Some(context)
}

/// Handles the oldest switch; `false` if there is none. For the worker.
pub(crate) fn event(runtime: &mut Containers) -> bool {
    let switch = take().or_else(|| {
        // It looks no more, and so once again: there may have been one in between,
        // whose callback has not set the timer.
        AWAKE.store(false, Ordering::Relaxed);
        take()
    });
    let Some(context) = switch else {
        return false;
    };
    let mut memory = [0; size_of::<SchedContext>()];
    runtime.trigger_copies(&HOOK.rules(), context.bytes(), &mut memory, BUDGET);
    true
}
