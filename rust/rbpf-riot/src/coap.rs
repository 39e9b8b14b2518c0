// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module's resources: containers on their paths, and `/rbpf`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /rbpf` | containers, one a line |
//! | `GET /rbpf/app/NAME` | one container |
//! | `GET /rbpf/bindings` | paths and containers |
//! | `GET /rbpf/stats` | what the device has |
//! | `GET /rbpf/kv` | values, one a line |
//! | `GET /rbpf/kv/global/KEY`, `GET /rbpf/kv/NAME/KEY` | one value |
//!
//! and only with `CONFIG_RBPF_UNSIGNED_INSTALL`:
//!
//! | request | effect |
//! |---|---|
//! | `PUT /rbpf/app/NAME` | installs the payload, block by block |
//! | `DELETE /rbpf/app/NAME` | removes a container |
//! | `POST /rbpf/bind/NAME` | binds a container to the path in the payload |
//! | `POST /rbpf/unbind` | undoes that for the path in the payload |
//!
//! Built on coap-message and coap-handler; which stack carries the messages
//! is not known here. Lists longer than a message go out in blocks (RFC
//! 7959), each taken from a list of its own time.

use coap_handler::Handler;
use coap_message::{
    Code as _, MessageOption as _, MinimalWritableMessage, MutableWritableMessage,
    OptionNumber as _, ReadableMessage,
};
use coap_message_utils::Error;
use coap_numbers::{code, option};
use heapless::String;

use crate::job::{Operation, Status};
use crate::queue::{self, Ticket};

/// Bytes of the longest path: `/rbpf/kv/NAME/KEY`.
pub(crate) const MAX_PATH: usize = 40;

/// Bytes of a message that options and marker take beside a page.
const OVERHEAD: usize = 16;

/// Content-Format of plain text.
const TEXT: u16 = 0;

/// A Block1 or Block2 option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    offset: usize,
    more: bool,
    /// The size is 16 times two to the power of this.
    exponent: u8,
}

impl Block {
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
}

/// A request, as far as it is looked at.
struct Request<'r> {
    method: u8,
    path: String<MAX_PATH>,
    block1: Option<Block>,
    block2: Option<Block>,
    payload: &'r [u8],
}

/// What to answer.
pub(crate) enum Reply {
    /// A short text, or none.
    Short(u8, &'static str),
    /// A piece was taken; more are to come.
    Continue(Block),
    /// What the worker has answered; this code if it went well.
    Answer {
        ticket: Ticket,
        code: u8,
        block1: Option<Block>,
        block2: Option<Block>,
    },
    /// What a container has answered.
    Container(Ticket),
}

impl From<Status> for Reply {
    fn from(status: Status) -> Self {
        Self::Short(error_code(status), status.text())
    }
}

const fn error_code(status: Status) -> u8 {
    match status {
        Status::Done => code::CONTENT,
        Status::NotFound => code::NOT_FOUND,
        Status::Taken => code::CONFLICT,
        Status::Invalid => code::BAD_REQUEST,
        Status::Refused => code::UNPROCESSABLE_ENTITY,
        Status::Fault => code::INTERNAL_SERVER_ERROR,
        Status::Full | Status::Budget | Status::Busy | Status::TimedOut => {
            code::SERVICE_UNAVAILABLE
        }
    }
}

/// Whether a path is one of the module's own.
pub(crate) fn is_own(path: &[u8]) -> bool {
    path.strip_prefix(b"/rbpf")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

impl<'r> Request<'r> {
    fn parse<M: ReadableMessage>(message: &'r M) -> Result<Self, Error> {
        let mut request = Self {
            method: message.code().into(),
            path: String::new(),
            block1: None,
            block2: None,
            payload: message.payload(),
        };
        for item in message.options() {
            let number = item.number();
            let bad = || Error::bad_option(number);
            match number {
                option::URI_PATH => {
                    // A slash in a segment would make another path of it.
                    let segment = core::str::from_utf8(item.value()).map_err(|_| bad())?;
                    if segment.contains('/') {
                        return Err(bad());
                    }
                    request.path.push('/').map_err(|_| bad())?;
                    request.path.push_str(segment).map_err(|_| bad())?;
                }
                option::BLOCK1 => {
                    request.block1 = Some(Block::parse(item.value()).ok_or_else(bad)?);
                }
                option::BLOCK2 => {
                    request.block2 = Some(Block::parse(item.value()).ok_or_else(bad)?);
                }
                option::URI_HOST | option::URI_PORT | option::ACCEPT => {}
                // Odd numbers are critical (RFC 7252, section 5.4.1).
                _ if number % 2 == 1 => return Err(bad()),
                _ => {}
            }
        }
        Ok(request)
    }

    fn answer(&self) -> Result<Reply, Status> {
        match self.path.strip_prefix("/rbpf") {
            Some(rest) if is_own(self.path.as_bytes()) => self.own(rest),
            _ => self.container(),
        }
    }

    fn container(&self) -> Result<Reply, Status> {
        if self
            .block1
            .is_some_and(|block| block.more || block.offset > 0)
        {
            let text = "payload larger than a message";
            return Ok(Reply::Short(code::REQUEST_ENTITY_TOO_LARGE, text));
        }
        if self.block2.is_some_and(|block| block.offset > 0) {
            return Ok(Reply::Short(code::BAD_REQUEST, "answered in one block"));
        }
        let mut ticket = Ticket::claim(Operation::Coap)?;
        let job = ticket.job().ok_or(Status::Busy)?;
        job.method = self.method;
        job.set_path(&self.path)?;
        if job.set_input(self.payload).is_err() {
            let text = "payload larger than the device's";
            return Ok(Reply::Short(code::REQUEST_ENTITY_TOO_LARGE, text));
        }
        Ok(Reply::Container(ticket.ask()?))
    }

    fn own(&self, rest: &str) -> Result<Reply, Status> {
        let mut segments = rest.trim_start_matches('/').splitn(3, '/');
        let first = segments.next().unwrap_or_default();
        let second = segments.next();
        let third = segments.next();
        match (self.method, first, second, third) {
            (code::GET, "", None, _) => self.page(Operation::List, ""),
            (code::GET, "bindings", None, _) => self.page(Operation::Bindings, ""),
            (code::GET, "stats", None, _) => self.page(Operation::Stats, ""),
            (code::GET, "kv", None, _) => self.page(Operation::Values, ""),
            (code::GET, "kv", Some(scope), Some(key)) => self.value(scope, key),
            (code::GET, "app", Some(name), None) => self.page(Operation::Info, name),
            (method, first, second, None) => self.change(method, first, second),
            _ => Err(Status::NotFound),
        }
    }

    fn page(&self, operation: Operation, name: &str) -> Result<Reply, Status> {
        let offset = self.block2.map_or(0, |block| block.offset);
        let ticket = queue::ask(operation, &mut |job| {
            job.output.start(offset);
            job.set_name(name)
        })?;
        Ok(Reply::Answer {
            ticket,
            code: code::CONTENT,
            block1: None,
            block2: self.block2,
        })
    }

    fn value(&self, scope: &str, key: &str) -> Result<Reply, Status> {
        let key = key.parse().map_err(|_| Status::Invalid)?;
        let ticket = queue::ask(Operation::Value, &mut |job| {
            job.key = key;
            job.set_name(if scope == "global" { "" } else { scope })
        })?;
        Ok(Reply::Answer {
            ticket,
            code: code::CONTENT,
            block1: None,
            block2: None,
        })
    }

    #[cfg(not(rbpf_unsigned_install))]
    fn change(&self, _: u8, first: &str, _: Option<&str>) -> Result<Reply, Status> {
        match first {
            "" | "app" | "bindings" | "kv" | "stats" => {
                Ok(Reply::Short(code::METHOD_NOT_ALLOWED, ""))
            }
            _ => Err(Status::NotFound),
        }
    }

    #[cfg(rbpf_unsigned_install)]
    fn change(&self, method: u8, first: &str, name: Option<&str>) -> Result<Reply, Status> {
        let path = || core::str::from_utf8(self.payload).map_err(|_| Status::Invalid);
        let (ticket, code) = match (method, first, name) {
            (code::PUT, "app", Some(name)) => return self.upload(name),
            (code::DELETE, "app", Some(name)) => {
                let ticket = queue::ask(Operation::Remove, &mut |job| job.set_name(name))?;
                (ticket, code::DELETED)
            }
            (code::POST, "bind", Some(name)) => {
                let ticket = queue::ask(Operation::Bind, &mut |job| {
                    job.set_name(name)?;
                    job.set_path(path()?).map_err(|_| Status::Invalid)
                })?;
                (ticket, code::CHANGED)
            }
            (code::POST, "unbind", None) => {
                let ticket = queue::ask(Operation::Unbind, &mut |job| job.set_path(path()?))?;
                (ticket, code::CHANGED)
            }
            (_, "" | "app" | "bind" | "bindings" | "kv" | "stats" | "unbind", _) => {
                return Ok(Reply::Short(code::METHOD_NOT_ALLOWED, ""));
            }
            _ => return Err(Status::NotFound),
        };
        Ok(Reply::Answer {
            ticket,
            code,
            block1: self.block1,
            block2: None,
        })
    }

    /// Takes a block of an image, and installs it after the last.
    #[cfg(rbpf_unsigned_install)]
    fn upload(&self, name: &str) -> Result<Reply, Status> {
        use crate::staging::{self, PieceError};

        let offset = self.block1.map_or(0, |block| block.offset);
        if let Err(error) = staging::put(name, offset, self.payload) {
            let code = match error {
                PieceError::Name => code::BAD_REQUEST,
                PieceError::Order => code::REQUEST_ENTITY_INCOMPLETE,
                PieceError::TooLarge => code::REQUEST_ENTITY_TOO_LARGE,
            };
            return Ok(Reply::Short(code, error.text()));
        }
        if let Some(block) = self.block1.filter(|block| block.more) {
            return Ok(if self.payload.len() == block.size() {
                Reply::Continue(block)
            } else {
                Reply::Short(code::BAD_REQUEST, "not a whole block")
            });
        }
        Ok(Reply::Answer {
            ticket: queue::ask(Operation::Install, &mut |job| job.set_name(name))?,
            code: code::CREATED,
            block1: self.block1,
            block2: None,
        })
    }
}

/// The resources; they have no state of their own.
pub(crate) struct Resources;

impl Handler for Resources {
    type RequestData = Reply;
    type ExtractRequestError = Error;
    type BuildResponseError<M: MinimalWritableMessage> = M::UnionError;

    fn extract_request_data<M: ReadableMessage>(&mut self, request: &M) -> Result<Reply, Error> {
        let request = Request::parse(request)?;
        Ok(request.answer().unwrap_or_else(Reply::from))
    }

    fn estimate_length(&mut self, _: &Reply) -> usize {
        crate::page::PAGE
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        reply: Reply,
    ) -> Result<(), M::UnionError> {
        let (mut ticket, code, block1, block2) = match reply {
            Reply::Short(code, text) => {
                message.set_code(M::Code::new(code)?);
                if !text.is_empty() {
                    message.set_payload(text.as_bytes())?;
                }
                return Ok(());
            }
            Reply::Continue(block) => {
                message.set_code(M::Code::new(code::CONTINUE)?);
                let number = M::OptionNumber::new(option::BLOCK1)?;
                message.add_option_uint(number, block.value())?;
                return Ok(());
            }
            Reply::Container(ticket) => (ticket, 0, None, None),
            Reply::Answer {
                ticket,
                code,
                block1,
                block2,
            } => (ticket, code, block1, block2),
        };
        // A ticket that was answered has its job.
        let Some(job) = ticket.job() else {
            message.set_code(M::Code::new(code::INTERNAL_SERVER_ERROR)?);
            return Ok(());
        };
        let mut payload = job.output.bytes();
        if job.status != Status::Done {
            message.set_code(M::Code::new(error_code(job.status))?);
            if payload.is_empty() {
                payload = job.status.text().as_bytes();
            }
            return Ok(message.set_payload(payload)?);
        }
        if code == 0 {
            message.set_code(M::Code::new(job.code)?);
            if let Some(format) = job.format {
                let number = M::OptionNumber::new(option::CONTENT_FORMAT)?;
                message.add_option_uint(number, format)?;
            }
        } else {
            // The block that fits, of the size asked for or a smaller one.
            let room = message.available_space().saturating_sub(OVERHEAD);
            let mut block = block2.unwrap_or(Block {
                offset: 0,
                more: false,
                exponent: 6,
            });
            while block.exponent > 0 && block.size() > room.min(crate::page::PAGE) {
                block.exponent -= 1;
            }
            if block.offset > job.output.length() {
                message.set_code(M::Code::new(code::BAD_REQUEST)?);
                return Ok(());
            }
            block.more = job.output.length() - block.offset > block.size();
            payload = payload.get(..block.size()).unwrap_or(payload);

            message.set_code(M::Code::new(code)?);
            if !payload.is_empty() {
                let number = M::OptionNumber::new(option::CONTENT_FORMAT)?;
                message.add_option_uint(number, TEXT)?;
            }
            if block.more || block.offset > 0 {
                let number = M::OptionNumber::new(option::BLOCK2)?;
                message.add_option_uint(number, block.value())?;
            }
            if let Some(block1) = block1 {
                let number = M::OptionNumber::new(option::BLOCK1)?;
                message.add_option_uint(number, block1.value())?;
            }
        }
        if !payload.is_empty() {
            message.set_payload(payload)?;
        }
        Ok(())
    }
}
