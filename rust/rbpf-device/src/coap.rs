// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device's resources: containers on their paths, and `/rbpf`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /.well-known/core` | links to all of these (RFC 6690) |
//! | `GET /rbpf` | containers |
//! | `GET /rbpf/app/NAME` | one container |
//! | `GET /rbpf/slots` | slots of the store, and what is in them |
//! | `GET /rbpf/bindings` | paths, hooks, and containers |
//! | `GET /rbpf/tenants` | tenants, what they have and may have |
//! | `GET /rbpf/faults` | the last faults, if they are kept |
//! | `GET /rbpf/stats` | what the device has |
//! | `GET /rbpf/log`, `GET /rbpf/log/OFFSET` | what containers have printed, all that is kept, or from a position on |
//! | `GET /rbpf/kv` | values |
//! | `GET /rbpf/kv/global/KEY`, `GET /rbpf/kv/NAME/KEY`, `GET /rbpf/kv/@TENANT/KEY` | one value |
//!
//! in text, one record a line, or in CBOR if the option Accept says so, the log
//! in text alone. With the feature `observe`, all of these but links and log may be
//! observed (RFC 7641), and of containers those that say so, without a query. Values,
//! the log, and what was in registers at a fault are shown only where [anyone may see
//! them](Device::exposes). And only where [anyone may](Device::may_change):
//!
//! | request | effect |
//! |---|---|
//! | `PUT /rbpf/app/NAME` | installs the payload, block by block, or replaces the container of that name |
//! | `DELETE /rbpf/app/NAME` | removes a container |
//! | `POST /rbpf/bind/NAME` | binds a container to the path, timer, value or hook in the payload, or to `answer` |
//! | `POST /rbpf/lease/NAME` | has a container removed after the seconds in the payload, 1 to 86400, unless it is asked for again; 0: it stays |
//! | `POST /rbpf/release/NAME` | lets a container run again that is in quarantine |
//! | `POST /rbpf/unbind`, `POST /rbpf/unbind/NAME` | undoes that |
//!
//! With `?tenant=NAME`, a change is asked for on behalf of that tenant: it may
//! have containers of its own within its allowance, and change no others. Nothing
//! proves yet that it is the tenant who asks.
//!
//! The resources are a handler of coap-handler; which stack carries the
//! messages is not known here. Answers longer than a message go out in blocks (RFC
//! 7959). Each block of a list is taken from a list of its own time; the
//! response of a container is kept until another one takes its place, or other
//! containers are bound, and its blocks bear an entity tag. They go to the
//! [peer](Device::Peer) who has asked for the first, by the same method, path, query and
//! format.
//!
//! Who has not shown that it receives what is sent to its address gets blocks of 64
//! bytes at most, with the option Echo (RFC 9175), by which it can, so that nobody has
//! others flooded with answers (RFC 7252, section 11.3). A block that is asked for shows
//! nothing.

mod block;
mod echo;
mod handler;
mod management;
#[cfg(feature = "observe")]
mod message;
#[cfg(feature = "observe")]
mod observation;
mod request;
mod response;

use coap_numbers::code;
use heapless::{String, Vec};
use rbpf_runtime::MAX_TARGET;

pub use block::Block;
pub use echo::{NUMBER as ECHO, Proof, STRANGER, echo};
pub use handler::Answered;
#[cfg(feature = "observe")]
pub use message::{Head, MAX_HEAD};
#[cfg(feature = "observe")]
pub use observation::{Observation, Wish};
use request::Request;
pub use request::is_defined;
use response::Response;

pub use crate::hash::hash;
use crate::job::{Device, MAX_QUERY, Operation, Status};

/// Bytes of the longest path that means something: `/rbpf/kv/NAME/KEY`.
pub const MAX_PATH: usize = 40;
const _: () = assert!(MAX_PATH >= MAX_TARGET);

/// Bytes of a message that options and marker take beside a payload.
const OVERHEAD: usize = 20;

/// Content-Formats.
const TEXT: u16 = 0;
const LINK_FORMAT: u16 = 40;
const CBOR: u16 = 60;

/// Set in an entity tag, so that it is never empty.
const ETAG_LENGTH: u32 = 1 << 31;

const CORE_PATH: &str = "/.well-known/core";

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
    /// A text that says itself how far it goes; what does not fit a message is
    /// left out.
    Piece {
        /// The answer.
        ticket: T,
        /// Bytes of it that are wanted at most.
        most: usize,
    },
    /// What a container has answered.
    Container {
        /// The answer, or none if the one that is kept is meant.
        ticket: Option<T>,
        /// What was [bound](Device::bound) before it was asked for.
        bound: u32,
        /// The Content-Format that is wanted.
        accept: Option<u16>,
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
        Status::Forbidden => code::FORBIDDEN,
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

/// Whether a path is one of the device's own, below `/rbpf`.
#[must_use]
pub fn is_own_path(path: &[u8]) -> bool {
    path.strip_prefix(b"/rbpf")
        .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

/// The resources, and the last response of a container that was longer than a
/// message.
#[derive(Debug)]
pub struct Resources<D: Device<PAGE>, const PAGE: usize> {
    device: D,
    kept: Kept<D::Peer, PAGE>,
}

/// A response of which blocks are still to be fetched.
#[derive(Debug)]
struct Kept<P, const PAGE: usize> {
    /// Whose it is; nothing is kept if it is nobody's.
    peer: Option<P>,
    bound: u32,
    method: u8,
    path: String<MAX_TARGET>,
    query: Vec<u8, MAX_QUERY>,
    accept: Option<u16>,
    code: u8,
    format: Option<u16>,
    payload: Vec<u8, PAGE>,
}

/// All that selects a response.
struct Selection<'s, P> {
    peer: P,
    bound: u32,
    method: u8,
    path: &'s str,
    query: &'s [u8],
    accept: Option<u16>,
}

impl<P: PartialEq, const PAGE: usize> Kept<P, PAGE> {
    #[inline(never)]
    fn is(&self, selection: &Selection<'_, P>) -> bool {
        self.peer.as_ref() == Some(&selection.peer)
            && (self.bound, self.method, self.accept)
                == (selection.bound, selection.method, selection.accept)
            && self.path == selection.path
            && self.query == selection.query
    }
}

impl<D: Device<PAGE>, const PAGE: usize> Resources<D, PAGE> {
    /// The resources of a device.
    pub const fn new(device: D) -> Self {
        Self {
            device,
            kept: Kept {
                peer: None,
                bound: 0,
                method: 0,
                path: String::new(),
                query: Vec::new(),
                accept: None,
                code: 0,
                format: None,
                payload: Vec::new(),
            },
        }
    }

    /// Answers a request.
    fn answer(&mut self, request: &mut Request<'_>) -> Reply<D::Ticket> {
        match request.end() {
            Ok(()) => self.ask(request).unwrap_or_else(Reply::from),
            Err(code) => Reply::Short(code, ""),
        }
    }

    /// Makes a response of that, for a message with so much space for options
    /// and payload, and for a peer that has shown that it receives, or not.
    fn response<'r>(
        &'r mut self,
        reply: &'r Reply<D::Ticket>,
        space: usize,
        is_known: bool,
    ) -> Response<'r> {
        let mut room = space.saturating_sub(OVERHEAD);
        if !is_known {
            room = room.saturating_sub(echo::LENGTH).min(echo::STRANGER);
        }
        let mut response = Response::default();
        match reply {
            Reply::Short(code, text) => {
                response.code = *code;
                response.payload = text.as_bytes();
            }
            Reply::Continue(block) => {
                response.code = code::CONTINUE;
                response.block1 = Some(*block);
            }
            Reply::Piece { .. } if !D::HAS_LOG => {}
            Reply::Answer { ticket, .. }
            | Reply::Piece { ticket, .. }
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
                let from = block2.map_or(0, |block| block.offset());
                response.cut(*block2, ticket.answer_length(), from, room.min(PAGE));
            }
            Reply::Piece { ticket, most } => {
                response.code = code::CONTENT;
                response.format = Some(TEXT);
                let text = ticket.answer();
                response.payload = text.get(..room.min(*most)).unwrap_or(text);
                response.is_cut = true;
            }
            Reply::Container {
                ticket,
                bound,
                accept,
                block2,
            } => {
                if let Some(ticket) = ticket {
                    let selection = Selection {
                        peer: self.device.peer(),
                        bound: *bound,
                        method: ticket.method,
                        path: &ticket.target,
                        query: &ticket.query,
                        accept: *accept,
                    };
                    response.code = ticket.code;
                    response.format = ticket.content_format;
                    response.payload = ticket.answer();
                    let wanted = block2.map_or(usize::MAX, Block::size);
                    if response.payload.len() > wanted.min(room) {
                        let kept = &mut self.kept;
                        kept.peer = Some(selection.peer);
                        kept.bound = *bound;
                        kept.method = ticket.method;
                        kept.path.clone_from(&ticket.target);
                        kept.query.clone_from(&ticket.query);
                        kept.accept = *accept;
                        kept.code = ticket.code;
                        kept.format = ticket.content_format;
                        kept.payload.clear();
                        // Both are as long as a page.
                        let _ = kept.payload.extend_from_slice(response.payload);
                    } else if self.kept.is(&selection) {
                        self.kept.peer = None;
                    }
                } else {
                    response.code = self.kept.code;
                    response.format = self.kept.format;
                    response.payload = &self.kept.payload;
                }
                let whole = response.payload;
                response.cut(*block2, whole.len(), 0, room);
                if response.block2.is_some() {
                    response.etag = Some(hash(whole) | ETAG_LENGTH);
                }
            }
        }
        response
    }

    fn ask(&mut self, request: &Request<'_>) -> Result<Reply<D::Ticket>, Status> {
        match request.path.strip_prefix("/rbpf") {
            Some(rest) if rest.bytes().next().unwrap_or(b'/') == b'/' => self.own(request, rest),
            _ if request.path != CORE_PATH => self.container(request),
            _ if request.method == code::GET => self.read(request, Operation::Links, "", 0),
            _ => Err(Status::Method),
        }
    }

    fn container(&mut self, request: &Request<'_>) -> Result<Reply<D::Ticket>, Status> {
        if request
            .block1
            .is_some_and(|block| block.has_more() || !block.is_first())
        {
            let text = "payload larger than a message";
            return Ok(Reply::Short(code::REQUEST_ENTITY_TOO_LARGE, text));
        }
        let (bound, accept, block2) = (self.device.bound(), request.format, request.block2);
        if block2.is_some_and(|block| !block.is_first()) {
            let selection = Selection {
                peer: self.device.peer(),
                bound,
                method: request.method,
                path: &request.path,
                query: &request.query,
                accept,
            };
            if self.kept.is(&selection) {
                return Ok(Reply::Container {
                    ticket: None,
                    bound,
                    accept,
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
        let for_strangers = !self.device.exposes();
        let ticket = self.device.ask(Operation::Coap, &mut |job| {
            job.for_strangers = for_strangers;
            job.method = request.method;
            job.observe = request.observe;
            job.set_target(&request.path)?;
            job.set_query(&request.query)?;
            job.set_input(request.payload)
        })?;
        if let (Some(accept), Some(format)) = (accept, ticket.content_format)
            && accept != format
            && ticket.status == Status::Done
        {
            return Ok(Reply::NOT_ACCEPTABLE);
        }
        Ok(Reply::Container {
            ticket: Some(ticket),
            bound,
            accept,
            block2,
        })
    }
}

impl<T> Reply<T> {
    const NOT_ACCEPTABLE: Self = Self::Short(code::NOT_ACCEPTABLE, "not available in that format");
}
