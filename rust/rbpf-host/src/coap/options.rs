// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options: which are understood, and what those of a request say.

use coap_lite::{CoapOption, Packet};
use rbpf_device::coap::is_defined;

use super::block::Block;
use super::code::{self, GET, LAST_METHOD};
use crate::services::Bindings;

const OBSERVE: u16 = 6;
const ETAG: u16 = 4;
const BLOCK2: u16 = 23;
const BLOCK1: u16 = 27;

/// The option Echo (RFC 9175, section 2.2), which the codec has no name for.
pub(crate) const ECHO: CoapOption = CoapOption::Unknown(rbpf_device::coap::ECHO);

/// The first critical option of a message that is not understood, as it is none of
/// those that are [defined](is_defined), or not as it is, or in a response and of
/// requests (RFC 7252, sections 5.4.1, 5.4.3 and 5.4.5).
pub(crate) fn not_understood(packet: &Packet) -> Option<u16> {
    let is_response = u8::from(packet.header.code) > LAST_METHOD;
    let mut critical = packet.options().filter(|&(number, _)| number % 2 == 1);
    let (&number, _) = critical.find(|&(&number, values)| {
        let is_misplaced = is_response && ![BLOCK1, BLOCK2].contains(&number);
        let mut values = values.iter().enumerate();
        is_misplaced || !values.all(|(nth, value)| is_defined(number, value.len(), nth > 0))
    })?;
    Some(number)
}

/// Options of a request, of those that matter here.
#[derive(Debug)]
pub(super) struct RequestOptions {
    /// The path, with its leading slash.
    pub(super) path: String,
    pub(super) query: Vec<Vec<u8>>,
    pub(super) accept: Option<u16>,
    /// 0 to register, 1 to deregister.
    pub(super) observe: Option<u8>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    /// Length of the whole upload, as announced.
    pub(super) size1: Option<u32>,
}

/// A request that is refused for its options: a code and a text.
pub(super) type Refusal = (u8, &'static str);

impl RequestOptions {
    /// Reads the options, if all that are critical are understood and can be obeyed.
    pub(super) fn read(packet: &Packet) -> Result<Self, Refusal> {
        if not_understood(packet).is_some() {
            return Err((code::BAD_OPTION, "critical option not understood"));
        }
        let has = |option| packet.get_option(option).is_some();
        if has(CoapOption::ProxyUri) || has(CoapOption::ProxyScheme) {
            return Err((code::PROXYING_NOT_SUPPORTED, "this is no proxy"));
        }
        Ok(Self {
            path: path(packet)?,
            query: packet
                .get_option(CoapOption::UriQuery)
                .map(|parts| parts.iter().cloned().collect())
                .unwrap_or_default(),
            accept: number(packet, CoapOption::Accept).map(|format| format as u16),
            observe: observe(packet),
            block1: block(packet, CoapOption::Block1)?,
            block2: block(packet, CoapOption::Block2)?,
            size1: number(packet, CoapOption::Size1),
        })
    }
}

/// The path, each segment with a slash before it.
fn path(packet: &Packet) -> Result<String, Refusal> {
    let mut path = String::new();
    for segment in packet.get_option(CoapOption::UriPath).into_iter().flatten() {
        let segment = std::str::from_utf8(segment)
            .map_err(|_| (code::BAD_REQUEST, "the path is not in UTF-8"))?;
        if segment.contains('/') {
            // Its slash is no separator: no path of ours has one like that.
            return Err((code::NOT_FOUND, "no application answers here"));
        }
        path.push('/');
        path.push_str(segment);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

/// The number in an option's first value, if it has at most four bytes.
fn number(packet: &Packet, option: CoapOption) -> Option<u32> {
    let value = packet.get_first_option(option)?;
    (value.len() <= 4).then(|| {
        value
            .iter()
            .fold(0, |bits, &byte| bits << 8 | u32::from(byte))
    })
}

/// The option Observe, if it means something in a request (RFC 7641, section 2).
fn observe(packet: &Packet) -> Option<u8> {
    let value = packet.get_first_option(CoapOption::Observe)?;
    let means_something = u8::from(packet.header.code) == GET && value.len() <= 3;
    match number(packet, CoapOption::Observe) {
        Some(value @ 0..=1) if means_something => Some(value as u8),
        _ => None,
    }
}

fn block(packet: &Packet, option: CoapOption) -> Result<Option<Block>, Refusal> {
    packet
        .get_first_option(option)
        .map(|value| Block::decode(value).ok_or((code::BAD_REQUEST, "reserved block size")))
        .transpose()
}

/// What makes two messages parts of one transfer: method and options, without
/// those that differ from block to block or do not matter (RFC 7252, section
/// 5.4.6; RFC 7959, section 2.4), and the bindings of the path. So nothing goes on
/// that was begun when others, or a guard less, answered there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TransferKey {
    method: u8,
    options: Vec<(u16, Vec<u8>)>,
    bindings: Bindings,
}

impl TransferKey {
    pub(super) fn new(packet: &Packet, bindings: Bindings) -> Self {
        let no_cache_key = |number: u16| number & 0x1e == 0x1c;
        Self {
            method: packet.header.code.into(),
            options: packet
                .options()
                .filter(|&(&number, _)| {
                    !no_cache_key(number) && ![OBSERVE, ETAG, BLOCK1, BLOCK2].contains(&number)
                })
                .flat_map(|(&number, values)| {
                    values.iter().map(move |value| (number, value.clone()))
                })
                .collect(),
            bindings,
        }
    }
}
