// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of one program: its memory, its helpers, how it ended.
//!
//! [`Helpers`] run a program that lies in no store, as a command line has it;
//! the runtime runs those in its store through the same functions. Which
//! container runs, on whose account, and what its faults lead to is not known
//! here.

use rbpf_vm::{
    Engine, Fault, FaultKind, Machine, MapError, MemoryMap, Outcome, Program, Rights, region,
};
use zerocopy::IntoBytes;

use crate::coap::{Answer, CoapExchange, CoapReply, CoapRequest};
use crate::fault_log::FaultReport;
use crate::helpers::HelperHost;
use crate::kv::{KvEntry, KvScope, KvStore};
use crate::services::Services;
use crate::store::AppId;
use crate::tenant::TenantId;
use crate::timer::Timer;

/// A region that an event grants to the container that it triggers, beside
/// the context. They are numbered from [`region::GRANTED`] on.
#[derive(Debug)]
pub enum Grant<'g> {
    /// May be read.
    Read(&'g [u8]),
    /// May be written, or read and written.
    Write(&'g mut [u8], Rights),
}

/// A verified program with the memory that it brings, ready to run once.
#[derive(Debug)]
pub struct Runnable<'r> {
    /// Its name, for the log.
    pub name: &'r str,
    /// The program.
    pub program: Program<'r>,
    /// Its constants.
    pub rodata: &'r [u8],
    /// Its data and bss, as they are to be at the start.
    pub data: &'r mut [u8],
    /// Its stack; the caller sees to it that no other container's leftovers
    /// are there.
    pub stack: &'r mut [u8],
}

/// How a run ended, and what it took; `T` is what it ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunReport<T = u64> {
    /// The result, or the fault. Running out of budget is a fault.
    pub outcome: Result<T, Fault>,
    /// Instructions executed.
    pub instructions: u32,
    /// Helpers called.
    pub helper_calls: u32,
    /// What it took of its budget: instructions, and what helpers charged.
    pub cost: u32,
}

impl<T> RunReport<T> {
    /// The same run, with something made of its result.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> RunReport<U> {
        self.and_then(|result| Ok(change(result)))
    }

    /// As [`map`](Self::map), but the result may turn out to be a fault.
    fn and_then<U>(self, next: impl FnOnce(T) -> Result<U, Fault>) -> RunReport<U> {
        RunReport {
            outcome: self.outcome.and_then(next),
            instructions: self.instructions,
            helper_calls: self.helper_calls,
            cost: self.cost,
        }
    }
}

/// Who runs, how many key-value entries it may own, and the alarm that it may
/// set, if it is bound to one.
#[derive(Debug)]
pub(crate) struct Account<'r> {
    pub(crate) app: AppId,
    pub(crate) quota: usize,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) alarm: Option<&'r mut Option<Timer>>,
}

/// What triggers a run, and what it grants.
pub(crate) struct Event<'e, 'g, 'q> {
    pub(crate) context: &'e mut [u8],
    pub(crate) granted: &'e mut [Grant<'g>],
    pub(crate) coap: Option<&'e mut CoapExchange<'q>>,
    pub(crate) budget: u32,
}

/// The helpers, with what they work on: the host's services and `KV`
/// key-value entries.
///
/// They run programs outside of a store, one after the other. All of them are
/// taken for the same container: they share one local store, which may fill
/// all entries, and values last from one run to the next.
///
/// # Examples
///
/// ```
/// use rbpf_runtime::{Helpers, KvScope, Runnable, Services};
/// use rbpf_vm::{Functions, HelperGrant, Interpreter, Program};
///
/// fn twice(services: impl Services) -> Option<u32> {
///     // store_local(7, 42)
///     let text = rbpf_isa::assemble("mov %r1, 7\nmov %r2, 42\ncall 0x10\nexit").ok()?;
///     let policy = |_| HelperGrant::Granted;
///     let program = Program::verify(&text, Functions::Unlisted { frame: 0 }, &policy).ok()?;
///     let mut helpers = Helpers::<_, 8>::new(services);
///     for _ in 0..2 {
///         let runnable = Runnable {
///             name: "store",
///             program,
///             rodata: &[],
///             data: &mut [],
///             stack: &mut [0; 512],
///         };
///         let report = helpers.run(&mut Interpreter, runnable, &mut [], &mut [], 1000).ok()?;
///         assert_eq!(report.outcome, Ok(0));
///     }
///     helpers.fetch(KvScope::Local(0), 7)
/// }
/// ```
#[derive(Debug)]
pub struct Helpers<S, const KV: usize> {
    pub(crate) services: S,
    pub(crate) kv: KvStore<KV>,
}

impl<S, const KV: usize> Helpers<S, KV> {
    /// The account of programs outside of a store.
    const ACCOUNT: Account<'static> = Account {
        app: AppId {
            slot: 0,
            generation: 0,
        },
        quota: KV,
        tenant: None,
        alarm: None,
    };

    /// Helpers with empty key-value stores.
    pub const fn new(services: S) -> Self {
        Self {
            services,
            kv: KvStore::new(),
        }
    }

    /// The host's services.
    pub fn services(&mut self) -> &mut S {
        &mut self.services
    }

    /// The value under a key, if it has been stored. The programs' own store
    /// is [`KvScope::Local`]`(0)`.
    #[must_use]
    pub fn fetch(&self, scope: KvScope, key: u32) -> Option<u32> {
        self.kv.fetch(scope, key)
    }

    /// All values in all stores, by store and key.
    pub fn values(&self) -> impl Iterator<Item = &KvEntry> {
        self.kv.iter()
    }
}

impl<S: Services, const KV: usize> Helpers<S, KV> {
    /// Runs a program once.
    ///
    /// r1 is the address of the context and r2 its length, or both are 0 if
    /// it is empty. At most `budget` instructions are executed, less what helpers
    /// charge.
    ///
    /// # Errors
    ///
    /// If a region is too long, or more are granted than there are; nothing
    /// has run then. A fault is not an error, but an outcome.
    pub fn run<E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        runnable: Runnable<'_>,
        context: &mut [u8],
        granted: &mut [Grant<'_>],
        budget: u32,
    ) -> Result<RunReport, MapError> {
        self.run_for(Self::ACCOUNT, engine, runnable, context, granted, budget)
    }

    /// Lets a program answer a request; `response` is where it builds the
    /// answer. The request's path is not looked at.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn coap<'b, E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        runnable: Runnable<'_>,
        request: &CoapRequest<'_>,
        response: &'b mut [u8],
        budget: u32,
    ) -> Result<RunReport<CoapReply<'b>>, MapError> {
        let report = self.coap_for(Self::ACCOUNT, engine, runnable, request, response, budget)?;
        Ok(report.map(|answer| answer.reply(response)))
    }

    /// [`run`](Self::run), on the account of a container.
    pub(crate) fn run_for<E: Engine + ?Sized>(
        &mut self,
        account: Account<'_>,
        engine: &mut E,
        runnable: Runnable<'_>,
        context: &mut [u8],
        granted: &mut [Grant<'_>],
        budget: u32,
    ) -> Result<RunReport, MapError> {
        let event = Event {
            context,
            granted,
            coap: None,
            budget,
        };
        self.execute(account, engine, runnable, event)
    }

    /// [`coap`](Self::coap), on the account of a container.
    pub(crate) fn coap_for<E: Engine + ?Sized>(
        &mut self,
        account: Account<'_>,
        engine: &mut E,
        runnable: Runnable<'_>,
        request: &CoapRequest<'_>,
        response: &mut [u8],
        budget: u32,
    ) -> Result<RunReport<Answer>, MapError> {
        // No container sees the response of another.
        response.fill(0);
        let mut exchange = CoapExchange::new(response.len(), *request);
        let mut context = exchange.context();
        let event = Event {
            context: context.as_mut_bytes(),
            granted: &mut [
                Grant::Write(response, Rights::ReadWrite),
                Grant::Read(request.payload),
            ],
            coap: Some(&mut exchange),
            budget,
        };
        let (app, name) = (account.app, runnable.name);
        let report = self.execute(account, engine, runnable, event)?;
        Ok(report.and_then(|result| {
            exchange.answer(result, response).map_err(|kind| {
                let fault = Fault {
                    kind,
                    pc: 0,
                    address: 0,
                };
                let registers = [result, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                self.note(app, name, fault, &registers);
                fault
            })
        }))
    }

    fn execute<E: Engine + ?Sized>(
        &mut self,
        account: Account<'_>,
        engine: &mut E,
        runnable: Runnable<'_>,
        event: Event<'_, '_, '_>,
    ) -> Result<RunReport, MapError> {
        let mut machine = machine(&runnable, event.context);
        machine.add_budget(event.budget);
        let before = machine.budget();
        let (app, name) = (account.app, runnable.name);
        let outcome = self.proceed(account, engine, runnable, event, &mut machine)?;
        let report = report(outcome, &machine, before);
        if let Err(fault) = report.outcome {
            self.note(app, name, fault, machine.registers());
        }
        Ok(report)
    }

    /// Tells the host of a fault.
    #[cold]
    pub(crate) fn note(&mut self, app: AppId, name: &str, fault: Fault, registers: &[u64; 11]) {
        self.services.faulted(&FaultReport {
            name,
            app,
            fault,
            registers,
        });
    }

    /// Runs a program, from where the machine is.
    pub(crate) fn proceed<E: Engine + ?Sized>(
        &mut self,
        account: Account<'_>,
        engine: &mut E,
        runnable: Runnable<'_>,
        event: Event<'_, '_, '_>,
        machine: &mut Machine,
    ) -> Result<Outcome, MapError> {
        let Runnable { name, program, .. } = runnable;
        let mut host = HelperHost {
            services: &mut self.services,
            kv: &mut self.kv,
            account,
            name,
            coap: event.coap,
            cost: 0,
            budget: 0,
            begun: None,
        };

        let mut memory = MemoryMap::new(runnable.stack);
        memory.map(region::RODATA, runnable.rodata)?;
        memory.map_mut(region::DATA, runnable.data, Rights::ReadWrite)?;
        memory.map_mut(region::CONTEXT, event.context, Rights::ReadWrite)?;
        for (number, grant) in (region::GRANTED..).zip(event.granted) {
            match grant {
                Grant::Read(bytes) => memory.map(number, bytes)?,
                Grant::Write(bytes, rights) => memory.map_mut(number, bytes, *rights)?,
            }
        }

        Ok(engine.run(&program, machine, &mut memory, &mut host))
    }
}

/// A program at its start, with a context.
pub(crate) fn machine(runnable: &Runnable<'_>, context: &[u8]) -> Machine {
    let arguments = match context.len() {
        0 => [0; 5],
        length => [region::address(region::CONTEXT), length as u64, 0, 0, 0],
    };
    Machine::new(&runnable.program, arguments)
}

/// What came of a run, whose budget was `before` when it began or went on.
pub(crate) fn report(outcome: Outcome, machine: &Machine, before: i32) -> RunReport {
    RunReport {
        outcome: match outcome {
            Outcome::Returned(value) => Ok(value),
            Outcome::Fault(fault) => Err(fault),
            Outcome::OutOfBudget => Err(Fault {
                kind: FaultKind::BudgetExhausted,
                pc: machine.pc(),
                address: 0,
            }),
        },
        instructions: machine.instructions(),
        helper_calls: machine.helper_calls(),
        cost: before.wrapping_sub(machine.budget()) as u32,
    }
}
