// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device's resources: containers on their paths, and `/rbpf`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /.well-known/core` | links to all of these (RFC 6690) |
//! | `GET /rbpf` | containers |
//! | `GET /rbpf/app/NAME` | one container |
//! | `GET /rbpf/bindings` | paths, hooks, and containers |
//! | `GET /rbpf/stats` | what the device has |
//! | `GET /rbpf/kv` | values |
//! | `GET /rbpf/kv/global/KEY`, `GET /rbpf/kv/NAME/KEY` | one value |
//!
//! in text, one record a line, or in CBOR if the option Accept says so; and
//! only where [anyone may](Device::may_change):
//!
//! | request | effect |
//! |---|---|
//! | `PUT /rbpf/app/NAME` | installs the payload, block by block, or replaces the container of that name |
//! | `DELETE /rbpf/app/NAME` | removes a container |
//! | `POST /rbpf/bind/NAME` | binds a container to the path or hook in the payload |
//! | `POST /rbpf/unbind`, `POST /rbpf/unbind/NAME` | undoes that |
//!
//! Built on coap-message and coap-handler; which stack carries the messages
//! is not known here. Answers longer than a message go out in blocks (RFC
//! 7959). Each block of a list is taken from a list of its own time; the
//! response of a container is kept until another one takes its place, and its
//! blocks bear an entity tag. Who asks is not known here, so its later blocks
//! go to whoever asks for them by the same method and path.

use coap_handler::Handler;
use coap_message::{
    Code as _, MessageOption as _, MinimalWritableMessage, MutableWritableMessage,
    OptionNumber as _, ReadableMessage,
};
use coap_message_utils::Error;
use coap_numbers::{code, option};
use heapless::{String, Vec};
use rbpf_runtime::MAX_TARGET;

use crate::job::{Device, Operation, Status};
use crate::report::Format;
use crate::staging::PieceError;
use crate::work::is_own;

/// Bytes of the longest path that means something: `/rbpf/kv/NAME/KEY`.
pub const MAX_PATH: usize = 40;
const _: () = assert!(MAX_PATH >= MAX_TARGET);

/// Bytes of a message that options and marker take beside a payload.
const OVERHEAD: usize = 20;

/// Content-Formats.
const TEXT: u16 = 0;
const LINK_FORMAT: u16 = 40;
const CBOR: u16 = 60;

const CORE_PATH: &str = "/.well-known/core";

/// A Block1 or Block2 option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    offset: usize,
    more: bool,
    /// The size is 16 times two to the power of this.
    exponent: u8,
}

impl Block {
    /// The first block, as large as there are.
    const FIRST: Self = Self {
        offset: 0,
        more: false,
        exponent: 6,
    };

    fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > 3 {
            return None;
        }
        let value = value
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        let exponent = (value & 7) as u8;
        (exponent < 7).then_some(Self {
            offset: (value as usize >> 4) << (exponent + 4),
            more: value & 8 != 0,
            exponent,
        })
    }

    fn size(self) -> usize {
        16 << self.exponent
    }

    fn value(self) -> u32 {
        let number = (self.offset >> (self.exponent + 4)) as u32;
        number << 4 | u32::from(self.more) << 3 | u32::from(self.exponent)
    }

    /// Makes it smaller until it fits.
    fn shrink(&mut self, room: usize) {
        while self.exponent > 0 && self.size() > room {
            self.exponent -= 1;
        }
    }
}

/// A request, as far as it is looked at.
struct Request<'r> {
    method: u8,
    path: String<MAX_PATH>,
    format: Option<u16>,
    block1: Option<Block>,
    block2: Option<Block>,
    query: bool,
    payload: &'r [u8],
}

/// What to answer.
#[derive(Debug)]
pub enum Reply<T> {
    /// A short text, or none.
    Short(u8, &'static str),
    /// A piece was taken; more are to come.
    Continue(Block),
    /// What was answered; this code and format if it went well.
    Answer {
        /// The answer.
        ticket: T,
        /// Code of the response.
        code: u8,
        /// Content-Format of the response.
        format: u16,
        /// The last block of the request.
        block1: Option<Block>,
        /// The block that is asked for.
        block2: Option<Block>,
    },
    /// What a container has answered.
    Container {
        /// The answer, or none if the one that is kept is meant.
        ticket: Option<T>,
        /// The block that is asked for.
        block2: Option<Block>,
    },
}

impl<T> From<Status> for Reply<T> {
    fn from(status: Status) -> Self {
        Self::Short(error_code(status), status.text())
    }
}

const fn error_code(status: Status) -> u8 {
    match status {
        Status::Done => code::CONTENT,
        Status::Created => code::CREATED,
        Status::NotFound => code::NOT_FOUND,
        Status::Taken => code::CONFLICT,
        Status::Invalid => code::BAD_REQUEST,
        Status::Refused => code::UNPROCESSABLE_ENTITY,
        Status::Method => code::METHOD_NOT_ALLOWED,
        Status::Fault => code::INTERNAL_SERVER_ERROR,
        Status::Full
        | Status::Budget
        | Status::Quarantined
        | Status::Throttled
        | Status::Busy
        | Status::TimedOut => code::SERVICE_UNAVAILABLE,
    }
}

/// FNV-1a: tells paths and responses apart, not friends from foes.
#[must_use]
pub fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The first segment of a path without its leading slash, and the others.
fn segment(path: &str) -> (&str, Option<&str>) {
    let end = path.bytes().position(|byte| byte == b'/');
    end.and_then(|end| Some((path.get(..end)?, path.get(end + 1..))))
        .unwrap_or((path, None))
}

/// Whether a path is one of the device's own, below `/rbpf`.
#[must_use]
pub fn is_own_path(path: &[u8]) -> bool {
    core::str::from_utf8(path).is_ok_and(is_own)
}

impl<'r> Request<'r> {
    fn parse<M: ReadableMessage>(message: &'r M) -> Result<Self, Error> {
        let mut request = Self {
            method: message.code().into(),
            path: String::new(),
            format: None,
            block1: None,
            block2: None,
            query: false,
            payload: message.payload(),
        };
        for item in message.options() {
            let number = item.number();
            let bad = || Error::bad_option(number);
            match number {
                option::URI_PATH => {
                    // A slash in a segment would make another path of it.
                    let segment = core::str::from_utf8(item.value()).map_err(|_| bad())?;
                    if segment.bytes().any(|byte| byte == b'/') {
                        return Err(Error::not_found());
                    }
                    let pushed = request.path.push('/');
                    pushed
                        .and_then(|()| request.path.push_str(segment))
                        .map_err(|_| Error::not_found())?;
                }
                option::URI_QUERY => request.query = true,
                option::ACCEPT => {
                    let &[high, low] = item.value() else {
                        request.format = Some(match item.value() {
                            [] => 0,
                            &[low] => low.into(),
                            _ => return Err(bad()),
                        });
                        continue;
                    };
                    request.format = Some(u16::from_be_bytes([high, low]));
                }
                option::BLOCK1 => {
                    request.block1 = Some(Block::parse(item.value()).ok_or_else(bad)?);
                }
                option::BLOCK2 => {
                    request.block2 = Some(Block::parse(item.value()).ok_or_else(bad)?);
                }
                option::URI_HOST | option::URI_PORT => {}
                // Odd numbers are critical (RFC 7252, section 5.4.1).
                _ if number % 2 == 1 => return Err(bad()),
                _ => {}
            }
        }
        if request.path.is_empty() {
            // Room for one is there.
            let _ = request.path.push('/');
        }
        if request.query && is_own(&request.path) {
            return Err(Error::bad_option(option::URI_QUERY));
        }
        Ok(request)
    }
}

/// The resources, and the last response of a container that was longer than a
/// message.
#[derive(Debug)]
pub struct Resources<D, const PAGE: usize> {
    device: D,
    kept: Kept<PAGE>,
}

/// A response of which blocks are still to be fetched.
#[derive(Debug)]
struct Kept<const PAGE: usize> {
    /// Of the request: method and path.
    request: u32,
    code: u8,
    format: Option<u16>,
    payload: Vec<u8, PAGE>,
}

impl<D, const PAGE: usize> Resources<D, PAGE> {
    /// The resources of a device.
    pub const fn new(device: D) -> Self {
        Self {
            device,
            kept: Kept {
                request: 0,
                code: 0,
                format: None,
                payload: Vec::new(),
            },
        }
    }
}

impl<D: Device<PAGE>, const PAGE: usize> Resources<D, PAGE> {
    fn answer(&mut self, request: &Request<'_>) -> Result<Reply<D::Ticket>, Status> {
        match request.path.strip_prefix("/rbpf") {
            Some(rest) if is_own(&request.path) => self.own(request, rest),
            _ if request.path != CORE_PATH => self.container(request),
            _ if request.method == code::GET => self.read(request, Operation::Links, "", 0),
            _ => Err(Status::Method),
        }
    }

    fn container(&mut self, request: &Request<'_>) -> Result<Reply<D::Ticket>, Status> {
        if request
            .block1
            .is_some_and(|block| block.more || block.offset > 0)
        {
            let text = "payload larger than a message";
            return Ok(Reply::Short(code::REQUEST_ENTITY_TOO_LARGE, text));
        }
        let key = hash(request.path.as_bytes()) ^ u32::from(request.method);
        let block2 = request.block2;
        if block2.is_some_and(|block| block.offset > 0) {
            if self.kept.code != 0 && self.kept.request == key {
                return Ok(Reply::Container {
                    ticket: None,
                    block2,
                });
            }
            // It is forgotten what this is a part of. A GET changes nothing, so
            // it may be done again.
            if request.method != code::GET {
                return Ok(Reply::Short(code::REQUEST_ENTITY_INCOMPLETE, ""));
            }
        }
        if request.payload.len() > PAGE {
            let text = "payload larger than the device's";
            return Ok(Reply::Short(code::REQUEST_ENTITY_TOO_LARGE, text));
        }
        let ticket = self.device.ask(Operation::Coap, &mut |job| {
            job.method = request.method;
            job.set_target(&request.path)?;
            job.set_input(request.payload)
        })?;
        self.kept.request = key;
        self.kept.code = 0;
        if let (Some(accept), Some(format)) = (request.format, ticket.content_format)
            && accept != format
            && ticket.status == Status::Done
        {
            return Ok(Reply::NOT_ACCEPTABLE);
        }
        Ok(Reply::Container {
            ticket: Some(ticket),
            block2,
        })
    }

    fn own(&mut self, request: &Request<'_>, rest: &str) -> Result<Reply<D::Ticket>, Status> {
        let (first, rest) = segment(rest.strip_prefix('/').unwrap_or_default());
        let (second, third) = rest.map_or((None, None), |rest| {
            let (second, third) = segment(rest);
            (Some(second), third)
        });
        match (request.method, first, second, third) {
            (code::GET, "", None, _) => self.read(request, Operation::List, "", 0),
            (code::GET, "bindings", None, _) => self.read(request, Operation::Bindings, "", 0),
            (code::GET, "stats", None, _) => self.read(request, Operation::Stats, "", 0),
            (code::GET, "kv", None, _) => self.read(request, Operation::Values, "", 0),
            (code::GET, "kv", Some(scope), Some(key)) => {
                let key = key.parse().map_err(|_| Status::Invalid)?;
                let name = if scope == "global" { "" } else { scope };
                self.read(request, Operation::Value, name, key)
            }
            (code::GET, "app", Some(name), None) => self.read(request, Operation::Info, name, 0),
            (_, first, second, None) if self.device.may_change() => {
                self.change(request, first, second)
            }
            (_, "" | "app" | "bindings" | "kv" | "stats", _, None) => Err(Status::Method),
            _ => Err(Status::NotFound),
        }
    }

    /// What is asked for is only looked at.
    fn read(
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
        let ticket = self.device.ask(operation, &mut |job| {
            job.offset = request.block2.map_or(0, |block| block.offset);
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
            (code::POST, "bind", Some(_)) => (Operation::Bind, code::CHANGED),
            (code::POST, "unbind", _) => (Operation::Unbind, code::CHANGED),
            (_, "" | "app" | "bind" | "bindings" | "kv" | "release" | "stats" | "unbind", _) => {
                return Err(Status::Method);
            }
            _ => return Err(Status::NotFound),
        };
        let ticket = self.device.ask(operation, &mut |job| {
            job.set_name(name.unwrap_or_default())?;
            if matches!(operation, Operation::Bind | Operation::Unbind) {
                let target = core::str::from_utf8(request.payload);
                let set = job.set_target(target.map_err(|_| Status::Invalid)?);
                return set.map_err(|_| Status::Invalid);
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
        let more = request.block1.filter(|block| block.more);
        if more.is_some_and(|block| request.payload.len() != block.size()) {
            return Some(Reply::Short(code::BAD_REQUEST, "not a whole block"));
        }
        let offset = request.block1.map_or(0, |block| block.offset);
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

impl<T> Reply<T> {
    const NOT_ACCEPTABLE: Self = Self::Short(code::NOT_ACCEPTABLE, "not available in that format");
}

/// A response, before it is a message.
struct Response<'p> {
    code: u8,
    format: Option<u16>,
    etag: Option<[u8; 4]>,
    block1: Option<Block>,
    block2: Option<Block>,
    payload: &'p [u8],
}

impl Response<'_> {
    /// Cuts the payload to a block of the size that fits and is not larger
    /// than the one asked for. The whole has `length` bytes, of which the
    /// payload has those from `from` on.
    fn cut(&mut self, block2: Option<Block>, length: usize, from: usize, room: usize) {
        if block2.is_none() && length == self.payload.len() && length <= room {
            return;
        }
        let mut block = block2.unwrap_or(Block::FIRST);
        block.shrink(room);
        if block.offset > 0 && block.offset >= length {
            self.code = code::BAD_REQUEST;
            self.payload = b"no such block";
            self.format = None;
            return;
        }
        let rest = self.payload.get(block.offset - from..).unwrap_or_default();
        self.payload = rest.get(..block.size()).unwrap_or(rest);
        block.more = length - block.offset > block.size();
        if block.more || block.offset > 0 {
            self.block2 = Some(block);
        }
    }

    fn write<M: MutableWritableMessage>(&self, message: &mut M) -> Result<(), M::UnionError> {
        message.set_code(M::Code::new(self.code)?);
        // Options in the order of their numbers.
        if let Some(etag) = self.etag {
            message.add_option(M::OptionNumber::new(option::ETAG)?, &etag)?;
        }
        for (number, value) in [
            (option::CONTENT_FORMAT, self.format.map(u32::from)),
            (option::BLOCK2, self.block2.map(Block::value)),
            (option::BLOCK1, self.block1.map(Block::value)),
        ] {
            if let Some(value) = value {
                message.add_option_uint(M::OptionNumber::new(number)?, value)?;
            }
        }
        if !self.payload.is_empty() {
            message.set_payload(self.payload)?;
        }
        Ok(())
    }
}

impl<D: Device<PAGE>, const PAGE: usize> Handler for Resources<D, PAGE> {
    type RequestData = Reply<D::Ticket>;
    type ExtractRequestError = Error;
    type BuildResponseError<M: MinimalWritableMessage> = M::UnionError;

    fn extract_request_data<M: ReadableMessage>(
        &mut self,
        request: &M,
    ) -> Result<Reply<D::Ticket>, Error> {
        let request = Request::parse(request)?;
        Ok(self.answer(&request).unwrap_or_else(Reply::from))
    }

    fn estimate_length(&mut self, _: &Reply<D::Ticket>) -> usize {
        PAGE + OVERHEAD
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        reply: Reply<D::Ticket>,
    ) -> Result<(), M::UnionError> {
        let room = message.available_space().saturating_sub(OVERHEAD);
        let mut response = Response {
            code: 0,
            format: None,
            etag: None,
            block1: None,
            block2: None,
            payload: &[],
        };
        match &reply {
            Reply::Short(code, text) => {
                response.code = *code;
                response.payload = text.as_bytes();
            }
            Reply::Continue(block) => {
                response.code = code::CONTINUE;
                response.block1 = Some(*block);
            }
            Reply::Answer { ticket, .. }
            | Reply::Container {
                ticket: Some(ticket),
                ..
            } if !ticket.status.is_done() => {
                response.code = error_code(ticket.status);
                response.payload = match ticket.answer() {
                    [] => ticket.status.text().as_bytes(),
                    text => text.get(..room).unwrap_or(text),
                };
            }
            Reply::Answer {
                ticket,
                code,
                format,
                block1,
                block2,
            } => {
                response.code = match ticket.status {
                    Status::Created => code::CREATED,
                    _ => *code,
                };
                response.block1 = *block1;
                response.payload = ticket.answer();
                if !response.payload.is_empty() {
                    response.format = Some(*format);
                }
                // What is kept of the answer begins at the block.
                let from = block2.map_or(0, |block| block.offset);
                response.cut(*block2, ticket.answer_length(), from, room.min(PAGE));
            }
            Reply::Container { ticket, block2 } => {
                if let Some(ticket) = ticket {
                    response.code = ticket.code;
                    response.format = ticket.content_format;
                    response.payload = ticket.answer();
                    let wanted = block2.map_or(usize::MAX, Block::size);
                    if response.payload.len() > wanted.min(room) {
                        self.kept.code = ticket.code;
                        self.kept.format = ticket.content_format;
                        self.kept.payload.clear();
                        // Both are as long as a page.
                        let _ = self.kept.payload.extend_from_slice(response.payload);
                    }
                } else {
                    response.code = self.kept.code;
                    response.format = self.kept.format;
                    response.payload = &self.kept.payload;
                }
                response.etag = Some(hash(response.payload).to_be_bytes());
                response.cut(*block2, response.payload.len(), 0, room);
                if response.block2.is_none() {
                    response.etag = None;
                }
            }
        }
        response.write(message)
    }
}
