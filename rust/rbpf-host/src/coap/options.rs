// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options of a request: what they say, and which cannot be obeyed.

use coap_lite::{CoapOption, Packet};

use super::block::Block;
use super::code::{self, GET};

const OBSERVE: u16 = 6;
const ETAG: u16 = 4;
const URI_HOST: u16 = 3;
const URI_PORT: u16 = 7;
const URI_PATH: u16 = 11;
const URI_QUERY: u16 = 15;
const ACCEPT: u16 = 17;
const BLOCK2: u16 = 23;
const BLOCK1: u16 = 27;
const PROXY_URI: u16 = 35;
const PROXY_SCHEME: u16 = 39;

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
    /// Reads the options.
    ///
    /// A critical option that is not known, or of a wrong length or number,
    /// is a refusal (RFC 7252, sections 5.4.1, 5.4.3 and 5.4.5).
    pub(super) fn read(packet: &Packet) -> Result<Self, Refusal> {
        for (&number, values) in packet.options() {
            let (most, longest) = match number {
                PROXY_URI | PROXY_SCHEME => {
                    return Err((code::PROXYING_NOT_SUPPORTED, "this is no proxy"));
                }
                URI_PATH | URI_QUERY => (usize::MAX, 255),
                URI_HOST => (1, 255),
                URI_PORT | ACCEPT => (1, 2),
                BLOCK1 | BLOCK2 => (1, 3),
                // Elective, and so not in the way.
                _ if number % 2 == 0 => continue,
                _ => return Err((code::BAD_OPTION, "unknown critical option")),
            };
            if values.len() > most || values.iter().any(|value| value.len() > longest) {
                return Err((code::BAD_OPTION, "malformed critical option"));
            }
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
/// 5.4.6; RFC 7959, section 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TransferKey {
    method: u8,
    options: Vec<(u16, Vec<u8>)>,
}

impl TransferKey {
    pub(super) fn new(packet: &Packet) -> Self {
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
        }
    }
}
