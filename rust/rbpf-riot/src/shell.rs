// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shell command `rbpf`.
//!
//! One record a line. Errors begin with `error:`, and the command returns 1
//! then. Who types is trusted, so containers can be installed here without
//! more ado.

use rbpf_device::{Fill, Operation, Status, digits};
use riot_wrappers::shell::Args;
use riot_wrappers::stdio::Stdio;

use crate::queue::{self, Job};
use crate::worker::{PAGE, stage};
use crate::sys;

/// Bytes that one line can load.
const PIECE: usize = 128;

const HELP: &str = " VERB ...
list                    containers, one a line
info NAME               one container, what it may do, where it answers
run NAME [HEX]          run once, with a context of these bytes
bind NAME PATH|HOOK     let it answer CoAP requests for a path, or run at a hook
unbind PATH|HOOK [NAME] undo that, for all or one
remove NAME             remove it, its bindings and values
kv                      values in the stores
kv get NAME|global KEY  one value
hooks                   paths and hooks, and who is bound there
stats                   what the device has, and how much is in use
load NAME HEX           append bytes to the image of a new container
load NAME               install what was appended, or replace NAME by it
load                    discard what was appended
help                    this text
";

/// What a verb came to.
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

fn command(_: &mut Stdio, args: Args<'_>) -> i32 {
    let failure = match verb(&args) {
        Ok(()) => return 0,
        Err(failure) => failure,
    };
    match failure {
        Failure::Usage => {
            sys::print("usage: ");
            sys::print(args.get(0).unwrap_or("rbpf"));
            sys::print(HELP);
        }
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

fn verb(args: &Args<'_>) -> Result<(), Failure> {
    let arguments = (args.get(2), args.get(3), args.get(4));
    match (args.get(1).ok_or(Failure::Usage)?, arguments) {
        ("list", (None, ..)) => pages(Operation::List, &mut |_: &mut Job| Ok(())),
        ("kv", (None, ..)) => pages(Operation::Values, &mut |_: &mut Job| Ok(())),
        ("hooks", (None, ..)) => pages(Operation::Bindings, &mut |_: &mut Job| Ok(())),
        ("stats", (None, ..)) => pages(Operation::Stats, &mut |_: &mut Job| Ok(())),
        ("info", (Some(name), None, _)) => {
            pages(Operation::Info, &mut |job: &mut Job| job.set_name(name))
        }
        ("kv", (Some("get"), Some(scope), Some(key))) if args.len() == 5 => {
            let key = key.parse().map_err(|_| Failure::Usage)?;
            let scope = if scope == "global" { "" } else { scope };
            once(Operation::Value, &mut |job: &mut Job| {
                job.key = key;
                job.set_name(scope)
            })?;
            sys::print("\n");
            Ok(())
        }
        ("run", (Some(name), context, None)) => {
            let mut bytes = [0; PIECE];
            let bytes = unhex(context.unwrap_or_default(), &mut bytes)?;
            once(Operation::Run, &mut |job: &mut Job| {
                job.set_name(name)?;
                job.set_input(bytes)
            })
        }
        ("bind", (Some(name), Some(target), None)) => done(
            Operation::Bind,
            &mut |job: &mut Job| {
                job.set_name(name)?;
                job.set_target(target).map_err(|_| Status::Invalid)
            },
            &["bound ", name, " ", target],
        ),
        ("unbind", (Some(target), name, None)) => done(
            Operation::Unbind,
            &mut |job: &mut Job| {
                job.set_name(name.unwrap_or_default())?;
                job.set_target(target)
            },
            &["unbound ", target],
        ),
        ("remove", (Some(name), None, _)) => done(
            Operation::Remove,
            &mut |job: &mut Job| job.set_name(name),
            &["removed ", name],
        ),
        ("load", (None, ..)) => {
            stage(|staging| staging.clear());
            Ok(())
        }
        ("load", (Some(name), None, _)) => {
            once(Operation::Install, &mut |job: &mut Job| job.set_name(name))
        }
        ("load", (Some(name), Some(hex), None)) => load(name, hex),
        ("help", (None, ..)) => {
            sys::print("usage: ");
            sys::print(args.get(0).unwrap_or("rbpf"));
            sys::print(HELP);
            Ok(())
        }
        _ => Err(Failure::Usage),
    }
}

/// Appends to the image that is put together.
fn load(name: &str, hex: &str) -> Result<(), Failure> {
    let mut bytes = [0; PIECE];
    let bytes = unhex(hex, &mut bytes)?;
    let loaded = stage(|staging| {
        let there = staging.begun(name);
        staging.put(name, there, bytes).map(|()| there + bytes.len())
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

/// Prints an answer of one page; or why there is none.
fn once(operation: Operation, fill: Fill<'_, PAGE>) -> Result<(), Failure> {
    let ticket = queue::ask(operation, fill)?;
    if ticket.status.is_done() {
        sys::write(ticket.answer());
        return Ok(());
    }
    if ticket.answer().is_empty() {
        return Err(ticket.status.into());
    }
    sys::print("error: ");
    sys::write(ticket.answer());
    sys::print("\n");
    Err(Failure::Said)
}

/// As [`once`], and then prints a line.
fn done(operation: Operation, fill: Fill<'_, PAGE>, line: &[&str]) -> Result<(), Failure> {
    once(operation, fill)?;
    for text in line {
        sys::print(text);
    }
    sys::print("\n");
    Ok(())
}

/// Prints an answer page after page.
fn pages(operation: Operation, fill: Fill<'_, PAGE>) -> Result<(), Failure> {
    let mut offset = 0;
    loop {
        let ticket = queue::ask(operation, &mut |job| {
            job.offset = offset;
            fill(job)
        })?;
        if !ticket.status.is_done() {
            return Err(ticket.status.into());
        }
        sys::write(ticket.answer());
        offset += PAGE;
        if offset >= ticket.answer_length() {
            return Ok(());
        }
    }
}

riot_wrappers::static_command!(rbpf_command, "rbpf", "containers: rbpf help", command);
