// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the command line gives to a program: memory, or a request.

use anyhow::{Context as _, Result, ensure};
use rbpf_abi::context::WordsContext;
use rbpf_host::config::Methods;
use rbpf_runtime::CoapRequest;
use rbpf_suite::bytes::hex;
use rbpf_vm::region;
use zerocopy::IntoBytes as _;

use super::Args;
use crate::container::read_file;

/// The longest payload of a request: programs are told its length in 16 bits.
const MAX_PAYLOAD: usize = u16::MAX as usize;

/// What triggers a run.
pub(super) enum Input {
    /// A context and a region that may be written; both may be empty.
    Memory { context: Vec<u8>, granted: Vec<u8> },
    /// A CoAP request.
    Request(Request),
}

/// A CoAP request, as the command line has it.
pub(super) struct Request {
    method: u8,
    path: String,
    query: String,
    payload: Vec<u8>,
}

impl Input {
    pub(super) fn read(arguments: &Args) -> Result<Self> {
        match &arguments.coap {
            Some(method) => Self::request(arguments, method),
            None => Self::memory(arguments),
        }
    }

    fn memory(arguments: &Args) -> Result<Self> {
        let granted = match arguments.mem.as_ref().or(arguments.words.as_ref()) {
            Some(path) => read_file(path)?,
            None => Vec::new(),
        };
        let context = if let Some(path) = &arguments.context {
            read_file(path)?
        } else if let Some(text) = &arguments.hex {
            hex(text).context("--hex")?
        } else if arguments.words.is_some() {
            let words = u32::try_from(granted.len() / 2).context("--words")?;
            let context = WordsContext {
                data: region::address(region::GRANTED).into(),
                words: words.into(),
                padding: 0.into(),
            };
            context.as_bytes().to_vec()
        } else {
            Vec::new()
        };
        Ok(Self::Memory { context, granted })
    }

    fn request(arguments: &Args, method: &str) -> Result<Self> {
        // Codes count from 1. The command line accepts no other name.
        let method = (1..)
            .zip(Methods::NAMES)
            .find_map(|(code, name)| name.eq_ignore_ascii_case(method).then_some(code))
            .context("--coap: no such method")?;
        let payload = match (&arguments.payload, &arguments.payload_hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(text)) => hex(text).context("--payload-hex")?,
            (None, None) => Vec::new(),
        };
        ensure!(
            payload.len() <= MAX_PAYLOAD,
            "a payload has at most {MAX_PAYLOAD} bytes, this one has {}",
            payload.len()
        );
        let (path, query) = arguments
            .uri
            .split_once('?')
            .unwrap_or((&arguments.uri, ""));
        ensure!(
            path.starts_with('/'),
            "--uri: write it as `/`, `/sensor` or `/sensor?unit=K`"
        );
        Ok(Self::Request(Request {
            method,
            path: path.into(),
            query: query.into(),
            payload,
        }))
    }
}

impl Request {
    /// As the helpers take it.
    pub(super) fn as_coap(&self) -> CoapRequest<'_> {
        CoapRequest {
            code: self.method,
            path: &self.path,
            query: self.query.as_bytes(),
            observe: None,
            payload: &self.payload,
        }
    }
}
