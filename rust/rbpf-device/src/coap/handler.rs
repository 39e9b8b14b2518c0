// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resources as a handler of coap-handler.

use core::convert::Infallible;

use coap_handler::Handler;
use coap_message::{
    Code as _, MessageOption as _, MinimalWritableMessage, MutableWritableMessage,
    OptionNumber as _, ReadableMessage,
};

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
        let mut request = Request::new(message.code().into(), message.payload());
        for option in message.options() {
            request.option(option.number(), option.value());
        }
        Ok(self.answer(request))
    }

    fn estimate_length(&mut self, _: &Reply<D::Ticket>) -> usize {
        PAGE + OVERHEAD
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        message: &mut M,
        reply: Reply<D::Ticket>,
    ) -> Result<(), M::UnionError> {
        let response = self.response(&reply, message.available_space());
        message.set_code(M::Code::new(response.code())?);
        for (number, value) in response.options() {
            message.add_option_uint(M::OptionNumber::new(number)?, value)?;
        }
        if !response.payload().is_empty() {
            message.set_payload(response.payload())?;
        }
        Ok(())
    }
}
