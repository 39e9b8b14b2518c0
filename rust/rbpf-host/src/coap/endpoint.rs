// SPDX-License-Identifier: MIT OR Apache-2.0
//! The message layer: what is done about a datagram.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use coap_lite::{CoapOption, MessageType, Packet};
use rbpf_device::coap::{Observation, STRANGER};
use rbpf_device::observe::{Observer, Observers};

use super::answer::Answer;
use super::block::uint;
use super::code::{self, EMPTY, GET, LAST_METHOD};
use super::echo::Shown;
use super::message::{empty, header, parse};
use super::options::{ECHO, RequestOptions, TransferKey};
use super::table::{Bounds, Table};
use super::transfer::{Transfers, Upload};
use crate::device::{Reply, Request};
use crate::services::Bindings;

/// How long a message may be repeated (RFC 7252, section 4.8.2).
const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);
/// Exchanges that are remembered, of one host and of all; a reply is at most
/// about 1,100 bytes long.
const EXCHANGES_PER_ADDRESS: usize = 256;
const EXCHANGES: usize = 1024;

/// Observers of one endpoint.
const OBSERVERS: usize = 64;
/// Milliseconds that lie between two notifications to an observer at least.
const OBSERVE_INTERVAL: u32 = 1000;

/// Limits of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of the largest block.
    pub(crate) block_size: usize,
    /// Bytes of the longest payload of a request.
    pub(crate) max_upload: usize,
    /// How long a block-wise transfer may rest.
    pub(crate) transfer_timeout: Duration,
}

/// What was done about a request, for those who watch.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) method: u8,
    pub(crate) path: String,
    /// Code of the response.
    pub(crate) code: u8,
    /// Bytes of the response's payload in this message.
    pub(crate) bytes: usize,
    pub(crate) instructions: u64,
    pub(crate) duration: Duration,
}

/// What is behind an endpoint.
pub(crate) trait Handler {
    /// Answers a complete request.
    fn handle(&mut self, request: Request) -> Reply;

    /// The version of what containers answer on a path; `None` if none does.
    fn version(&self, path: &str) -> Option<u32>;

    /// Which containers answer on a path.
    fn bindings(&self, path: &str) -> Bindings;
}

/// A message, as it can be recognised when it comes again: its id, and a hash
/// of all of it, since ids are used again sooner than they should be.
type MessageKey = (u16, u64);

/// One end of CoAP: a socket's worth of exchanges.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Replies by message; `None` for what is not answered when repeated.
    exchanges: Table<MessageKey, Option<Vec<u8>>>,
    transfers: Transfers,
    /// Bytes of the largest block.
    block_size: usize,
    shown: Shown,
    observers: Observers<SocketAddr, OBSERVERS, OBSERVE_INTERVAL>,
    /// When its time begins.
    start: Instant,
    /// Id of the next message that is not an acknowledgement.
    next_id: u16,
}

impl Endpoint {
    pub(crate) fn new(limits: Limits, now: Instant, first_id: u16) -> Self {
        Self {
            exchanges: Table::new(Bounds {
                per_address: EXCHANGES_PER_ADDRESS,
                total: EXCHANGES,
                lifetime: EXCHANGE_LIFETIME,
            }),
            transfers: Transfers::new(
                limits.block_size,
                limits.max_upload,
                limits.transfer_timeout,
            ),
            block_size: limits.block_size,
            shown: Shown::new(),
            observers: Observers::new(),
            start: now,
            next_id: first_id,
        }
    }

    /// Milliseconds of its time; wraps.
    fn ms(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.start).as_millis() as u32
    }

    /// Bytes of payload of the longest message to a peer.
    fn most(&self, now: Instant, peer: SocketAddr) -> usize {
        match self.shown.is_stranger(now, peer) {
            true => self.block_size.min(STRANGER),
            false => self.block_size,
        }
    }

    /// Offers a stranger who is not answered in full to be one no longer.
    fn offer(&self, now: Instant, peer: SocketAddr, answer: &mut Answer) {
        if answer.block2.is_some_and(|block| block.more) && self.shown.is_stranger(now, peer) {
            answer.echo = Some(self.shown.value(peer));
        }
    }

    /// Takes a datagram; returns the one to send back, if any, and what was
    /// done if it was a request.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        bytes: &[u8],
        handler: &mut dyn Handler,
    ) -> (Option<Vec<u8>>, Option<Report>) {
        let Some((kind, id)) = header(bytes) else {
            return (None, None);
        };
        let confirmable = match kind {
            MessageType::Confirmable => true,
            MessageType::NonConfirmable => false,
            MessageType::Acknowledgement => {
                let now = self.ms(now);
                self.observers.acknowledge(&peer, id, now);
                return (None, None);
            }
            MessageType::Reset => {
                self.observers.reset(&peer, id);
                return (None, None);
            }
        };
        // RFC 7252, sections 4.2 and 4.3: what is not understood is rejected
        // if confirmable, else ignored. The empty message, a ping, as well.
        let Some(packet) = parse(bytes).filter(is_request) else {
            return (confirmable.then(|| empty(MessageType::Reset, id)), None);
        };

        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let key = (id, hasher.finish());
        if let Some(reply) = self.exchanges.get(now, peer, &key) {
            return (reply.clone(), None);
        }
        if let Some(value) = packet.get_first_option(ECHO) {
            self.shown.look_at(now, peer, value);
        }
        let (mut answer, report) = self.request(now, peer, &packet, handler);
        if !confirmable && answer.code == code::BAD_OPTION {
            // RFC 7252, section 5.4.1: rejected, not answered.
            return (None, Some(report));
        }
        let (kind, id) = if confirmable {
            (MessageType::Acknowledgement, id)
        } else {
            (MessageType::NonConfirmable, self.take_id())
        };
        self.offer(now, peer, &mut answer);
        let reply = answer.encode(packet.get_token(), kind, id);
        // Repeated messages that are not confirmable are ignored.
        let repeated = confirmable.then(|| reply.clone());
        self.exchanges.put(now, peer, key, repeated);
        (Some(reply), Some(report))
    }

    fn request(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        packet: &Packet,
        handler: &mut dyn Handler,
    ) -> (Answer, Report) {
        let mut report = Report {
            method: packet.header.code.into(),
            path: String::new(),
            code: 0,
            bytes: 0,
            instructions: 0,
            duration: Duration::ZERO,
        };
        let answer = match RequestOptions::read(packet) {
            Ok(options) => {
                report.path.clone_from(&options.path);
                self.obey(now, peer, packet, options, handler, &mut report)
            }
            Err((code, text)) => Answer::error(code, text),
        };
        report.code = answer.code;
        report.bytes = answer.payload.len();
        (answer, report)
    }

    /// Answers a request whose options are understood.
    fn obey(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        packet: &Packet,
        options: RequestOptions,
        handler: &mut dyn Handler,
        report: &mut Report,
    ) -> Answer {
        let method: u8 = packet.header.code.into();
        // Before it is answered: what has changed meanwhile is found later.
        let key = TransferKey::new(packet, handler.bindings(&options.path));
        let most = self.most(now, peer);
        let further = options.block2.filter(|block| block.number > 0);
        if let (Some(block), None) = (further, options.block1) {
            if let Some(answer) = self.transfers.next(now, peer, &key, block, most) {
                return answer;
            }
            if method != GET {
                // What it was a part of is forgotten, and to do it again is not asked.
                return Answer::error(code::REQUEST_ENTITY_INCOMPLETE, "no such transfer");
            }
        }
        let payload = match self.transfers.upload(
            now,
            peer,
            &key,
            options.block1,
            options.size1,
            packet.payload.clone(),
        ) {
            Upload::Complete(payload) => payload,
            Upload::Answered(answer) => return answer,
        };
        // The whole, without a query, which is not remembered.
        let is_for_observers = options.query.is_empty() && further.is_none();
        let reply = handler.handle(Request {
            code: method,
            path: options.path.clone(),
            query: options.query,
            accept: options.accept,
            observe: options.observe,
            payload,
        });
        report.instructions = reply.instructions;
        report.duration = reply.duration;
        let mut answer = Answer {
            content_format: reply.content_format,
            payload: reply.payload,
            ..Answer::new(reply.code)
        };
        if let (Some(accept), Some(format)) = (options.accept, answer.content_format)
            && accept != format
            && answer.code >> 5 == 2
        {
            answer = Answer::error(code::NOT_ACCEPTABLE, "not available in that format");
        }
        let token = packet.get_token();
        match (options.observe, reply.observation) {
            (Some(0), Observation::Version(version)) if is_for_observers => {
                let (path, now) = (&options.path, self.ms(now));
                answer.observe =
                    self.observers
                        .register(peer, token, path, options.accept, version, now);
            }
            (Some(1), _) => self.observers.deregister(&peer, token),
            _ => {}
        }
        answer.block1 = self.transfers.last_block(options.block1);
        self.transfers
            .download(now, peer, &key, options.block2, answer, most)
    }

    fn take_id(&mut self) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// Looks what there is to tell to the next observer of those whose turn it is;
    /// `None` if it is nobody's. `handler` answers a request on its behalf. Each
    /// observer comes once in an interval.
    pub(crate) fn notify(&mut self, now: Instant, handler: &mut dyn Handler) -> Option<Turn> {
        let ms = self.ms(now);
        let observer = self.observers.take_due(ms, |path| handler.version(path))?;
        let bindings = handler.bindings(&observer.path);
        let reply = handler.handle(Request {
            code: GET,
            path: observer.path.as_str().to_owned(),
            query: Vec::new(),
            accept: observer.format,
            observe: Some(0),
            payload: Vec::new(),
        });
        let told = match reply.observation {
            Observation::Version(version) if observer.needs(version, ms) => Some(version),
            Observation::Ended => None,
            _ => {
                self.observers.keep(observer, ms);
                return Some(Turn::Nothing);
            }
        };
        let answer = Answer {
            content_format: reply.content_format,
            payload: reply.payload,
            ..Answer::new(reply.code)
        };
        let (peer, request) = (observer.peer, request(&observer));
        let key = TransferKey::new(&request, bindings);
        let most = self.most(now, peer);
        let mut answer = self.transfers.download(now, peer, &key, None, answer, most);
        self.offer(now, peer, &mut answer);
        let id = self.take_id();
        let mut kind = MessageType::NonConfirmable;
        if let Some(version) = told {
            let notification = self.observers.notify(observer, version, id, ms);
            answer.observe = Some(notification.number);
            if notification.is_confirmable {
                kind = MessageType::Confirmable;
            }
        }
        let message = answer.encode(request.get_token(), kind, id);
        Some(Turn::Message(peer, message))
    }
}

/// What there is to tell to an observer.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This message, which goes there.
    Message(SocketAddr, Vec<u8>),
    /// Nothing that is new, or the device has no time to say it.
    Nothing,
}

/// The request of an observer.
fn request(observer: &Observer<SocketAddr>) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = GET.into();
    packet.set_token(observer.token.to_vec());
    for segment in observer.path.split('/').skip(1) {
        packet.add_option(CoapOption::UriPath, segment.into());
    }
    if let Some(format) = observer.format {
        packet.add_option(CoapOption::Accept, uint(format.into()));
    }
    packet
}

/// Whether a message has the code of a request.
fn is_request(packet: &Packet) -> bool {
    let method: u8 = packet.header.code.into();
    method != EMPTY && method <= LAST_METHOD
}

#[cfg(test)]
mod tests;
