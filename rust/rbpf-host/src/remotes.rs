// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of containers: to whom, and a thread for each that waits for the answer.
//!
//! The device's thread never waits for the network, nor for a name to be resolved. A
//! slot of the store has one request at a time, so there are no more threads than
//! slots.

use std::fmt;
use std::sync::{Arc, Mutex};

use rbpf_abi::Errno;
use rbpf_device::{RequestId, Requests};
use rbpf_runtime::{AppId, CoapAnswer, CoapRequest, Remote};

use crate::client::{Answer, Client, Echo, GetError, Method};
use crate::config::{Config, RemoteConfig};
use crate::device::{MAX_APPLICATIONS, lock};

/// Bytes of an answer's payload that a container gets, where the configuration does
/// not say: as on most devices.
pub(crate) const DEFAULT_ANSWER_SIZE: u32 = 64;
/// The most that it gets.
pub(crate) const MAX_ANSWER_SIZE: usize = 1024;

/// Bytes of the longest message (RFC 7252, section 4.6).
const MAX_MESSAGE: usize = 1152;
/// Bytes of a message's header, token and payload marker.
const HEAD: usize = 4 + 8 + 1;
/// Bytes that an option takes beside its value, at most.
const OPTION: usize = 3;

type Table = Requests<MAX_APPLICATIONS, MAX_ANSWER_SIZE>;

/// Whom containers may make requests to, and the requests that are open. Its clones
/// are the same.
#[derive(Clone, Default)]
pub struct Remotes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    remotes: Vec<RemoteConfig>,
    /// What each wants to be sent back, which outlasts a request.
    echoes: Vec<Echo>,
    /// Bytes of an answer's payload that are kept.
    answer_size: usize,
    requests: Mutex<Box<Table>>,
    /// Wakes who takes the answers.
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl fmt::Debug for Remotes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Remotes")
            .field(&self.0.remotes)
            .finish()
    }
}

impl From<&Config> for Remotes {
    fn from(config: &Config) -> Self {
        Self(Arc::new(Shared {
            remotes: config.remotes.clone(),
            echoes: config.remotes.iter().map(|_| Echo::default()).collect(),
            answer_size: config.runtime.answer_size,
            ..Shared::default()
        }))
    }
}

impl Remotes {
    /// Has this called when an answer is there to be taken, by any thread.
    pub(crate) fn wake_with(&self, wake: impl Fn() + Send + 'static) {
        *lock(&self.0.wake) = Some(Box::new(wake));
    }

    /// Takes an answer out.
    pub(crate) fn take<'m>(&self, memory: &'m mut [u8; MAX_ANSWER_SIZE]) -> Option<CoapAnswer<'m>> {
        lock(&self.0.requests).take(memory)
    }

    /// The remote of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Remote, Errno> {
        let mut remotes = (0..=u16::MAX).zip(&self.0.remotes);
        remotes
            .find(|(_, remote)| remote.name.as_bytes() == name)
            .map(|(index, _)| Remote(index))
            .ok_or(Errno::NoDevice)
    }

    /// Has a request sent; its number.
    pub(crate) fn request(
        &self,
        app: AppId,
        Remote(index): Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        let remote = self.0.remotes.get(usize::from(index));
        let remote = remote.ok_or(Errno::NoDevice)?.clone();
        let echo = self.0.echoes.get(usize::from(index)).cloned();
        let message = Message::new(request)?;
        let id = lock(&self.0.requests).open(app)?;
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("rbpf-request".into());
        match thread.spawn(move || shared.end(id, message.send(&remote, &echo.unwrap_or_default())))
        {
            Ok(_) => Ok(id.number()),
            Err(_) => {
                lock(&self.0.requests).withdraw(id);
                Err(Errno::InputOutput)
            }
        }
    }
}

impl Shared {
    /// Keeps what a request has come to, and tells whoever takes it.
    fn end(&self, id: RequestId, result: Result<Answer, GetError>) {
        let (outcome, payload, more) = match &result {
            Ok(answer) => (Ok(answer.code), &*answer.payload, answer.is_in_blocks()),
            Err(error) => (Err(errno(error)), &[][..], false),
        };
        let kept = payload.get(..self.answer_size).unwrap_or(payload);
        let is_truncated = more || kept.len() < payload.len();
        lock(&self.requests).end(id, outcome, kept, is_truncated);
        if let Some(wake) = &*lock(&self.wake) {
            wake();
        }
    }
}

/// What a container is told. A microcontroller does not know of a reset or of rubbish
/// more than that no answer came.
fn errno(error: &GetError) -> Errno {
    match error {
        GetError::Host(_) | GetError::Network(_) => Errno::InputOutput,
        _ => Errno::TimedOut,
    }
}

/// A request, for another thread.
struct Message {
    method: Method,
    path: Vec<String>,
    query: Vec<String>,
    payload: Vec<u8>,
}

impl Message {
    /// Of a container's request, if it fits a message.
    fn new(request: &CoapRequest<'_>) -> Result<Self, Errno> {
        // Paths have no other characters than those of ASCII.
        let text = |part| String::from_utf8_lossy(part).into_owned();
        let message = Self {
            method: Method::from_code(request.code).ok_or(Errno::Invalid)?,
            path: request.segments().map(text).collect(),
            query: request.parameters().map(text).collect(),
            payload: request.payload.to_vec(),
        };
        let options = message.path.iter().chain(&message.query);
        let options: usize = options.map(|part| OPTION + part.len()).sum();
        if HEAD + options + message.payload.len() > MAX_MESSAGE {
            return Err(Errno::NoSpace);
        }
        Ok(message)
    }

    /// Sends it, and waits for the answer.
    fn send(&self, remote: &RemoteConfig, echo: &Echo) -> Result<Answer, GetError> {
        fn parts(parts: &[String]) -> Vec<&str> {
            parts.iter().map(String::as_str).collect()
        }
        let client = Client::new(remote.target.clone(), remote.timeout);
        client.with_echo(echo).send(
            self.method,
            &parts(&self.path),
            &parts(&self.query),
            &self.payload,
        )
    }
}
