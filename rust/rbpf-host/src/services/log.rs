// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: pieces of lines from containers, put together and made harmless.
//!
//! The last lines are kept, for who asks the device later.
//!
//! Control characters are escaped, so that a container cannot command the
//! terminal, or forge the line of another one. Lines of containers never mix.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rbpf_device::{LogRing, escape};

/// The longest line, in bytes; a longer one is cut into several.
const MAX_LINE: usize = 1024;

/// Receives lines: the container's name, and the text without line feed.
type Sink = dyn FnMut(&str, &str) + Send;

/// A log; its clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Inner>>);

struct Inner {
    sink: Box<Sink>,
    /// Lines that have begun, escaped.
    pending: BTreeMap<String, Vec<u8>>,
    /// The last lines, each with the container's name.
    kept: LogRing<Vec<u8>>,
}

impl Log {
    /// A log whose lines go to a function: the container's name, the text.
    pub fn new(sink: impl FnMut(&str, &str) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            sink: Box::new(sink),
            pending: BTreeMap::new(),
            kept: LogRing::new(Vec::new()),
        })))
    }

    /// A log that shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_, _| ())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the last lines from now on, in so many bytes of memory.
    pub fn keep(&self, size: usize) {
        self.inner().kept = LogRing::new(vec![0; size]);
    }

    /// What is kept. Nothing may be written meanwhile.
    pub(crate) fn kept<T>(&self, look: impl FnOnce(&LogRing<Vec<u8>>) -> T) -> T {
        look(&self.inner().kept)
    }

    /// Adds a piece of a container's line; line feeds end lines. Returns how many
    /// bytes that are, with escapes; of each line that begins, with the container's
    /// name and the end.
    pub fn write(&self, container: &str, text: &[u8]) -> usize {
        let inner = &mut *self.inner();
        let mut line = inner.pending.remove(container).unwrap_or_default();
        let mut written = 0;
        let around = container.len() + ": \n".len();
        for (index, piece) in text.split(|&byte| byte == b'\n').enumerate() {
            if index > 0 {
                if line.is_empty() {
                    written += around;
                }
                inner.end(container, &line);
                line.clear();
            }
            escape(piece, &mut |bytes| {
                for &byte in bytes {
                    // Not within a character.
                    if line.len() >= MAX_LINE && byte & 0xc0 != 0x80 {
                        inner.end(container, &line);
                        line.clear();
                    }
                    if line.is_empty() {
                        written += around;
                    }
                    line.push(byte);
                    written += 1;
                }
            });
        }
        inner.pending.insert(container.to_owned(), line);
        written
    }

    /// Ends the lines that have begun; the device does it after each run.
    pub fn flush(&self) {
        let inner = &mut *self.inner();
        for (container, line) in std::mem::take(&mut inner.pending) {
            if !line.is_empty() {
                inner.end(&container, &line);
            }
        }
    }
}

impl Inner {
    /// A line is whole.
    fn end(&mut self, container: &str, line: &[u8]) {
        // It is text: `escape` makes nothing else.
        let text = String::from_utf8_lossy(line);
        (self.sink)(container, &text);
        self.kept.push(format!("{container}: {text}\n").as_bytes());
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Log").finish_non_exhaustive()
    }
}
