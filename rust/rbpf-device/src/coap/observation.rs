// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which responses may be observed (RFC 7641), and which come on behalf of an
//! observer.
//!
//! What is read below `/rbpf` may be observed, the log excepted, and of containers
//! what they say may be. Who observes is the transport's business; see
//! [`observe`](crate::observe).

use core::ops::Deref;

use coap_numbers::code;

use super::message::{Head, MAX_HEAD, encode};
use super::{Answered, OVERHEAD, Reply, Request, Resources};
use crate::job::{Device, Job, Operation, Status};

/// What a request says of observing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'w> {
    /// Who asks wants to be told of changes of a resource that may be observed.
    Register {
        /// The resource.
        path: &'w str,
        /// The Content-Format that is wanted.
        format: Option<u16>,
        /// The version that the response tells.
        version: u32,
        /// Whether who asks has shown that it receives.
        is_known: bool,
    },
    /// Who asks wants to be told no longer.
    Deregister,
}

/// What a reply means to an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It may be observed. Another version of one of the device's own resources has
    /// another number, but for chance; containers' have none, and this is 0.
    Version(u32),
    /// The device has no time for it now.
    Later,
    /// There is nothing to observe.
    Ended,
}

impl<D: Device<PAGE>, const PAGE: usize> Resources<D, PAGE> {
    /// Has the device obey what a request says of observing, if that can be.
    pub(super) fn observe(
        &self,
        request: &Request<'_>,
        reply: &Reply<D::Ticket>,
        is_known: bool,
    ) -> Option<u32> {
        match (request.observe, reply.observation()) {
            (Some(0), Observation::Version(version)) if request.is_for_observers() => {
                self.device.observe(Wish::Register {
                    path: &request.path,
                    format: request.format,
                    version,
                    is_known,
                })
            }
            (Some(1), _) => self.device.observe(Wish::Deregister),
            _ => None,
        }
    }

    /// Answers on behalf of an observer, who waits for nothing.
    pub fn observed(&mut self, path: &str, format: Option<u16>) -> Reply<D::Ticket> {
        self.answer(&mut Request::observing(path, format))
    }

    /// Writes the response as a message of its own, for a peer that has shown that it
    /// receives, or not: its bytes, or `None` if there is no room for it.
    pub fn encode<'b>(
        &mut self,
        bytes: &'b mut [u8],
        head: &Head<'_>,
        reply: &Reply<D::Ticket>,
        number: Option<u32>,
        is_known: bool,
    ) -> Option<&'b [u8]> {
        let space = bytes.len().saturating_sub(MAX_HEAD - OVERHEAD);
        let mut response = self.response(reply, space, is_known);
        response.observe = number;
        let length = encode(&response, head, bytes)?;
        bytes.get(..length)
    }
}

impl<T: Deref<Target = Job<PAGE>>, const PAGE: usize> Answered<T> {
    /// What it means to an observer.
    pub fn observation(&self) -> Observation {
        self.reply.observation()
    }
}

impl<T: Deref<Target = Job<PAGE>>, const PAGE: usize> Reply<T> {
    /// What it means to an observer.
    pub fn observation(&self) -> Observation {
        match self {
            Self::Answer { ticket, .. }
            | Self::Container {
                ticket: Some(ticket),
                ..
            } => match (ticket.operation(), ticket.status) {
                (_, Status::Busy | Status::TimedOut | Status::Throttled) => Observation::Later,
                (Operation::Coap, Status::Done) if ticket.is_observable => Observation::Version(0),
                (Operation::Coap | Operation::Links, _) => Observation::Ended,
                (_, Status::Done) => Observation::Version(ticket.version()),
                _ => Observation::Ended,
            },
            // Of these, the device says so alone if it could not be asked.
            Self::Short(code::SERVICE_UNAVAILABLE, _) => Observation::Later,
            _ => Observation::Ended,
        }
    }
}
