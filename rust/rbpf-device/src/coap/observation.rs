// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which responses may be observed (RFC 7641), and which come on behalf of an
//! observer.
//!
//! What is read below `/rbpf` may be observed, the log excepted, and of containers
//! what they say may be. Who observes is the transport's business; see
//! [`observe`](crate::observe).

use coap_message::{MutableWritableMessage, ReadableMessage};
use coap_numbers::code;

use super::{Reply, Request, Resources};
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
    /// Answers a request. `observe` is told what it says of observing, if that can
    /// be obeyed, and returns the number for the option Observe of the response, or
    /// `None` if it is to have none.
    pub fn receive<M: ReadableMessage>(
        &mut self,
        message: &M,
        observe: impl FnOnce(Wish<'_>) -> Option<u32>,
    ) -> (Reply<D::Ticket>, Option<u32>) {
        let mut request = Request::read(message);
        let reply = self.answer(&mut request);
        let number = match (request.observe, reply.observation()) {
            (Some(0), Observation::Version(version)) if request.is_for_observers() => {
                observe(Wish::Register {
                    path: &request.path,
                    format: request.format,
                    version,
                })
            }
            (Some(1), _) => observe(Wish::Deregister),
            _ => None,
        };
        (reply, number)
    }

    /// Answers on behalf of an observer, who waits for nothing.
    pub fn observed(&mut self, path: &str, format: Option<u16>) -> Reply<D::Ticket> {
        self.answer(&mut Request::observing(path, format))
    }

    /// Writes the response, with a number for the option Observe if it is to have one.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    pub fn write<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        reply: &Reply<D::Ticket>,
        number: Option<u32>,
    ) -> Result<(), M::UnionError> {
        let mut response = self.response(reply, message.available_space());
        response.observe = number;
        response.write(message)
    }
}

impl<T: core::ops::Deref<Target = Job<PAGE>>, const PAGE: usize> Reply<T> {
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
