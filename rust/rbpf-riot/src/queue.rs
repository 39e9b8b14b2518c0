// SPDX-License-Identifier: MIT OR Apache-2.0
//! The queue between those who ask and the worker.
//!
//! Jobs lie in static memory, so a caller that gives up leaves nothing behind
//! that the worker would still write to: the entry becomes free when the
//! worker is done with it.
//!
//! **Invariant:** an entry's job is locked only by the one whose turn it is
//! by the entry's state, the caller in `Claimed` and `Done`, the worker in
//! `Running`; so nobody ever waits for that lock.

use riot_wrappers::mutex::{Mutex, MutexGuard};

use crate::config::{QUEUE, TIMEOUT_MS};
use crate::job::{Job, Operation, Status};
use crate::sys::Signal;

const LENGTH: usize = QUEUE as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// A caller fills the job in.
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stats {
    /// Jobs queued.
    pub(crate) jobs: u32,
    /// Callers refused because the queue was full.
    pub(crate) refused: u32,
    /// Callers who gave up waiting.
    pub(crate) timeouts: u32,
}

struct Entry {
    done: Signal,
    job: Mutex<Job>,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
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
        job: Mutex::new(Job::new()),
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

    fn position(&self, state: State) -> Option<usize> {
        self.states.iter().position(|&other| other == state)
    }
}

/// What is counted about the queue.
pub(crate) fn stats() -> Stats {
    TABLE.lock().stats
}

/// A job that is its caller's: before it is queued, and when it is answered.
/// Dropping it frees the entry.
pub(crate) struct Ticket {
    index: usize,
    job: Option<MutexGuard<'static, Job>>,
}

impl Ticket {
    /// An entry of the queue, to be filled in. Threads only.
    ///
    /// # Errors
    ///
    /// `Busy` if there is none.
    pub(crate) fn claim(operation: Operation) -> Result<Self, Status> {
        let mut table = TABLE.lock();
        let Some(index) = table.position(State::Free) else {
            table.stats.refused = table.stats.refused.wrapping_add(1);
            return Err(Status::Busy);
        };
        let job = ENTRIES.get(index).and_then(|entry| entry.job.try_lock());
        let mut job = job.ok_or(Status::Busy)?;
        table.set(index, State::Claimed);
        drop(table);
        job.start(operation);
        Ok(Self {
            index,
            job: Some(job),
        })
    }

    /// The job.
    pub(crate) fn job(&mut self) -> Option<&mut Job> {
        self.job.as_deref_mut()
    }

    /// Queues the job and waits for the answer; the ticket can be queued
    /// again then. Blocks up to `CONFIG_RBPF_TIMEOUT_MS`.
    ///
    /// # Errors
    ///
    /// `TimedOut` if there is no answer; the job may be done all the same.
    pub(crate) fn ask(mut self) -> Result<Self, Status> {
        let entry = ENTRIES.get(self.index).ok_or(Status::Busy)?;
        self.job = None;
        entry.done.reset();
        {
            let mut table = TABLE.lock();
            table.next = table.next.wrapping_add(1);
            table.stats.jobs = table.stats.jobs.wrapping_add(1);
            let number = table.next;
            table.set(self.index, State::Queued(number));
        }
        WAKE.send();
        let answered = entry.done.wait_for(TIMEOUT_MS);

        let mut table = TABLE.lock();
        match table.get(self.index) {
            // Answered, though perhaps at the last moment.
            Some(State::Done) => {}
            _ if answered => {}
            state => {
                table.stats.timeouts = table.stats.timeouts.wrapping_add(1);
                if state == Some(State::Running) {
                    table.set(self.index, State::Abandoned);
                    drop(table);
                    // The entry is the worker's now.
                    core::mem::forget(self);
                } else {
                    // Not begun: withdrawn. `drop` frees the entry.
                    drop(table);
                }
                return Err(Status::TimedOut);
            }
        }
        drop(table);
        self.job = entry.job.try_lock();
        Ok(self)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.job = None;
        TABLE.lock().set(self.index, State::Free);
    }
}

/// Does jobs for ever, one after the other. For the worker thread.
pub(crate) fn serve(mut work: impl FnMut(&mut Job)) -> ! {
    loop {
        while let Some(index) = next() {
            let Some(entry) = ENTRIES.get(index) else {
                continue;
            };
            if let Some(mut job) = entry.job.try_lock() {
                work(&mut job);
            }
            let mut table = TABLE.lock();
            if table.get(index) == Some(State::Abandoned) {
                table.set(index, State::Free);
            } else {
                table.set(index, State::Done);
                drop(table);
                entry.done.send();
            }
        }
        WAKE.wait();
    }
}

/// Takes the job that waits longest.
fn next() -> Option<usize> {
    let mut table = TABLE.lock();
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
}

/// Fills a job in. A reference, so that there is one copy of what takes it.
pub(crate) type Fill<'f> = &'f mut dyn FnMut(&mut Job) -> Result<(), Status>;

/// Queues a job that `fill` fills in, and waits for the answer.
///
/// # Errors
///
/// What `fill` refuses, `Busy` and `TimedOut`. How the job ended is in it.
pub(crate) fn ask(operation: Operation, fill: Fill<'_>) -> Result<Ticket, Status> {
    let mut ticket = Ticket::claim(operation)?;
    fill(ticket.job().ok_or(Status::Busy)?)?;
    ticket.ask()
}
