// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resources as a handler of coap-handler.

use core::convert::Infallible;

use coap_handler::Handler;
use coap_message::{MinimalWritableMessage, MutableWritableMessage, ReadableMessage};

use super::{OVERHEAD, Proof, Reply, Request, Resources};
use crate::job::Device;

/// What was asked for, and what is answered.
#[derive(Debug)]
pub struct Answered<T> {
    pub(super) reply: Reply<T>,
    /// Whether who asks has shown that it receives, and what it is to send back if not.
    pub(super) is_known: bool,
    pub(super) echo: Option<u64>,
    /// For the option Observe.
    #[cfg(feature = "observe")]
    pub(super) number: Option<u32>,
}

impl<D: Device<PAGE>, const PAGE: usize> Handler for Resources<D, PAGE> {
    type RequestData = Answered<D::Ticket>;
    type ExtractRequestError = Infallible;
    type BuildResponseError<M: MinimalWritableMessage> = M::UnionError;

    fn extract_request_data<M: ReadableMessage>(
        &mut self,
        message: &M,
    ) -> Result<Answered<D::Ticket>, Infallible> {
        let mut request = Request::read(message);
        let reply = self.answer(&mut request);
        let (is_known, echo) = match self.device.proof() {
            Proof::Needless => (true, None),
            Proof::Echo(value) if request.echo == Some(value) => (true, None),
            Proof::Echo(value) => (false, Some(value)),
            Proof::None => (false, None),
        };
        Ok(Answered {
            is_known,
            echo,
            #[cfg(feature = "observe")]
            number: self.observe(&request, &reply, is_known),
            reply,
        })
    }

    fn estimate_length(&mut self, _: &Answered<D::Ticket>) -> usize {
        PAGE + OVERHEAD
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        answered: Answered<D::Ticket>,
    ) -> Result<(), M::UnionError> {
        let space = message.available_space();
        let mut response = self.response(&answered.reply, space, answered.is_known);
        response.echo = answered.echo.filter(|_| response.is_cut);
        #[cfg(feature = "observe")]
        {
            response.observe = answered.number;
        }
        response.write(message)
    }
}
