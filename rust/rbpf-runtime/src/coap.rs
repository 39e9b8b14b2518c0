// SPDX-License-Identifier: MIT OR Apache-2.0
//! A CoAP request on its way through a container, and requests of containers.
//!
//! The container builds its response in a buffer laid out like a message
//! (RFC 7252, section 3): header, options, payload marker, payload. What the
//! host sends is not read back from there, but from the state kept here, and
//! the length that the container returns is checked against the buffer. So
//! the container may scribble over all of it and harms only its own payload.

use core::ops::Range;

use rbpf_abi::Errno;
use rbpf_abi::context::{AnswerContext, CoapContext, CoapPacket, CoapRegion};
use rbpf_vm::{FaultKind, MemoryMap, region};
use zerocopy::IntoBytes;

use crate::format;
use crate::store::{AppId, is_label};

/// A request: to a container, as the transport has parsed it, or of a container's.
#[derive(Clone, Copy, Debug)]
pub struct CoapRequest<'a> {
    /// Method code: 1 GET, 2 POST, 3 PUT, 4 DELETE, 5 FETCH, 6 PATCH, 7 iPATCH.
    pub code: u8,
    /// The path, with its leading slash.
    pub path: &'a str,
    /// The query: its parts with `&` between them; empty if there is none.
    pub query: &'a [u8],
    /// The option Observe (RFC 7641): 0 to register, 1 to deregister.
    pub observe: Option<u8>,
    /// The whole payload; block-wise transfers are put together before.
    pub payload: &'a [u8],
}

impl<'a> CoapRequest<'a> {
    /// A request as a container wants it, with path and query in one.
    ///
    /// # Errors
    ///
    /// `Invalid` if method or path are none, or a part of the path or query does not
    /// fit an option.
    pub(crate) fn outgoing(code: u32, uri: &'a [u8], payload: &'a [u8]) -> Result<Self, Errno> {
        let uri = core::str::from_utf8(uri).map_err(|_| Errno::Invalid)?;
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let request = Self {
            code: code as u8,
            path,
            query: query.as_bytes(),
            observe: None,
            payload,
        };
        let fits = request.segments().all(|part| part.len() <= MAX_OPTION)
            && request.parameters().all(|part| part.len() <= MAX_OPTION);
        if METHODS.contains(&code) && path.starts_with('/') && is_label(uri) && fits {
            Ok(request)
        } else {
            Err(Errno::Invalid)
        }
    }

    /// The values of the options Uri-Path, in their order.
    pub fn segments(&self) -> impl Iterator<Item = &'a [u8]> {
        let path = self.path.strip_prefix('/').unwrap_or_default();
        path.as_bytes()
            .split(|&byte| byte == b'/')
            .skip(usize::from(path.is_empty()))
    }

    /// The values of the options Uri-Query, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        let parts = self.query.split(|&byte| byte == b'&');
        parts.skip(usize::from(self.query.is_empty()))
    }
}

/// The end of a request of a container's.
#[derive(Clone, Copy, Debug)]
pub struct CoapAnswer<'a> {
    /// Whose request it was; it may be gone.
    pub app: AppId,
    /// The request's number.
    pub number: u32,
    /// The code of the response; `TimedOut` if none came in time, another error if
    /// none will come.
    pub outcome: Result<u8, Errno>,
    /// Its payload, as far as the host has kept it.
    pub payload: &'a [u8],
    /// Whether that is not all of it.
    pub is_truncated: bool,
}

impl CoapAnswer<'_> {
    /// What a container's r1 points to.
    pub(crate) fn context(&self) -> AnswerContext {
        AnswerContext {
            payload: region::address(region::GRANTED).into(),
            // A region has fewer bytes than 2^24.
            length: (self.payload.len() as u32).into(),
            request: self.number.into(),
            code: self.outcome.map_or_else(Errno::to_guest, i32::from).into(),
            truncated: u32::from(self.is_truncated).into(),
        }
    }
}

/// A response, for the transport to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoapReply<'a> {
    /// Response code: class in the upper three bits, detail in the others.
    pub code: u8,
    /// Content-Format option.
    pub content_format: Option<u16>,
    /// Whether it may be observed; numbering notifications is the transport's
    /// business.
    pub is_observable: bool,
    /// The payload; block-wise transfers are the transport's business.
    pub payload: &'a [u8],
}

/// What a container has answered; the payload is in the buffer of its response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    code: u8,
    content_format: Option<u16>,
    is_observable: bool,
    payload: Range<usize>,
    /// It has started no response, and returned 0: another may answer.
    pub(crate) is_pass: bool,
}

impl Answer {
    /// The response, whose payload is in this buffer.
    pub(crate) fn reply(self, buffer: &[u8]) -> CoapReply<'_> {
        CoapReply {
            code: self.code,
            content_format: self.content_format,
            is_observable: self.is_observable,
            payload: buffer.get(self.payload).unwrap_or_default(),
        }
    }
}

/// What containers are bound to for the answers to their requests.
pub(crate) const ANSWER: &str = "answer";

/// Codes of methods.
const METHODS: core::ops::RangeInclusive<u32> = 1..=7;
/// Bytes of the longest part of a path or query (RFC 7252, section 5.10).
const MAX_OPTION: usize = 255;

/// 2.05 Content.
const CONTENT: u8 = 2 << 5 | 5;
/// 5.00 Internal Server Error.
const INTERNAL_SERVER_ERROR: u8 = 5 << 5;
/// Content-Format of plain text.
const TEXT: u16 = 0;

/// Region of the response buffer.
pub(crate) const RESPONSE_REGION: u8 = region::GRANTED;
/// Region of the request's payload.
pub(crate) const REQUEST_REGION: u8 = region::GRANTED + 1;

/// Bytes of a message's header; the token is the transport's.
const HEADER: usize = 4;
/// Option number of Observe.
const OBSERVE: u8 = 6;
/// Option number of Content-Format.
const CONTENT_FORMAT: u8 = 12;
const PAYLOAD_MARKER: u8 = 0xff;
/// Flag of `coap_opt_finish`: a payload follows.
const FINISH_PAYLOAD: u32 = 1;

/// The response as far as the container has come with it.
#[derive(Debug)]
pub(crate) struct CoapExchange<'q> {
    pub(crate) request: CoapRequest<'q>,
    buffer_len: usize,
    /// 0 until a response is started.
    code: u8,
    content_format: Option<u16>,
    is_observable: bool,
    /// Bytes of header, options and marker.
    head_len: usize,
    finished: bool,
    has_payload: bool,
}

impl<'q> CoapExchange<'q> {
    pub(crate) fn new(buffer_len: usize, request: CoapRequest<'q>) -> Self {
        Self {
            // A result is a positive 32-bit number, a region 24 bits.
            buffer_len,
            request,
            code: 0,
            content_format: None,
            is_observable: false,
            head_len: 0,
            finished: false,
            has_payload: false,
        }
    }

    /// The context that the container gets: its packet's payload is that of
    /// the request.
    pub(crate) fn context(&self) -> CoapRegion {
        CoapRegion {
            context: CoapContext {
                packet: (region::address(region::CONTEXT) + u64::from(CoapRegion::PACKET)).into(),
                buffer: region::address(RESPONSE_REGION).into(),
                buffer_len: (self.buffer_len as u64).into(),
            },
            packet: packet(
                if self.request.payload.is_empty() {
                    0
                } else {
                    REQUEST_REGION
                },
                0,
                self.request.payload.len(),
            ),
        }
    }

    /// Starts the response; the guest's packet then points to its payload.
    pub(crate) fn start(
        &mut self,
        memory: &mut MemoryMap<'_>,
        code: u32,
    ) -> Result<Result<(), Errno>, FaultKind> {
        let code = match u8::try_from(code) {
            Ok(code) if matches!(code >> 5, 2 | 4 | 5) => code,
            _ => return Ok(Err(Errno::Invalid)),
        };
        if self.buffer_len <= HEADER {
            return Ok(Err(Errno::NoSpace));
        }
        *self = Self {
            code,
            head_len: HEADER,
            ..Self::new(self.buffer_len, self.request)
        };
        // Version 1, acknowledgement, no token (RFC 7252, section 3).
        self.write(memory, 0, &[0x60, code, 0, 0])?;
        self.update_packet(memory)?;
        Ok(Ok(()))
    }

    /// Adds Content-Format; the number of bytes that it takes.
    pub(crate) fn add_format(
        &mut self,
        memory: &mut MemoryMap<'_>,
        format: u32,
    ) -> Result<Result<usize, Errno>, FaultKind> {
        let Ok(format) = u16::try_from(format) else {
            return Ok(Err(Errno::Invalid));
        };
        let [high, low] = format.to_be_bytes();
        let before = if self.is_observable { OBSERVE } else { 0 };
        let delta = (CONTENT_FORMAT - before) << 4;
        let option: &[u8] = match format {
            0 => &[delta],
            1..=0xff => &[delta | 1, low],
            _ => &[delta | 2, high, low],
        };
        let added = self.add_option(memory, option)?;
        if added.is_ok() {
            self.content_format = Some(format);
        }
        Ok(added)
    }

    /// Adds Observe; the number of bytes that it takes. The number in it is the
    /// transport's.
    pub(crate) fn add_observe(
        &mut self,
        memory: &mut MemoryMap<'_>,
    ) -> Result<Result<usize, Errno>, FaultKind> {
        if self.is_observable {
            return Ok(Err(Errno::Invalid));
        }
        let added = self.add_option(memory, &[OBSERVE << 4])?;
        self.is_observable = added.is_ok();
        Ok(added)
    }

    /// Appends an encoded option, if there is room. None comes behind Content-Format.
    fn add_option(
        &mut self,
        memory: &mut MemoryMap<'_>,
        option: &[u8],
    ) -> Result<Result<usize, Errno>, FaultKind> {
        if self.code == 0 || self.finished || self.content_format.is_some() {
            return Ok(Err(Errno::Invalid));
        }
        if self.head_len + option.len() > self.buffer_len {
            return Ok(Err(Errno::NoSpace));
        }
        self.write(memory, self.head_len, option)?;
        self.head_len += option.len();
        self.update_packet(memory)?;
        Ok(Ok(option.len()))
    }

    /// Ends the options; the number of bytes so far.
    pub(crate) fn finish(
        &mut self,
        memory: &mut MemoryMap<'_>,
        flags: u32,
    ) -> Result<Result<usize, Errno>, FaultKind> {
        if self.code == 0 || self.finished {
            return Ok(Err(Errno::Invalid));
        }
        if flags & FINISH_PAYLOAD != 0 {
            if self.head_len >= self.buffer_len {
                return Ok(Err(Errno::NoSpace));
            }
            self.write(memory, self.head_len, &[PAYLOAD_MARKER])?;
            self.head_len += 1;
            self.has_payload = true;
        }
        self.finished = true;
        self.update_packet(memory)?;
        Ok(Ok(self.head_len))
    }

    /// The guest address of the payload, 0 if there is none.
    pub(crate) fn payload(&self) -> u64 {
        if self.has_payload {
            region::address(RESPONSE_REGION) + self.head_len as u64
        } else {
            0
        }
    }

    fn write(
        &self,
        memory: &mut MemoryMap<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), FaultKind> {
        let address = region::address(RESPONSE_REGION) + offset as u64;
        memory
            .write(address, bytes.len() as u64)?
            .copy_from_slice(bytes);
        Ok(())
    }

    fn update_packet(&self, memory: &mut MemoryMap<'_>) -> Result<(), FaultKind> {
        let packet = packet(
            RESPONSE_REGION,
            self.head_len,
            self.buffer_len - self.head_len,
        );
        let bytes = packet.as_bytes();
        let address = region::address(region::CONTEXT) + u64::from(CoapRegion::PACKET);
        memory
            .write(address, bytes.len() as u64)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// What the container answers, given what it returned and its buffer.
    ///
    /// A negative result is an error: its absolute value if that is the code
    /// of one (`-(4 << 5 | 4)` is 4.04), 5.00 if not. A container that
    /// started no response answers with its result as text.
    pub(crate) fn answer(&self, result: u64, buffer: &mut [u8]) -> Result<Answer, FaultKind> {
        let result = result as u32 as i32;
        let Ok(length) = usize::try_from(result) else {
            let code = match u8::try_from(result.unsigned_abs()) {
                Ok(code @ 0x80..=0xbf) => code,
                _ => INTERNAL_SERVER_ERROR,
            };
            return Ok(Answer {
                code,
                content_format: None,
                is_observable: false,
                payload: 0..0,
                is_pass: false,
            });
        };
        if self.code == 0 {
            let text = format::digits(length as u64, 10);
            let payload = 0..text.len();
            buffer
                .get_mut(payload.clone())
                .ok_or(FaultKind::InvalidResult)?
                .copy_from_slice(&text);
            return Ok(Answer {
                code: CONTENT,
                content_format: Some(TEXT),
                is_observable: false,
                payload,
                is_pass: length == 0,
            });
        }
        let payload = match length.checked_sub(self.head_len) {
            None | Some(0) => 0..0,
            Some(_) if self.has_payload && length <= buffer.len() => self.head_len..length,
            Some(_) => return Err(FaultKind::InvalidResult),
        };
        Ok(Answer {
            code: self.code,
            content_format: self.content_format,
            is_observable: self.is_observable && self.code >> 5 == 2,
            payload,
            is_pass: false,
        })
    }
}

/// A packet whose payload lies in a region from an offset on.
fn packet(region: u8, head_len: usize, payload_len: usize) -> CoapPacket {
    let base = region::address(region) as u32;
    CoapPacket {
        header: base.into(),
        token: if region == RESPONSE_REGION {
            (base + HEADER as u32).into()
        } else {
            0.into()
        },
        payload: (base + head_len as u32).into(),
        payload_len: u16::try_from(payload_len).unwrap_or(u16::MAX).into(),
        options_len: 0.into(),
    }
}
