// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resources under `/rbpf`: looking at the device, and changing it.

use coap_numbers::code;
use heapless::String;

use super::request::{Request, push_ascii};
use super::{CBOR, LINK_FORMAT, MAX_PATH, Reply, Resources, TEXT};
use crate::job::{Device, Operation, Status};
use crate::page::number;
use crate::report::Format;
use crate::staging::PieceError;

/// What is said of values and logs where they are [not shown](Device::exposes).
const NOT_SHOWN: &str = "values and logs are not shown (expose)";

/// The first segment of a path without its leading slash, and the others.
fn segment(path: &str) -> (&str, Option<&str>) {
    let end = path.bytes().position(|byte| byte == b'/');
    end.and_then(|end| Some((path.get(..end)?, path.get(end + 1..))))
        .unwrap_or((path, None))
}

impl<D: Device<PAGE>, const PAGE: usize> Resources<D, PAGE> {
    /// `rest` is what follows `/rbpf`. Not inlined: its frame would be below
    /// every request to a container.
    #[inline(never)]
    pub(super) fn own(
        &mut self,
        request: &Request<'_>,
        rest: &str,
    ) -> Result<Reply<D::Ticket>, Status> {
        let (first, rest) = segment(rest.strip_prefix('/').unwrap_or_default());
        let (second, third) = rest.map_or((None, None), |rest| {
            let (second, third) = segment(rest);
            (Some(second), third)
        });
        match (request.method, first, second, third) {
            (code::GET, "", None, _) => self.read(request, Operation::List, "", 0),
            (code::GET, "bindings", None, _) => self.read(request, Operation::Bindings, "", 0),
            (code::GET, "slots", None, _) => self.read(request, Operation::Slots, "", 0),
            (code::GET, "tenants", None, _) => self.read(request, Operation::Tenants, "", 0),
            (code::GET, "faults", None, _) => self.read(request, Operation::Faults, "", 0),
            (code::GET, "stats", None, _) => self.read(request, Operation::Stats, "", 0),
            // Before all that looks at them: observers are answered by this, too.
            (code::GET, "kv", ..) if !self.device.exposes() => {
                Ok(Reply::Short(code::FORBIDDEN, NOT_SHOWN))
            }
            (code::GET, "log", ..) if D::HAS_LOG && !self.device.exposes() => {
                Ok(Reply::Short(code::FORBIDDEN, NOT_SHOWN))
            }
            (code::GET, "kv", None, _) => self.read(request, Operation::Values, "", 0),
            (code::GET, "kv", Some(scope), Some(key)) => {
                let key = number(key).ok_or(Status::Invalid)?;
                let name = if scope == "global" { "" } else { scope };
                self.read(request, Operation::Value, name, key)
            }
            (code::GET, "log", None, _) if D::HAS_LOG => self.log(request, Operation::Log, 0),
            (code::GET, "log", Some(from), None) if D::HAS_LOG => {
                let from = number(from).ok_or(Status::Invalid)?;
                self.log(request, Operation::LogFrom, from)
            }
            (_, "log", _, None) if D::HAS_LOG => Err(Status::Method),
            (code::GET, "app", Some(name), None) => self.read(request, Operation::Info, name, 0),
            (_, first, second, None) if self.device.may_change() => {
                self.change(request, first, second)
            }
            (
                _,
                "" | "app" | "bindings" | "faults" | "kv" | "slots" | "stats" | "tenants",
                _,
                None,
            ) => Err(Status::Method),
            _ => Err(Status::NotFound),
        }
    }

    /// What is asked for is only looked at.
    pub(super) fn read(
        &mut self,
        request: &Request<'_>,
        operation: Operation,
        name: &str,
        key: u32,
    ) -> Result<Reply<D::Ticket>, Status> {
        let format = match (operation, request.format) {
            (Operation::Links, None | Some(LINK_FORMAT)) => LINK_FORMAT,
            (Operation::Links, _) => return Ok(Reply::NOT_ACCEPTABLE),
            (_, None | Some(TEXT)) => TEXT,
            (_, Some(CBOR)) => CBOR,
            _ => return Ok(Reply::NOT_ACCEPTABLE),
        };
        let for_strangers = !self.device.exposes();
        let ticket = self.device.ask(operation, &mut |job| {
            job.for_strangers = for_strangers;
            job.offset = request.block2.map_or(0, |block| block.offset());
            job.key = key;
            if format == CBOR {
                job.format = Format::Cbor;
            }
            job.set_name(name)
        })?;
        Ok(Reply::Answer {
            ticket,
            code: code::CONTENT,
            format,
            block1: None,
            block2: request.block2,
        })
    }

    /// A piece of what containers have printed. It says itself from where to
    /// where it goes, so it does not come in blocks: each would be of another
    /// time.
    fn log(
        &mut self,
        request: &Request<'_>,
        operation: Operation,
        from: u32,
    ) -> Result<Reply<D::Ticket>, Status> {
        if !matches!(request.format, None | Some(TEXT)) {
            return Ok(Reply::NOT_ACCEPTABLE);
        }
        if request.block2.is_some_and(|block| !block.is_first()) {
            return Err(Status::Invalid);
        }
        let ticket = self.device.ask(operation, &mut |job| {
            job.key = from;
            Ok(())
        })?;
        Ok(Reply::Piece {
            ticket,
            most: request.block2.map_or(usize::MAX, |block| block.size()),
        })
    }

    fn change(
        &mut self,
        request: &Request<'_>,
        first: &str,
        name: Option<&str>,
    ) -> Result<Reply<D::Ticket>, Status> {
        let (operation, code) = match (request.method, first, name) {
            (code::PUT, "app", Some(name)) => {
                if let Some(reply) = self.stage(request, name) {
                    return Ok(reply);
                }
                (Operation::Install, code::CHANGED)
            }
            (code::DELETE, "app", Some(_)) => (Operation::Remove, code::DELETED),
            (code::POST, "release", Some(_)) => (Operation::Release, code::CHANGED),
            (code::POST, "lease", Some(_)) if D::HAS_LEASES => (Operation::Lease, code::CHANGED),
            (_, "lease", _) if D::HAS_LEASES => return Err(Status::Method),
            (code::POST, "bind", Some(_)) => (Operation::Bind, code::CHANGED),
            (code::POST, "unbind", _) => (Operation::Unbind, code::CHANGED),
            (
                _,
                "" | "app" | "bind" | "bindings" | "faults" | "kv" | "release" | "slots" | "stats"
                | "tenants" | "unbind",
                _,
            ) => {
                return Err(Status::Method);
            }
            _ => return Err(Status::NotFound),
        };
        let ticket = self.device.ask(operation, &mut |job| {
            job.set_tenant(&request.tenant)?;
            job.set_name(name.unwrap_or_default())?;
            if matches!(
                operation,
                Operation::Bind | Operation::Unbind | Operation::Lease
            ) {
                let mut target = String::<MAX_PATH>::new();
                let pushed = push_ascii(&mut target, request.payload);
                return pushed
                    .and_then(|()| job.set_target(&target).map_err(|_| ()))
                    .map_err(|()| Status::Invalid);
            }
            Ok(())
        })?;
        Ok(Reply::Answer {
            ticket,
            code,
            format: TEXT,
            block1: request.block1,
            block2: None,
        })
    }

    /// Takes a block of an image; `None` after the last.
    fn stage(&mut self, request: &Request<'_>, name: &str) -> Option<Reply<D::Ticket>> {
        let more = request.block1.filter(|block| block.has_more());
        if more.is_some_and(|block| request.payload.len() != block.size()) {
            return Some(Reply::Short(code::BAD_REQUEST, "not a whole block"));
        }
        let offset = request.block1.map_or(0, |block| block.offset());
        if let Err(error) = self.device.stage(name, offset, request.payload) {
            let code = match error {
                PieceError::Name => code::BAD_REQUEST,
                PieceError::Order => code::REQUEST_ENTITY_INCOMPLETE,
                PieceError::TooLarge => code::REQUEST_ENTITY_TOO_LARGE,
            };
            return Some(Reply::Short(code, error.text()));
        }
        more.map(Reply::Continue)
    }
}
