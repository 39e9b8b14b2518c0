// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resources as a handler of coap-handler.

use core::convert::Infallible;

use coap_handler::Handler;
use coap_message::{MinimalWritableMessage, MutableWritableMessage, ReadableMessage};

use super::{OVERHEAD, Reply, Request, Resources};
use crate::job::Device;

impl<D: Device<PAGE>, const PAGE: usize> Handler for Resources<D, PAGE> {
    type RequestData = Reply<D::Ticket>;
    type ExtractRequestError = Infallible;
    type BuildResponseError<M: MinimalWritableMessage> = M::UnionError;

    fn extract_request_data<M: ReadableMessage>(
        &mut self,
        message: &M,
    ) -> Result<Reply<D::Ticket>, Infallible> {
        Ok(self.answer(&mut Request::read(message)))
    }

    fn estimate_length(&mut self, _: &Reply<D::Ticket>) -> usize {
        PAGE + OVERHEAD
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        reply: Reply<D::Ticket>,
    ) -> Result<(), M::UnionError> {
        self.response(&reply, message.available_space())
            .write(message)
    }
}
