// SPDX-License-Identifier: MIT OR Apache-2.0
//! The queue between those who ask and the worker.
//!
//! What is asked for is a [`Job`], or for C and Rust applications a function
//! that is [called](call) with the runtime. Jobs lie in static memory, so who
//! gives up leaves nothing behind that the worker would still write to: the
//! entry becomes free when the worker is done with it. A function is on its
//! caller's stack, so its caller gives up only while it has not begun; once it
//! has, budgets bound how long it takes.
//!
//! **Invariant (turns):** what is asked for is locked only by the one whose
//! turn it is by the entry's state, the caller in `Claimed` and `Done`, the
//! worker in `Running`; so nobody ever waits for that lock.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use rbpf_device::{Fill, Leases, Operation, Status};
use riot_wrappers::mutex::{Mutex, MutexGuard};

use crate::config::{LEASES, QUEUE, TIMEOUT_MS};
use crate::sys::{self, Shared, Signal};
use crate::worker::{Containers, PAGE};

const LENGTH: usize = QUEUE as usize;

/// Which containers are there for a time.
pub(crate) type Leased = Leases<{ LEASES as usize }>;

/// A job of this device.
pub(crate) type Job = rbpf_device::Job<PAGE>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// A caller fills it in.
    Claimed,
    /// It waits for the worker; the lowest number is the first.
    Queued(u32),
    Running,
    /// The caller reads the answer.
    Done,
    /// The caller has given up while it ran.
    Abandoned,
}

/// States of all entries, and what is counted.
struct Table {
    states: [State; LENGTH],
    next: u32,
    stats: Stats,
}

/// What is counted about the queue. All counts wrap.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stats {
    /// Jobs queued.
    pub(crate) jobs: u32,
    /// Callers refused because the queue was full.
    pub(crate) refused: u32,
    /// Callers who gave up waiting.
    pub(crate) timeouts: u32,
}

/// A function of a caller who waits for its end.
struct Call(NonNull<dyn FnMut(&mut Containers)>);

// SAFETY: made by `call` only, who waits until the worker is done with it or
// has not begun it; so what it points to outlives its use, and no two threads
// use it at a time. The bound on `call` makes it fit to be sent.
unsafe impl Send for Call {}

/// What is asked for.
pub(crate) struct Asked {
    job: Job,
    /// In place of the job.
    call: Option<Call>,
}

struct Entry {
    done: Signal,
    asked: Mutex<Asked>,
}

static TABLE: Shared<Table> = Shared::new(Table {
    states: [State::Free; LENGTH],
    next: 0,
    stats: Stats {
        jobs: 0,
        refused: 0,
        timeouts: 0,
    },
});

static ENTRIES: [Entry; LENGTH] = [const {
    Entry {
        done: Signal::new(),
        asked: Mutex::new(Asked {
            job: Job::new(),
            call: None,
        }),
    }
}; LENGTH];

/// Wakes the worker.
static WAKE: Signal = Signal::new();

impl Table {
    fn get(&self, index: usize) -> Option<State> {
        self.states.get(index).copied()
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(entry) = self.states.get_mut(index) {
            *entry = state;
        }
    }

    /// The time of an entry's caller is over, and the worker is not done with
    /// it: what becomes of it.
    fn give_up(&mut self, index: usize, patient: bool) -> State {
        let state = match self.get(index) {
            Some(State::Running) if patient => return State::Running,
            Some(State::Running) => State::Abandoned,
            // Not begun: withdrawn.
            _ => State::Claimed,
        };
        self.stats.timeouts = self.stats.timeouts.wrapping_add(1);
        self.set(index, state);
        state
    }

    fn position(&self, state: State) -> Option<usize> {
        self.states.iter().position(|&other| other == state)
    }
}

/// What is counted about the queue.
pub(crate) fn stats() -> Stats {
    TABLE.with(|table| table.stats).unwrap_or_default()
}

/// Wakes the worker; from any context.
pub(crate) fn wake() {
    WAKE.send();
}

/// An entry that is its caller's. Dropping it frees the entry.
struct Claim(usize);

impl Drop for Claim {
    fn drop(&mut self) {
        TABLE.with(|table| table.set(self.0, State::Free));
    }
}

/// An entry that its caller fills in, or whose answer it reads.
///
/// The guard is dropped before the claim.
pub(crate) struct Ticket {
    asked: MutexGuard<'static, Asked>,
    claim: Claim,
}

impl Deref for Ticket {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.asked.job
    }
}

impl DerefMut for Ticket {
    fn deref_mut(&mut self) -> &mut Job {
        &mut self.asked.job
    }
}

impl Ticket {
    /// An entry of the queue, to be filled in.
    fn claim() -> Result<Self, Status> {
        if sys::in_interrupt() {
            return Err(Status::Busy);
        }
        let index = TABLE.with(|table| {
            let index = table.position(State::Free);
            match index {
                Some(index) => table.set(index, State::Claimed),
                None => table.stats.refused = table.stats.refused.wrapping_add(1),
            }
            index
        });
        let claim = Claim(index.flatten().ok_or(Status::Busy)?);
        Self::lock(claim)
    }

    /// What is asked for, when it is the caller's turn.
    fn lock(claim: Claim) -> Result<Self, Status> {
        let entry = ENTRIES.get(claim.0).ok_or(Status::Busy)?;
        Ok(Self {
            asked: entry.asked.try_lock().ok_or(Status::Busy)?,
            claim,
        })
    }

    /// Queues it and waits for the answer. Blocks up to
    /// `CONFIG_RBPF_TIMEOUT_MS`; if `patient` and the worker has begun, until
    /// it is done.
    fn ask(self, patient: bool) -> Result<Self, Status> {
        let Self { asked, claim } = self;
        let index = claim.0;
        let entry = ENTRIES.get(index).ok_or(Status::Busy)?;
        drop(asked);
        entry.done.reset();
        TABLE.with(|table| {
            table.next = table.next.wrapping_add(1);
            table.stats.jobs = table.stats.jobs.wrapping_add(1);
            table.set(index, State::Queued(table.next));
        });
        wake();
        let begin = sys::now_ms();
        loop {
            let waited = sys::now_ms().wrapping_sub(begin);
            let left = TIMEOUT_MS.saturating_sub(waited);
            // A signal alone proves nothing. The worker sends it after it has
            // set the state, so it may be meant for a caller before, who gave
            // up in between and found the answer there.
            let sent = left > 0 && entry.done.wait_for(left);
            let state = TABLE.with(|table| match table.get(index) {
                Some(State::Queued(_) | State::Running) if !sent => {
                    Some(table.give_up(index, patient))
                }
                state => state,
            });
            match state.flatten() {
                Some(State::Done) => return Self::lock(claim),
                Some(State::Running) if !sent => entry.done.wait(),
                Some(State::Abandoned) => {
                    // The entry is the worker's now.
                    core::mem::forget(claim);
                    return Err(Status::TimedOut);
                }
                // Withdrawn.
                Some(State::Claimed | State::Free) => return Err(Status::TimedOut),
                // Nothing is known, so what was lent may be in use: it waits.
                Some(State::Queued(_) | State::Running) | None => {}
            }
        }
    }
}

/// Has a job done that `fill` fills in, and waits for the answer. Threads
/// only, and not the worker.
///
/// # Errors
///
/// What `fill` refuses, `Busy` and `TimedOut`. How the job ended is in it.
pub(crate) fn ask(operation: Operation, fill: Fill<'_, PAGE>) -> Result<Ticket, Status> {
    let mut ticket = Ticket::claim()?;
    ticket.asked.call = None;
    ticket.start(operation);
    fill(&mut ticket)?;
    ticket.ask(false)
}

/// Has a function called with the runtime by the worker, and waits for its
/// end. Threads only, and not the worker.
///
/// # Errors
///
/// `Busy` and `TimedOut`; the function was not called then.
pub(crate) fn call(work: &mut (dyn FnMut(&mut Containers) + Send)) -> Result<(), Status> {
    let mut ticket = Ticket::claim()?;
    let work: NonNull<dyn FnMut(&mut Containers) + Send + '_> = NonNull::from(work);
    // SAFETY: forgets how long the function lives; `Call` says why it may.
    ticket.asked.call = Some(Call(unsafe {
        core::mem::transmute::<
            NonNull<dyn FnMut(&mut Containers) + Send + '_>,
            NonNull<dyn FnMut(&mut Containers)>,
        >(work)
    }));
    ticket.ask(true).map(|_| ())
}

/// Does what is asked for, for ever, one after the other, and in between what
/// `events` finds; `false` if that is nothing. It looks again when it is woken,
/// or a timer is due, or the end of a lease. What has become of the runtime is settled before
/// anybody is answered. For the worker thread.
pub(crate) fn serve(
    runtime: &mut Containers,
    mut work: impl FnMut(&mut Containers, &mut Leased, &mut Job),
    mut events: impl FnMut(&mut Containers, &mut Leased) -> bool,
    settle: impl Fn(&Containers, &mut Leased),
) -> ! {
    let mut leases = Leased::new();
    let mut settled = runtime.revision();
    let mut settle = |runtime: &mut Containers, leases: &mut Leased| {
        if settled != runtime.revision() {
            settled = runtime.revision();
            settle(runtime, leases);
        }
    };
    loop {
        // In turns, so that neither keeps the other waiting.
        while one(runtime, &mut leases, &mut work, &mut settle) | {
            let event = events(runtime, &mut leases);
            settle(runtime, &mut leases);
            event
        } {}
        let mut due = runtime.next_timer();
        if LEASES != 0
            && let Some(left) = leases.next(sys::now_ms())
        {
            due = Some(due.map_or(left, |due| due.min(left)));
        }
        match due {
            Some(0) => {}
            Some(left) => {
                WAKE.wait_for(left);
            }
            None => WAKE.wait(),
        }
    }
}

/// Does what waits longest; `false` if nothing does.
fn one(
    runtime: &mut Containers,
    leases: &mut Leased,
    work: &mut impl FnMut(&mut Containers, &mut Leased, &mut Job),
    settle: &mut impl FnMut(&mut Containers, &mut Leased),
) -> bool {
    let Some(index) = next() else {
        return false;
    };
    let Some(entry) = ENTRIES.get(index) else {
        return false;
    };
    if let Some(mut asked) = entry.asked.try_lock() {
        match asked.call.take() {
            Some(Call(mut function)) => {
                // SAFETY: see `Call`; its caller waits.
                let function = unsafe { function.as_mut() };
                function(runtime);
            }
            None => work(runtime, leases, &mut asked.job),
        }
        settle(runtime, leases);
    }
    let answered = TABLE.with(|table| {
        let abandoned = table.get(index) == Some(State::Abandoned);
        table.set(index, if abandoned { State::Free } else { State::Done });
        !abandoned
    });
    if answered == Some(true) {
        entry.done.send();
    }
    true
}

/// Takes what waits longest.
fn next() -> Option<usize> {
    TABLE
        .with(|table| {
            let newest = table.next;
            let waiting = table.states.iter().enumerate();
            let (index, _) = waiting
                .filter_map(|(index, state)| match state {
                    State::Queued(number) => Some((index, newest.wrapping_sub(*number))),
                    _ => None,
                })
                .max_by_key(|&(_, age)| age)?;
            table.set(index, State::Running);
            Some(index)
        })
        .flatten()
}
