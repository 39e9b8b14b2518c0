// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shell command `rbpf`.
//!
//! One record a line. Errors begin with `error:`, and the command returns 1
//! then. Who types is trusted, so containers can be installed here without
//! more ado.

use core::ffi::{c_char, c_int};
use core::ops::RangeInclusive;

use rbpf_device::{Fill, Operation, Status, digits, number};

use crate::config::LOG_SIZE;
use crate::queue::{self, Job};
use crate::services::HAS_LOG;
use crate::sys;
use crate::worker::{HAS_LEASES, PAGE, stage};

/// Bytes that one line can load.
const PIECE: usize = 128;

/// The help, with the lines of what was selected.
macro_rules! help {
    ($($selected:literal)*) => {
        concat!(
            " VERB ...
list               containers
slots              of the store, and what is in them
info NAME          what it may do, where it answers
run NAME [HEX]     run it once, with this context
bind NAME WHERE    /path, hook, every:MS, after:MS, alarm, answer
unbind WHERE [NAME]
remove NAME        with its bindings and values
release NAME       from quarantine
kv                 values in the stores
kv get NAME|global|@TENANT KEY
tenants            whose containers there are
faults             the last faults, with registers
hooks              paths and hooks, and who is bound there
stats              what there is, and is in use
load NAME HEX      append to an image
load NAME [for TENANT]
                   install it, or replace NAME by it
load               discard it
",
            $($selected,)*
            "help\n"
        )
    };
}

const HELP: &str = match (HAS_LEASES, HAS_LOG) {
    (false, false) => help!(),
    (true, false) => help!("lease NAME SECONDS remove it after that; 0: it stays\n"),
    (false, true) => help!("logs               what containers have printed\n"),
    (true, true) => help!(
        "lease NAME SECONDS remove it after that; 0: it stays\n"
        "logs               what containers have printed\n"
    ),
};

/// A verb that is one operation.
struct Verb {
    name: &'static str,
    operation: Operation,
    /// How many arguments it takes, at least and at most. A range of `usize`
    /// would take three words of flash a verb.
    arguments: (u8, u8),
    /// What it says when it is done, before its arguments.
    done: &'static str,
}

const fn verb(
    name: &'static str,
    operation: Operation,
    arguments: RangeInclusive<usize>,
    done: &'static str,
) -> Verb {
    Verb {
        name,
        operation,
        arguments: (*arguments.start() as u8, *arguments.end() as u8),
        done,
    }
}

const VERBS: [Verb; 12] = [
    verb("list", Operation::List, 0..=0, ""),
    verb("info", Operation::Info, 1..=1, ""),
    verb("slots", Operation::Slots, 0..=0, ""),
    verb("kv", Operation::Values, 0..=0, ""),
    verb("hooks", Operation::Bindings, 0..=0, ""),
    verb("tenants", Operation::Tenants, 0..=0, ""),
    verb("faults", Operation::Faults, 0..=0, ""),
    verb("stats", Operation::Stats, 0..=0, ""),
    verb("bind", Operation::Bind, 2..=2, "bound"),
    verb("unbind", Operation::Unbind, 1..=2, "unbound"),
    verb("remove", Operation::Remove, 1..=1, "removed"),
    verb("release", Operation::Release, 1..=1, "released"),
];

/// As those, if it was selected.
const LEASE: Verb = verb("lease", Operation::Lease, 2..=2, "leased");

/// What a command came to.
enum Failure {
    /// The command was not understood.
    Usage,
    /// The worker or the queue refused it.
    Status(Status),
    /// It was refused here.
    Text(&'static str),
    /// The worker has said why, and it is printed.
    Said,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// The words of a line.
struct Args<'a>(&'a [*const c_char]);

impl Args<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Option<&str> {
        let &word = self.0.get(index)?;
        // SAFETY: the shell passes strings, and leaves them as they are.
        // What is not ASCII is no word that means something here.
        Some(unsafe { sys::text(word) }.unwrap_or("?"))
    }
}

/// The command; RIOT's shell calls it in its thread.
unsafe extern "C" fn command(count: c_int, words: *mut *mut c_char) -> c_int {
    // SAFETY: the shell passes so many strings.
    let args = Args(unsafe { core::slice::from_raw_parts(words.cast(), count as usize) });
    let failure = match execute(&args) {
        Ok(()) => return 0,
        Err(failure) => failure,
    };
    match failure {
        Failure::Usage => usage(&args),
        Failure::Status(status) => error(status.text()),
        Failure::Text(text) => error(text),
        Failure::Said => {}
    }
    1
}

fn error(text: &str) {
    sys::print("error: ");
    sys::print(text);
    sys::print("\n");
}

fn execute(args: &Args<'_>) -> Result<(), Failure> {
    let word = args.get(1).ok_or(Failure::Usage)?;
    let arguments = (args.get(2), args.get(3), args.get(4));
    let count = args.len() - 2;
    let fits = |verb: &&Verb| {
        let (least, most) = verb.arguments;
        verb.name == word && (least.into()..=most.into()).contains(&count)
    };
    if let Some(verb) = VERBS.iter().find(fits) {
        return simple(verb, args);
    }
    // What was not selected is not linked: not even its name, as it would be for
    // an arm with a guard.
    if HAS_LEASES && fits(&&LEASE) {
        return simple(&LEASE, args);
    }
    if HAS_LOG && word == "logs" && count == 0 {
        return logs();
    }
    match (word, arguments) {
        ("kv", (Some("get"), Some(scope), Some(key))) if count == 3 => {
            let key = number(key).ok_or(Failure::Usage)?;
            let scope = if scope == "global" { "" } else { scope };
            print(Operation::Value, &mut |job: &mut Job| {
                job.key = key;
                job.set_name(scope)
            })?;
            sys::print("\n");
            Ok(())
        }
        ("run", (Some(name), context, None)) => {
            let mut bytes = [0; PIECE];
            let bytes = unhex(context.unwrap_or_default(), &mut bytes)?;
            print(Operation::Run, &mut |job: &mut Job| {
                job.set_name(name)?;
                job.set_input(bytes)
            })
        }
        ("load", (None, ..)) => {
            stage(|staging| staging.clear());
            Ok(())
        }
        ("load", (Some(name), None, _)) => {
            print(Operation::Install, &mut |job: &mut Job| job.set_name(name))
        }
        ("load", (Some(name), Some("for"), Some(tenant))) if count == 3 => {
            print(Operation::Install, &mut |job: &mut Job| {
                job.set_name(name)?;
                job.set_tenant(tenant)
            })
        }
        ("load", (Some(name), Some(hex), None)) => load(name, hex),
        ("help", (None, ..)) => {
            usage(args);
            Ok(())
        }
        _ => Err(Failure::Usage),
    }
}

/// A verb that is one operation, whose arguments are names and targets.
fn simple(verb: &Verb, args: &Args<'_>) -> Result<(), Failure> {
    let first = args.get(2).unwrap_or_default();
    let second = args.get(3).unwrap_or_default();
    let (name, target) = match verb.operation {
        Operation::Unbind => (second, first),
        _ => (first, second),
    };
    print(verb.operation, &mut |job: &mut Job| {
        job.set_name(name)?;
        job.set_target(target).map_err(|_| Status::Invalid)
    })?;
    if !verb.done.is_empty() {
        for text in [verb.done, " ", first] {
            sys::print(text);
        }
        if !second.is_empty() {
            sys::print(" ");
            sys::print(second);
        }
        sys::print("\n");
    }
    Ok(())
}

fn usage(args: &Args<'_>) {
    sys::print("usage: ");
    sys::print(args.get(0).unwrap_or("rbpf"));
    sys::print(HELP);
}

/// Prints what containers have printed: as much as is kept when it begins,
/// answer after answer.
fn logs() -> Result<(), Failure> {
    let mut operation = Operation::Log;
    let (mut position, mut left) = (0, LOG_SIZE as usize);
    loop {
        let ticket = queue::ask(operation, &mut |job| {
            job.key = position;
            Ok(())
        })?;
        // The first line says what the shell need not tell, unless something is lost:
        // what comes then may look like a line of anybody.
        let mut parts = ticket.answer().splitn(2, |&byte| byte == b'\n');
        let is_whole = parts
            .next()
            .is_some_and(|line| line.starts_with(b"offset 0 "));
        let text = parts.next().unwrap_or_default();
        if operation == Operation::Log && !is_whole {
            sys::print("...");
        }
        sys::write(text);
        left = left.saturating_sub(text.len());
        if text.is_empty() || left == 0 {
            return Ok(());
        }
        operation = Operation::LogFrom;
        position = ticket.key;
    }
}

/// Appends to the image that is put together.
fn load(name: &str, hex: &str) -> Result<(), Failure> {
    let mut bytes = [0; PIECE];
    let bytes = unhex(hex, &mut bytes)?;
    let loaded = stage(|staging| {
        let there = staging.begun(name);
        staging
            .put(name, there, bytes)
            .map(|()| there + bytes.len())
    });
    let length = match loaded {
        Some(loaded) => loaded.map_err(|error| Failure::Text(error.text()))?,
        None => return Err(Status::Busy.into()),
    };
    sys::print("loaded ");
    sys::print(name);
    sys::print(" bytes ");
    sys::write(&digits(length as u64, 10));
    sys::print("\n");
    Ok(())
}

/// The bytes of a text of hexadecimal digits.
fn unhex<'b>(hex: &str, buffer: &'b mut [u8; PIECE]) -> Result<&'b [u8], Failure> {
    const WRONG: Failure = Failure::Text("not an even number of hexadecimal digits, or too many");
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(WRONG);
    }
    let bytes = buffer.get_mut(..pairs.len()).ok_or(WRONG)?;
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = match (digit(high), digit(low)) {
            (Some(high), Some(low)) => (high << 4 | low) as u8,
            _ => return Err(WRONG),
        };
    }
    Ok(bytes)
}

/// Prints an answer, page after page; or why there is none.
fn print(operation: Operation, fill: Fill<'_, PAGE>) -> Result<(), Failure> {
    let mut offset = 0;
    loop {
        let ticket = queue::ask(operation, &mut |job| {
            job.offset = offset;
            fill(job)
        })?;
        if !ticket.status.is_done() {
            if ticket.answer().is_empty() {
                return Err(ticket.status.into());
            }
            sys::print("error: ");
            sys::write(ticket.answer());
            sys::print("\n");
            return Err(Failure::Said);
        }
        sys::write(ticket.answer());
        offset += PAGE;
        if !operation.is_reading() || offset >= ticket.answer_length() {
            return Ok(());
        }
    }
}

/// An entry of the shell's list of commands.
#[repr(transparent)]
struct Command(riot_sys::shell_command_t);

// SAFETY: it holds pointers to statics, and nobody writes to it.
unsafe impl Sync for Command {}

// As RIOT's SHELL_COMMAND does; riot-wrappers' `static_command!` would hand
// over words of any encoding, checked.
#[used]
#[unsafe(link_section = ".roxfa.shell_commands_xfa_v2.5")]
static COMMAND: Command = Command(riot_sys::shell_command_t {
    name: c"rbpf".as_ptr().cast(),
    desc: c"containers: rbpf help".as_ptr().cast(),
    handler: Some(command),
});
