// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request, as far as it is looked at.

use coap_message::{MessageOption as _, ReadableMessage};
use coap_numbers::{code, option};
use heapless::string::StringView;
use heapless::{CapacityError, String, Vec};
use rbpf_runtime::MAX_NAME;

use super::block::Block;
use super::{MAX_PATH, echo};
use crate::job::MAX_QUERY;
use crate::work::is_own;

/// A request. Whoever has parsed the message puts its options in, in the order
/// in which they stand there.
#[derive(Debug)]
pub(super) struct Request<'r> {
    pub(super) method: u8,
    pub(super) path: String<MAX_PATH>,
    /// The option Observe: 0 to register, 1 to deregister. A device without observers
    /// does not look at it.
    pub(super) observe: Option<u8>,
    pub(super) format: Option<u16>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    /// The option Echo, if it can be one of ours.
    pub(super) echo: Option<u64>,
    pub(super) payload: &'r [u8],
    /// On whose behalf the device is to be changed: `?tenant=NAME`.
    pub(super) tenant: String<MAX_NAME>,
    /// Whether there is any other query.
    has_query: bool,
    /// Its parts with `&` between them.
    pub(super) query: Vec<u8, MAX_QUERY>,
    /// The number of the last option.
    last: u16,
    /// What is wrong with it, as the code of a response. Of several, the lowest:
    /// critical options that are not understood come before what is not there.
    error: Option<u8>,
}

impl<'r> Request<'r> {
    /// A request without options.
    const fn new(method: u8, payload: &'r [u8]) -> Self {
        Self {
            method,
            path: String::new(),
            observe: None,
            format: None,
            block1: None,
            block2: None,
            echo: None,
            payload,
            tenant: String::new(),
            has_query: false,
            query: Vec::new(),
            last: 0,
            error: None,
        }
    }

    /// The request that is in a message.
    pub(super) fn read<M: ReadableMessage>(message: &'r M) -> Self {
        let mut request = Self::new(message.code().into(), message.payload());
        for option in message.options() {
            request.option(option.number(), option.value());
        }
        request
    }

    /// The request of an observer.
    #[cfg(feature = "observe")]
    pub(super) fn observing(path: &str, format: Option<u16>) -> Self {
        let mut request = Self::new(code::GET, &[]);
        // It came out of one.
        let _ = request.path.push_str(path);
        request.observe = Some(0);
        request.format = format;
        request
    }

    /// Takes an option.
    fn option(&mut self, number: u16, value: &[u8]) {
        let is_again = core::mem::replace(&mut self.last, number) == number;
        let taken = if is_defined(number, value.len(), is_again) {
            self.look_at(number, value)
        } else {
            Err(code::BAD_OPTION)
        };
        if let Err(code) = taken {
            self.error = Some(self.error.map_or(code, |error| error.min(code)));
        }
    }

    fn look_at(&mut self, number: u16, value: &[u8]) -> Result<(), u8> {
        match number {
            // A slash in a segment would make another path of it.
            option::URI_PATH if value.contains(&b'/') => return Err(code::NOT_FOUND),
            option::URI_PATH => push_ascii(&mut self.path, b"/")
                .and_then(|()| push_ascii(&mut self.path, value))
                .map_err(|()| code::NOT_FOUND)?,
            option::URI_QUERY => match value.strip_prefix(b"tenant=") {
                Some(name)
                    if !name.is_empty() && self.method != code::GET && is_own(&self.path) =>
                {
                    if !self.tenant.is_empty() {
                        return Err(code::BAD_OPTION);
                    }
                    push_ascii(&mut self.tenant, name).map_err(|()| code::NOT_FOUND)?;
                }
                _ => self.push_query(value).map_err(|_| code::BAD_OPTION)?,
            },
            // Elective: what it has no meaning for is answered without.
            #[cfg(feature = "observe")]
            option::OBSERVE if self.method == code::GET => {
                self.observe = self.observe.or(observe(value));
            }
            option::ACCEPT => {
                self.format = Some(
                    value
                        .iter()
                        .fold(0, |format, &byte| format << 8 | u16::from(byte)),
                );
            }
            option::BLOCK1 => self.block1 = Some(Block::parse(value).ok_or(code::BAD_OPTION)?),
            option::BLOCK2 => self.block2 = Some(Block::parse(value).ok_or(code::BAD_OPTION)?),
            option::PROXY_URI | option::PROXY_SCHEME => return Err(code::PROXYING_NOT_SUPPORTED),
            echo::NUMBER => {
                let value = value.try_into().map(u64::from_be_bytes);
                self.echo = self.echo.or(value.ok());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether it is what is asked for observers, too: the whole, without a query,
    /// which is not remembered.
    #[cfg(feature = "observe")]
    pub(super) fn is_for_observers(&self) -> bool {
        self.block2.is_none_or(Block::is_first) && !self.has_query
    }

    /// Takes a part of the query.
    fn push_query(&mut self, part: &[u8]) -> Result<(), CapacityError> {
        if self.has_query {
            self.query.extend_from_slice(b"&")?;
        }
        self.has_query = true;
        self.query.extend_from_slice(part)
    }

    /// Ends the options.
    ///
    /// # Errors
    ///
    /// What is wrong with them, as the code of a response.
    pub(super) fn end(&mut self) -> Result<(), u8> {
        if self.path.is_empty() {
            // There is room for one.
            let _ = self.path.push('/');
        }
        match self.error {
            Some(code) => Err(code),
            None if self.has_query && is_own(&self.path) => Err(code::BAD_OPTION),
            None => Ok(()),
        }
    }
}

/// Whether an option is as it is defined: of a length that it may have, and there once if
/// it may not be repeated. A critical one that is not counts as one that is not understood
/// (RFC 7252, sections 5.4.3 and 5.4.5); an elective one means nothing then. Those of
/// table 4 there, and of table 1 of RFC 7959, are; If-Match and If-None-Match are not.
#[must_use]
pub fn is_defined(number: u16, length: usize, is_again: bool) -> bool {
    let (shortest, longest) = match number {
        option::URI_PATH | option::URI_QUERY => return length <= 255,
        // Odd numbers are critical (RFC 7252, section 5.4.1).
        _ if number.is_multiple_of(2) => return true,
        option::URI_HOST | option::PROXY_SCHEME => (1, 255),
        option::URI_PORT | option::ACCEPT => (0, 2),
        option::BLOCK1 | option::BLOCK2 => (0, 3),
        option::PROXY_URI => (1, 1034),
        _ => return false,
    };
    !is_again && (shortest..=longest).contains(&length)
}

/// The value of the option Observe, if it is one of a request's (RFC 7641, section
/// 2).
#[cfg(feature = "observe")]
fn observe(value: &[u8]) -> Option<u8> {
    match *value {
        [] | [0] | [0, 0] | [0, 0, 0] => Some(0),
        [1] | [0, 1] | [0, 0, 1] => Some(1),
        _ => None,
    }
}

/// Appends text that is ASCII, as all names and targets are, if there is room.
pub(super) fn push_ascii(text: &mut StringView, bytes: &[u8]) -> Result<(), ()> {
    for &byte in bytes {
        if !byte.is_ascii() {
            return Err(());
        }
        text.push(byte.into()).map_err(|_| ())?;
    }
    Ok(())
}
