// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device's containers have printed, read on from where it was left.
//!
//! The device keeps the last bytes, and tells from which position on it gives
//! them (`/rbpf/log/OFFSET`), so that what was lost meanwhile is known. It is
//! not trusted: how much is read at a time is limited, and lines are made
//! printable.

use crate::terminal::printable;
use rbpf_host::client::{Client, GetError};

/// Characters of a line that are shown.
const MAX_LINE: usize = 2048;
/// Bytes that are read at a time at most: as many as a device keeps.
const MAX_BYTES: usize = 128 * 1024;
/// Requests for them at most.
const MAX_REQUESTS: usize = 4096;
/// A device that keeps no log.
const NOT_FOUND: u8 = 0x84;
/// One that does not show it.
const FORBIDDEN: u8 = 0x83;

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A line, `CONTAINER: TEXT`, printable.
    Line(String),
    /// The rest of a line whose beginning is lost, printable: nobody knows whose it is.
    Rest(String),
    /// So many bytes were printed that are not kept any more.
    Lost(u32),
    /// The device was started anew, and so was its log.
    Restarted,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Rest(line) => write!(f, "...{line}"),
            Self::Lost(bytes) => write!(f, "... {bytes} bytes lost"),
            Self::Restarted => f.write_str("... the device has begun a new log"),
        }
    }
}

/// Why the log can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The device does not give it.
    #[error(transparent)]
    Get(GetError),
    /// It has none.
    #[error("it keeps no log (CONFIG_RBPF_LOG_SIZE, or `log_size` in device.toml)")]
    None,
    /// It does not show it.
    #[error(
        "it does not show what containers print and store \
         (CONFIG_RBPF_EXPOSE, or `expose` in device.toml)"
    )]
    Hidden,
    /// What it gives is none.
    #[error("its answer is no log")]
    NoLog,
}

impl LogError {
    /// Whether it may go well another time: the device is not reached, or busy.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Get(error) => error.is_passing(),
            Self::None | Self::Hidden | Self::NoLog => false,
        }
    }
}

/// What is known of a device's log.
#[derive(Debug, Default)]
pub struct LogReader {
    /// Where to go on; `None` before the first answer.
    position: Option<u32>,
    /// A line that has not ended yet.
    line: Vec<u8>,
    /// Its beginning is lost, or may be, or was shown.
    is_rest: bool,
}

impl LogReader {
    /// One that begins with what is kept.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that begins after all that has been printed so far.
    ///
    /// # Errors
    ///
    /// If there is no log.
    pub fn at_end(client: &mut Client) -> Result<Self, LogError> {
        let mut reader = Self::new();
        let answer = ask(client, None)?;
        reader.position = Some(piece(&answer).ok_or(LogError::NoLog)?.end);
        Ok(reader)
    }

    /// Reads on: what is to be shown since the last time.
    ///
    /// # Errors
    ///
    /// If the device does not answer, or with something else. What was read
    /// before that comes first, in `entries`.
    pub fn read(&mut self, client: &mut Client, entries: &mut Vec<Entry>) -> Result<(), LogError> {
        let mut bytes = 0;
        for _ in 0..MAX_REQUESTS {
            let answer = ask(client, self.position)?;
            let piece = piece(&answer).ok_or(LogError::NoLog)?;
            let next = self.take(&piece, entries);
            bytes += piece.text.len();
            if piece.text.is_empty() || next == piece.end || bytes >= MAX_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// A line that has begun, if there is one: nothing more is awaited.
    #[must_use]
    pub fn rest(&mut self) -> Option<Entry> {
        (!self.line.is_empty()).then(|| self.shown())
    }

    /// What there is of a line.
    fn shown(&mut self) -> Entry {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let text = printable(&String::from_utf8_lossy(line), MAX_LINE);
        match std::mem::take(&mut self.is_rest) {
            true => Entry::Rest(text),
            false => Entry::Line(text),
        }
    }

    /// Takes a piece; the position after it.
    fn take(&mut self, piece: &Piece<'_>, entries: &mut Vec<Entry>) -> u32 {
        let lost = piece.offset.wrapping_sub(self.position.unwrap_or(0));
        if lost != 0 {
            entries.extend(self.rest());
            entries.push(match i32::try_from(lost) {
                Ok(_) => Entry::Lost(lost),
                Err(_) if self.position.is_none() => Entry::Lost(lost),
                Err(_) => Entry::Restarted,
            });
            self.is_rest = piece.offset != 0;
        }
        for &byte in piece.text {
            match byte {
                b'\n' => entries.push(self.shown()),
                _ => self.line.push(byte),
            }
            if self.line.len() >= MAX_LINE {
                entries.extend(self.rest());
                self.is_rest = true;
            }
        }
        // Less than 2^32: it is of a limited payload.
        let next = piece.offset.wrapping_add(piece.text.len() as u32);
        self.position = Some(next);
        next
    }
}

fn ask(client: &mut Client, from: Option<u32>) -> Result<Vec<u8>, LogError> {
    let from = from.map(|from| from.to_string());
    let path = ["rbpf", "log", from.as_deref().unwrap_or_default()];
    let path = path.get(..2 + usize::from(from.is_some())).unwrap_or(&path);
    match client.get(path, None) {
        Ok(answer) => Ok(answer.payload),
        Err(GetError::Refused(NOT_FOUND, _)) => Err(LogError::None),
        Err(GetError::Refused(FORBIDDEN, _)) => Err(LogError::Hidden),
        Err(error) => Err(LogError::Get(error)),
    }
}

/// `offset N end M`, and the bytes from N on.
struct Piece<'a> {
    offset: u32,
    end: u32,
    text: &'a [u8],
}

fn piece(answer: &[u8]) -> Option<Piece<'_>> {
    let end = answer.iter().position(|&byte| byte == b'\n')?;
    let line = std::str::from_utf8(answer.get(..end)?).ok()?;
    let words: Vec<&str> = line.split(' ').collect();
    let ["offset", offset, "end", last] = words[..] else {
        return None;
    };
    Some(Piece {
        offset: offset.parse().ok()?,
        end: last.parse().ok()?,
        text: answer.get(end + 1..)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn taken(reader: &mut LogReader, answer: &str) -> Vec<String> {
        let mut entries = Vec::new();
        reader.take(&piece(answer.as_bytes()).expect("a log"), &mut entries);
        entries.iter().map(Entry::to_string).collect()
    }

    #[test]
    fn lines_and_what_was_lost() {
        let mut reader = LogReader::new();
        for (answer, wanted) in [
            ("offset 0 end 9\na: 1\na", &["a: 1"][..]),
            ("offset 6 end 9\n: 2", &[]),
            ("offset 9 end 9\n", &[]),
            ("offset 9 end 13\n3\nb\n", &["a: 23", "b"]),
            (
                "offset 20 end 23\n\x1b\n.",
                &["... 7 bytes lost", "...\\u{1b}"],
            ),
            ("offset 24 end 24\n", &[".", "... 1 bytes lost"]),
            ("offset 24 end 28\nx: 4\n", &["...x: 4"]),
            ("offset 29 end 34\nx: 5\n", &["x: 5"]),
            (
                "offset 0 end 2\nc\n",
                &["... the device has begun a new log", "c"],
            ),
        ] {
            assert_eq!(taken(&mut reader, answer), wanted, "{answer:?}");
        }
        assert_eq!(reader.rest(), None);
        let mut reader = LogReader::new();
        let wanted = ["... 4294967290 bytes lost", "...1", "2"];
        assert_eq!(
            taken(&mut reader, "offset 4294967290 end 1\n1\n2\n345"),
            wanted
        );
        assert_eq!(reader.position, Some(1));
        assert_eq!(reader.rest(), Some(Entry::Line("345".into())));
    }

    #[test]
    fn long_lines_are_cut() {
        let mut reader = LogReader::new();
        let line = "x".repeat(MAX_LINE);
        let answer = format!("offset 0 end 0\n{line}{line}x");
        assert_eq!(
            taken(&mut reader, &answer),
            [line.clone(), format!("...{line}")]
        );
        assert_eq!(reader.rest(), Some(Entry::Rest("x".into())));
    }

    #[test]
    fn what_is_no_log() {
        for answer in [
            "",
            "offset 1 end 2",
            "offset 1\n",
            "offset x end 2\n",
            "offset -1 end 2\n",
            "offset 1 end 4294967296\n",
            "offset 1 end 2 3\n",
            "end 1 offset 2\n",
            "\n",
        ] {
            assert!(piece(answer.as_bytes()).is_none(), "{answer:?}");
        }
        assert!(piece(b"\xff\n").is_none());
    }
}
