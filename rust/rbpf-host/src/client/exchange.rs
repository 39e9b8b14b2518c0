// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking, again if need be, until there is an answer or no hope.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coap_lite::MessageType;

use super::message::{Answer, CONTENT, CONTINUE, Meaning, Method, Request, SMALL_BLOCK};
use super::uri::Target;
use crate::coap::block::Block;
use crate::coap::message::empty;
use crate::device::lock;
use crate::printable;

/// How long the first answer may take before the request is repeated, and how
/// often that is done (RFC 7252, section 4.8).
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u32 = 4;
/// The longest payload: some thousand containers.
const MAX_PAYLOAD: usize = 256 * 1024;
/// All blocks of an answer may take this many times the time of one.
const WHOLE: u32 = 6;
/// Datagrams that are looked at for one answer.
const MAX_DATAGRAMS: u32 = 1000;
/// Bytes of the longest datagram over UDP.
const MAX_DATAGRAM: usize = 65_535;
/// Characters of a device's message that are shown.
const MAX_TEXT: usize = 200;

/// Why there is no answer.
#[derive(Debug)]
pub enum GetError {
    /// The host has no address.
    Host(io::Error),
    /// The network says that it cannot be.
    Network(io::Error),
    /// Nothing came back in this time.
    Silence(Duration),
    /// Something came back that is no CoAP, or no answer to this.
    Rubbish,
    /// It answers with a critical option, of this number, that is not understood.
    Option(u16),
    /// It answers with RST: it runs CoAP, but does not want this.
    Reset,
    /// It answers with an error: the code, and its text made printable.
    Refused(u8, String),
    /// The blocks of the answer do not make a whole.
    Blocks(&'static str),
}

impl GetError {
    /// Whether it may go well another time: the device is not reached, or busy.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Host(_) | Self::Network(_) | Self::Silence(_) | Self::Blocks(_) => true,
            Self::Refused(code, _) => code >> 5 == 5,
            Self::Rubbish | Self::Option(_) | Self::Reset => false,
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(f, "no address of this host: {error}"),
            Self::Network(error) if error.kind() == ErrorKind::ConnectionRefused => {
                f.write_str("nobody listens there")
            }
            Self::Network(error) => write!(f, "not reachable: {error}"),
            Self::Silence(time) => write!(f, "no answer within {} s", time.as_secs_f32()),
            Self::Rubbish => f.write_str("its answer is no CoAP"),
            Self::Option(number) => {
                write!(
                    f,
                    "its answer has a critical option that is not understood: {number}"
                )
            }
            Self::Reset => f.write_str("it rejects the request (RST)"),
            Self::Refused(code, text) => {
                write!(f, "it answers {}.{:02}", code >> 5, code & 0x1f)?;
                match text.as_str() {
                    "" => Ok(()),
                    text => write!(f, " {text}"),
                }
            }
            Self::Blocks(what) => write!(f, "the blocks of its answer do not fit: {what}"),
        }
    }
}

impl std::error::Error for GetError {}

/// What a device wants to be sent back (RFC 9175, section 2), so that it knows who
/// receives its answers. Clones are the same.
pub(crate) type Echo = Arc<Mutex<Option<Vec<u8>>>>;

/// Asks one device. Blocks the thread while it waits.
#[derive(Debug)]
pub struct Client {
    target: Target,
    /// For one message and its answer.
    timeout: Duration,
    socket: Option<UdpSocket>,
    /// Source of tokens, which nobody who cannot see them guesses.
    random: RandomState,
    requests: u64,
    echo: Echo,
}

impl Client {
    /// A client of a device; each answer, or block of one, may take this long.
    #[must_use]
    pub fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            socket: None,
            random: RandomState::new(),
            requests: 0,
            echo: Echo::default(),
        }
    }

    /// The same, with what others have been told who ask the same device.
    pub(crate) fn with_echo(self, echo: &Echo) -> Self {
        Self {
            echo: Arc::clone(echo),
            ..self
        }
    }

    /// Asks for a resource, and gives the answer with all of its blocks.
    ///
    /// # Errors
    ///
    /// If there is no answer, or none of code 2.05.
    pub fn get(&mut self, path: &[&str], accept: Option<u16>) -> Result<Answer, GetError> {
        let until = Instant::now() + self.timeout.saturating_mul(WHOLE);
        let mut whole = Answer::default();
        let mut next = None;
        loop {
            let answer = self.read(&Request {
                path,
                accept,
                block: next,
                ..Request::new(Method::Get)
            })?;
            if answer.code != CONTENT {
                return Err(refused(&answer));
            }
            match next {
                None => {
                    whole = Answer {
                        payload: Vec::new(),
                        ..answer.clone()
                    }
                }
                Some(_) if whole.entity_tag != answer.entity_tag => {
                    return Err(GetError::Blocks("they are of several versions"));
                }
                Some(_) => {}
            }
            next = append(&mut whole.payload, &answer, next.is_some()).map_err(GetError::Blocks)?;
            if next.is_none() {
                return Ok(whole);
            }
            if Instant::now() > until {
                return Err(GetError::Blocks("they take too long"));
            }
        }
    }

    /// Has something done, with a payload that fits a message, or by PUT in
    /// blocks.
    ///
    /// A request whose answer is lost is repeated, and not every device
    /// remembers that it has done it.
    ///
    /// # Errors
    ///
    /// If there is no answer, or none of class 2.
    pub fn ask(
        &mut self,
        method: Method,
        path: &[&str],
        payload: &[u8],
    ) -> Result<Answer, GetError> {
        let mut block = Block {
            number: 0,
            more: payload.len() > SMALL_BLOCK.size(),
            ..SMALL_BLOCK
        };
        let in_blocks = block.more && method == Method::Put;
        loop {
            let offset = block.offset();
            let rest = payload.get(offset..).unwrap_or_default();
            let piece = match in_blocks {
                true => rest.get(..block.size()).unwrap_or(rest),
                false => payload,
            };
            block.more = rest.len() > piece.len();
            let answer = self.exchange(&Request {
                path,
                payload: piece,
                payload_block: in_blocks.then_some(block),
                ..Request::new(method)
            })?;
            match answer.code {
                CONTINUE if in_blocks && block.more => {}
                CONTINUE => return Err(GetError::Blocks("it awaits more than there is")),
                code if code >> 5 == 2 => return Ok(answer),
                _ => return Err(refused(&answer)),
            }
            // It may want smaller ones from then on.
            let next = offset + piece.len();
            if let Some(wanted) = answer.payload_block
                && wanted.exponent < block.exponent
            {
                block.exponent = wanted.exponent;
            }
            // Sizes are powers of two, and never grow.
            block.number = (next / block.size()) as u32;
        }
    }

    /// Sends one message, and gives the answer whatever it says. Neither is put
    /// together of blocks.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub fn send(
        &mut self,
        method: Method,
        path: &[&str],
        query: &[&str],
        payload: &[u8],
    ) -> Result<Answer, GetError> {
        let request = Request {
            path,
            query,
            payload,
            ..Request::new(method)
        };
        match method {
            Method::Get => self.read(&request),
            _ => self.exchange(&request),
        }
    }

    /// Asks what may be asked twice: anew, if the first of several blocks is small
    /// because the device did not know the client.
    fn read(&mut self, request: &Request<'_>) -> Result<Answer, GetError> {
        let before = lock(&self.echo).clone();
        let answer = self.exchange(request)?;
        let is_first = request.block.is_none() && answer.is_in_blocks();
        match is_first && answer.echo.is_some() && answer.echo != before {
            true => self.exchange(request),
            false => Ok(answer),
        }
    }

    /// An id and a token that were not used before.
    fn fresh(&mut self) -> (u16, [u8; 8]) {
        self.requests += 1;
        let first = self.random.hash_one(0u64) as u16;
        let id = first.wrapping_add(self.requests as u16);
        (id, self.random.hash_one(self.requests).to_ne_bytes())
    }

    /// One message and its answer.
    fn exchange(&mut self, request: &Request<'_>) -> Result<Answer, GetError> {
        let (id, token) = self.fresh();
        let echo = lock(&self.echo).clone();
        let answer = self.exchange_with(&Request {
            echo: echo.as_deref(),
            id,
            token,
            ..*request
        })?;
        if answer.echo.is_some() {
            lock(&self.echo).clone_from(&answer.echo);
        }
        Ok(answer)
    }

    fn exchange_with(&mut self, request: &Request<'_>) -> Result<Answer, GetError> {
        if let Some(socket) = &self.socket {
            let result = self.exchange_over(socket, request);
            if !matches!(result, Ok(_) | Err(GetError::Refused(..))) {
                // Next time from a new port, and perhaps to another address.
                self.socket = None;
            }
            return result;
        }
        let addresses = self.target.addresses().map_err(GetError::Host)?;
        let mut result = Err(GetError::Host(ErrorKind::AddrNotAvailable.into()));
        for address in addresses {
            let socket = match connect(address) {
                Ok(socket) => socket,
                Err(error) => {
                    result = Err(GetError::Network(error));
                    continue;
                }
            };
            result = self.exchange_over(&socket, request);
            match result {
                // A name may have addresses where nobody listens.
                Err(GetError::Network(_) | GetError::Silence(_)) => {}
                _ => {
                    self.socket = Some(socket);
                    break;
                }
            }
        }
        result
    }

    fn exchange_over(&self, socket: &UdpSocket, request: &Request<'_>) -> Result<Answer, GetError> {
        let bytes = request.encode();
        let began = Instant::now();
        let end = began + self.timeout;
        // Between one and one and a half times, so that clients that began
        // together do not go on together.
        let random = self.random.hash_one((self.requests, 1u8)) as u8;
        let mut pause = ACK_TIMEOUT + ACK_TIMEOUT * u32::from(random) / 512;
        let mut again = began + pause;
        let mut left = MAX_RETRANSMIT;
        let (mut datagrams, mut rubbish) = (0, false);
        socket.send(&bytes).map_err(GetError::Network)?;
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let now = Instant::now();
            if now >= end || datagrams == MAX_DATAGRAMS {
                return Err(match rubbish {
                    true => GetError::Rubbish,
                    false => GetError::Silence(self.timeout),
                });
            }
            if now >= again && left > 0 {
                socket.send(&bytes).map_err(GetError::Network)?;
                left -= 1;
                pause *= 2;
                again = now + pause;
            }
            let wait = match left {
                0 => end,
                _ => again.min(end),
            };
            // Zero would mean for ever.
            let wait = wait
                .saturating_duration_since(now)
                .max(Duration::from_millis(1));
            socket
                .set_read_timeout(Some(wait))
                .map_err(GetError::Network)?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                        continue;
                    }
                    _ => return Err(GetError::Network(error)),
                },
            };
            datagrams += 1;
            match request.meaning(buffer.get(..length).unwrap_or_default()) {
                Meaning::Answer(answer, acknowledge) => {
                    if let Some(id) = acknowledge {
                        // If it is lost, the device repeats itself to nobody.
                        let _ = socket.send(&empty(MessageType::Acknowledgement, id));
                    }
                    return Ok(answer);
                }
                Meaning::Acknowledged => left = 0,
                Meaning::Reset => return Err(GetError::Reset),
                Meaning::Stray(id) => {
                    let _ = socket.send(&empty(MessageType::Reset, id));
                }
                Meaning::NotUnderstood(number, reject) => {
                    if let Some(id) = reject {
                        let _ = socket.send(&empty(MessageType::Reset, id));
                    }
                    return Err(GetError::Option(number));
                }
                Meaning::Ignored => {}
                Meaning::Rubbish(reject) => {
                    rubbish = true;
                    if let Some(id) = reject {
                        let _ = socket.send(&empty(MessageType::Reset, id));
                    }
                }
            }
        }
    }
}

/// An answer that says no.
fn refused(answer: &Answer) -> GetError {
    let text = String::from_utf8_lossy(&answer.payload);
    GetError::Refused(answer.code, printable(text.trim_end(), MAX_TEXT))
}

/// A socket that hears this peer only.
fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Appends an answer to what came before; the block to ask for next, if more
/// is to come.
fn append(
    payload: &mut Vec<u8>,
    answer: &Answer,
    further: bool,
) -> Result<Option<Block>, &'static str> {
    let Some(block) = answer.block else {
        if further {
            return Err("one has no number");
        }
        payload.extend(&answer.payload);
        return Ok(None);
    };
    if block.offset() != payload.len() {
        return Err("one is missing");
    }
    if block.more && answer.payload.len() != block.size() {
        return Err("one is too short");
    }
    payload.extend(&answer.payload);
    if !block.more {
        return Ok(None);
    }
    if payload.len() >= MAX_PAYLOAD {
        return Err("there are too many");
    }
    Ok(Some(Block {
        // The payload is a multiple of the size, and short.
        number: (payload.len() / block.size()) as u32,
        more: false,
        exponent: block.exponent,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, more: bool, exponent: u8, length: usize) -> Answer {
        Answer {
            block: Some(Block {
                number,
                more,
                exponent,
            }),
            payload: vec![b'x'; length],
            ..Answer::default()
        }
    }

    #[test]
    fn blocks_make_a_whole() {
        let mut payload = Vec::new();
        let next = append(&mut payload, &part(0, true, 2, 64), false).expect("sound");
        assert_eq!(next.map(Block::offset), Some(64));
        // The device may take smaller ones from then on.
        let next = append(&mut payload, &part(4, true, 0, 16), true).expect("sound");
        assert_eq!(
            next.map(|block| (block.number, block.size())),
            Some((5, 16))
        );
        assert_eq!(append(&mut payload, &part(5, false, 0, 3), true), Ok(None));
        assert_eq!(payload.len(), 83);
    }

    #[test]
    fn blocks_that_do_not() {
        for (answer, further) in [
            (part(1, false, 0, 16), false),
            (part(0xf_ffff, true, 6, 1024), true),
            (part(0, true, 0, 15), false),
            (part(0, true, 6, 16), false),
            (Answer::default(), true),
        ] {
            append(&mut Vec::new(), &answer, further).expect_err("not sound");
        }
        let mut payload = vec![0; MAX_PAYLOAD];
        let last = part((MAX_PAYLOAD / 1024) as u32, true, 6, 1024);
        append(&mut payload, &last, true).expect_err("too long");
    }
}
