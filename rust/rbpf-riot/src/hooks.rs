// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hooks of the application's own: places in its code where containers run.
//!
//! A hook is a static of the application's; the list of them only grows, so
//! it can be walked at any time. [`Hook::trigger`] runs the containers and
//! waits for them; [`Hook::post`] leaves an event for the worker, from any
//! context. Where nothing is bound, both are a load and a branch.

use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU8, Ordering};

use heapless::Vec;
use rbpf_abi::Capabilities;
use rbpf_device::Status;
use rbpf_runtime::{Grant, Hook as Rules, MAX_TARGET, Policy, Triggered, is_automatic};

use crate::config::{BUDGET, EVENT_SIZE, EVENTS};
use crate::containers::{self, Error};
use crate::list::{List, Listed};
use crate::queue;
use crate::sys::{self, Shared};
use crate::worker::Containers;

/// @brief   All containers run, and the result of the last that returned counts
pub const POLICY_LAST: u8 = 0;
/// @brief   The first result that is not 0 counts, and containers after it do
///          not run
pub const POLICY_FIRST_NON_ZERO: u8 = 1;
/// @brief   All containers run and must agree: the result is 0 if that of one
///          is, else that of the last
pub const POLICY_ALL: u8 = 2;
/// @brief   The result of the last counts; a fault ends the event, which has
///          none then
pub const POLICY_STOP_ON_FAULT: u8 = 3;

// The header has the numbers as they stand here.
const _: () = assert!(
    POLICY_LAST == Policy::Last as u8
        && POLICY_FIRST_NON_ZERO == Policy::FirstNonZero as u8
        && POLICY_ALL == Policy::All as u8
        && POLICY_STOP_ON_FAULT == Policy::StopOnFault as u8
);

/// @brief   A place in the application's code where containers run
///
/// A static, initialised by @ref RBPF_HOOK_INIT or @ref RBPF_HOOK_INIT_POLICY
/// and registered once.
#[derive(Debug)]
#[repr(C)]
pub struct Hook {
    /// The next of all hooks; private
    next: Cell<*const c_void>,
    /// Its name: 1 to 32 visible characters of ASCII, of which the first is
    /// not a slash; the string stays
    name: *const c_char,
    /// What the result of an event is: `RBPF_POLICY_...`
    policy: u8,
    /// Containers bound to it, where 255 stands for more, too; private
    bound: AtomicU8,
    /// What a container must have been granted to be bound:
    /// `RBPF_CAPABILITY_...`
    needs: u32,
    /// What a container must have been granted for its result to be looked at
    say: u32,
    /// What a container must not have been granted to be bound
    forbids: u32,
    /// Instructions that a run may execute here, which is never paused; 0 for as
    /// many as elsewhere
    budget: u32,
}

// SAFETY: the name is never changed, and points to a string that stays; `next`
// is set once, before the hook is in the list where others find it.
unsafe impl Sync for Hook {}

// SAFETY: the cell is used for nothing else.
unsafe impl Listed for Hook {
    fn next(&self) -> &Cell<*const c_void> {
        &self.next
    }
}

/// Runs once, when the application has installed what it brings.
static BOOT: Hook = Hook::new(c"boot");

/// All hooks; the newest is the first. The module's own are there from the start.
static HOOKS: List<Hook> = List::with(&BOOT);

/// The context of an event.
type Context = Vec<u8, { EVENT_SIZE as usize }>;

/// What an interrupt has left for the worker.
struct Event {
    hook: Option<&'static Hook>,
    context: Context,
}

/// A ring of events. They are written where they lie: a context may be larger
/// than the stack of interrupts.
struct Events {
    ring: [Event; EVENTS as usize],
    oldest: usize,
    count: usize,
    /// Those for which there was no room; wraps.
    lost: u32,
}

static WAITING: Shared<Events> = Shared::new(Events {
    ring: [const {
        Event {
            hook: None,
            context: Vec::new(),
        }
    }; EVENTS as usize],
    oldest: 0,
    count: 0,
    lost: 0,
});

impl Events {
    /// Adds an event, whose context fits; `false` if there is no room.
    fn push(&mut self, hook: &'static Hook, context: &[u8]) -> bool {
        let newest = (self.oldest + self.count) % self.ring.len();
        let free = self.count < self.ring.len();
        let Some(event) = self.ring.get_mut(newest).filter(|_| free) else {
            self.lost = self.lost.wrapping_add(1);
            return false;
        };
        self.count += 1;
        event.hook = Some(hook);
        event.context.clear();
        event.context.extend_from_slice(context).is_ok()
    }

    /// Takes the oldest event, and copies its context.
    fn pop(&mut self, context: &mut Context) -> Option<&'static Hook> {
        let event = self.ring.get_mut(self.oldest)?;
        let hook = event.hook.take()?;
        context.clone_from(&event.context);
        self.oldest = (self.oldest + 1) % self.ring.len();
        self.count -= 1;
        Some(hook)
    }
}

impl Hook {
    /// A hook of this name: 1 to 32 visible characters of ASCII, of which the
    /// first is not a slash; not `every:…`, `after:…`, `alarm`, `kv:…` or `answer`, which are
    /// no hooks.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self::with_policy(name, Policy::Last)
    }

    /// A hook of this name, where an event has the result that the policy
    /// chooses.
    #[must_use]
    pub const fn with_policy(name: &'static CStr, policy: Policy) -> Self {
        Self::with_rights(name, policy, Capabilities::CORE, Capabilities::CORE)
    }

    /// A hook of this name, to which only containers are bound that have been
    /// granted what it `needs`, and where only the results of those count that
    /// have a `say`.
    #[must_use]
    pub const fn with_rights(
        name: &'static CStr,
        policy: Policy,
        needs: Capabilities,
        say: Capabilities,
    ) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            name: name.as_ptr(),
            policy: policy as u8,
            bound: AtomicU8::new(0),
            needs: needs.bits(),
            say: say.bits(),
            forbids: 0,
            budget: 0,
        }
    }

    /// The same, with a bound on how long a run takes: so many instructions, at least
    /// 1, never paused, and no container that calls helpers which
    /// [may wait](Capabilities::MAY_WAIT).
    #[must_use]
    pub const fn bounded(self, budget: u32) -> Self {
        Self {
            forbids: Capabilities::MAY_WAIT.bits(),
            budget,
            ..self
        }
    }

    /// Its name; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &'static str {
        // SAFETY: `new` has it from a string that stays, and C must promise
        // that of what it registers.
        unsafe { sys::text(self.name) }.unwrap_or_default()
    }

    /// How its result is chosen; `None` for a number that C made up.
    fn policy(&self) -> Option<Policy> {
        let policy = |&policy: &Policy| policy as u8 == self.policy;
        Policy::ALL.into_iter().find(policy)
    }

    /// What it is to the runtime.
    pub(crate) fn rules(&self) -> Rules<'static> {
        Rules {
            policy: self.policy().unwrap_or_default(),
            needs: Capabilities::from_bits_retain(self.needs),
            say: Capabilities::from_bits_retain(self.say),
            forbids: Capabilities::from_bits_retain(self.forbids),
            budget: (self.budget != 0).then_some(self.budget),
            ..Rules::new(self.name())
        }
    }

    /// Whether its name, policy and capabilities are such.
    pub(crate) fn is_sound(&self) -> bool {
        let name = self.name();
        let rights = Capabilities::from_bits(self.needs | self.say | self.forbids);
        self.policy().is_some()
            && rights.is_some()
            && (1..=MAX_TARGET).contains(&name.len())
            && !name.starts_with('/')
            && !is_automatic(name)
            && name.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Makes it known, so that containers can be bound to it. Threads only.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name, policy or capability that is none, `Taken` if there is a hook of that
    /// name.
    pub fn register(&'static self) -> Result<(), Status> {
        if !self.is_sound() {
            return Err(Status::Invalid);
        }
        let name = self.name();
        HOOKS.add(self, || {
            if all().any(|hook| hook.name() == name) {
                return Err(Status::Taken);
            }
            Ok(())
        })
    }

    /// Containers that are bound to it; 255 stands for more, too. From any
    /// context.
    #[must_use]
    pub fn bound(&self) -> u8 {
        self.bound.load(Ordering::Relaxed)
    }

    /// Runs the containers that are bound to it, in the order of binding, and
    /// waits for them. Threads only, and not for a helper.
    ///
    /// Each container gets the context, which r1 points to, and the regions.
    /// The result is what the hook's policy says.
    ///
    /// # Errors
    ///
    /// Those of all functions that wait, if anything is bound; no container
    /// has run then.
    pub fn trigger(
        &self,
        context: &mut [u8],
        regions: &mut [Grant<'_>],
    ) -> Result<Triggered, Error> {
        self.run(&self.rules(), context, regions)
    }

    fn run(
        &self,
        rules: &Rules<'_>,
        context: &mut [u8],
        regions: &mut [Grant<'_>],
    ) -> Result<Triggered, Error> {
        if self.bound() == 0 {
            return Ok(Triggered::default());
        }
        containers::with_runtime(|runtime| {
            let triggered = runtime.trigger(rules, context, regions, BUDGET);
            runtime.services().end_line();
            triggered
        })
    }

    /// Leaves an event for the worker, who runs the containers that are bound
    /// to it, each with a copy of the context, as soon as it comes to it. From any
    /// context, also an interrupt.
    ///
    /// # Errors
    ///
    /// `Invalid` for a context longer than `CONFIG_RBPF_EVENT_SIZE`, `Full` if
    /// `CONFIG_RBPF_EVENTS` events wait.
    pub fn post(&'static self, context: &[u8]) -> Result<(), Status> {
        if context.len() > EVENT_SIZE as usize {
            return Err(Status::Invalid);
        }
        if self.bound() == 0 {
            return Ok(());
        }
        let posted = WAITING.with(|events| events.push(self, context));
        queue::wake();
        if posted == Some(true) {
            Ok(())
        } else {
            Err(Status::Full)
        }
    }
}

/// Runs the containers that are bound to the hook `boot`, and waits for them, but
/// not for one that is paused; for the application to call once it has installed and bound what it brings. Threads
/// only.
///
/// # Errors
///
/// As [`Hook::trigger`].
pub fn boot() -> Result<Triggered, Error> {
    BOOT.run(&BOOT.rules().posted(), &mut [], &mut [])
}

/// All hooks.
pub(crate) fn all() -> impl Iterator<Item = &'static Hook> {
    HOOKS.iter()
}

/// Events that were lost, because too many waited; wraps.
pub(crate) fn lost() -> u32 {
    let lost = WAITING.with(|events| events.lost).unwrap_or_default();
    #[cfg(feature = "sched")]
    let lost = lost.wrapping_add(crate::sched::lost());
    lost
}

/// Tells hooks how many containers are bound to them.
pub(crate) fn publish(runtime: &Containers) {
    for hook in all() {
        let name = hook.name();
        let bound = runtime.bindings().filter(|&(target, _)| target == name);
        let bound = u8::try_from(bound.count()).unwrap_or(u8::MAX);
        hook.bound.store(bound, Ordering::Relaxed);
    }
}

/// Handles the oldest event; `false` if there is none. For the worker.
pub(crate) fn event(runtime: &mut Containers) -> bool {
    let mut context = Vec::new();
    let Some(hook) = WAITING.with(|events| events.pop(&mut context)).flatten() else {
        return false;
    };
    let rules = hook.rules().posted();
    let mut memory = [0; EVENT_SIZE as usize];
    runtime.trigger_copies(&rules, &context, &mut memory, BUDGET);
    true
}
