// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request, as far as it is looked at.

use coap_message::{MessageOption as _, ReadableMessage};
use coap_numbers::{code, option};
use heapless::string::StringView;
use heapless::{CapacityError, String, Vec};
use rbpf_runtime::MAX_NAME;

use super::MAX_PATH;
use super::block::Block;
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
    pub(super) payload: &'r [u8],
    /// On whose behalf the device is to be changed: `?tenant=NAME`.
    pub(super) tenant: String<MAX_NAME>,
    /// Whether there is any other query.
    has_query: bool,
    /// Its parts with `&` between them.
    pub(super) query: Vec<u8, MAX_QUERY>,
    /// What is wrong with it, as the code of a response.
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
            payload,
            tenant: String::new(),
            has_query: false,
            query: Vec::new(),
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
        if let Err(code) = self.look_at(number, value) {
            self.error.get_or_insert(code);
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
                self.format = Some(match *value {
                    [] => 0,
                    [low] => low.into(),
                    [high, low] => u16::from_be_bytes([high, low]),
                    _ => return Err(code::NOT_ACCEPTABLE),
                });
            }
            option::BLOCK1 => self.block1 = Some(Block::parse(value).ok_or(code::BAD_OPTION)?),
            option::BLOCK2 => self.block2 = Some(Block::parse(value).ok_or(code::BAD_OPTION)?),
            option::URI_HOST | option::URI_PORT => {}
            option::PROXY_URI | option::PROXY_SCHEME => return Err(code::PROXYING_NOT_SUPPORTED),
            // Odd numbers are critical (RFC 7252, section 5.4.1).
            _ if number % 2 == 1 => return Err(code::BAD_OPTION),
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
