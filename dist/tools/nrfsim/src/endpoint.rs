// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a serial line can be connected to on the workstation: standard input
//! and output, a TCP or Unix socket, a pseudo terminal, a file.
//!
//! Everything is bytes: framing (SLIP, ethos) is between the guest and the
//! program at the other end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::host::Input;

/// The other end of a line, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Nothing: what is sent is lost.
    None,
    /// `tcp:PORT`: listens on the loopback interface, one client at a time.
    Tcp(u16),
    /// `unix:PATH`: listens on a socket in the file system, one client at a
    /// time.
    Unix(PathBuf),
    /// `pty`: a pseudo terminal, whose name is told.
    Pty,
    /// `file:PATH`: records what the guest sends.
    File(PathBuf),
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tcp", port)) => port
                .parse()
                .map(Endpoint::Tcp)
                .map_err(|_| format!("`{port}` is no port number")),
            Some(("unix", path)) if !path.is_empty() => Ok(Endpoint::Unix(path.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Endpoint::File(path.into())),
            None if text == "pty" => Ok(Endpoint::Pty),
            None if text == "none" => Ok(Endpoint::None),
            _ => Err("expected tcp:PORT, unix:PATH, pty, file:PATH or none".into()),
        }
    }
}

/// A connected end: where to write to, and whether input may come.
pub type Connected = (Box<dyn Write + Send>, bool);

impl Endpoint {
    /// Opens the end of line number `line`; input goes to `inbox`, and `tell`
    /// learns what a user must know to connect.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn open(
        &self,
        line: usize,
        inbox: Sender<Input>,
        mut tell: impl FnMut(&str),
    ) -> io::Result<Connected> {
        match self {
            Endpoint::None => Ok((Box::new(io::sink()), false)),
            Endpoint::File(path) => Ok((Box::new(File::create(path)?), false)),
            Endpoint::Tcp(port) => {
                let listener = TcpListener::bind(("127.0.0.1", *port))?;
                tell(&format!(
                    "UARTE{line} is at tcp://{}",
                    listener.local_addr()?
                ));
                Ok(serve(line, inbox, move || {
                    let (stream, _) = listener.accept()?;
                    stream.set_nodelay(true)?;
                    Ok((stream.try_clone()?, stream))
                }))
            }
            Endpoint::Unix(path) => {
                // A socket that an earlier run has left behind is in the way.
                if std::fs::metadata(path).is_ok_and(|entry| entry.file_type().is_socket()) {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                tell(&format!("UARTE{line} is at {}", path.display()));
                Ok(serve(line, inbox, move || {
                    let (stream, _) = listener.accept()?;
                    Ok((stream.try_clone()?, stream))
                }))
            }
            Endpoint::Pty => {
                let (near, far, name) = open_pty()?;
                tell(&format!("UARTE{line} is at {name}"));
                let reader = near.try_clone()?;
                std::thread::spawn(move || {
                    // Kept open, else reading fails whenever nobody else has it open.
                    let _far = far;
                    read_all(line, reader, &inbox);
                    let _ = inbox.send(Input::Closed(line));
                });
                Ok((Box::new(near), true))
            }
        }
    }
}

/// Reads standard input for a line, from a thread of its own.
pub fn read_standard_input(line: usize, inbox: Sender<Input>) {
    std::thread::spawn(move || {
        read_all(line, io::stdin().lock(), &inbox);
        let _ = inbox.send(Input::Closed(line));
    });
}

/// Sends what is read until the end, an error, or until nobody listens.
fn read_all(line: usize, mut reader: impl Read, inbox: &Sender<Input>) {
    let mut buffer = [0; 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if inbox.send(Input::Bytes(line, bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

type Client = Arc<Mutex<Option<Box<dyn Write + Send>>>>;

/// Serves one client after the other. What the guest sends while there is none
/// is lost, as on a line with nothing plugged in.
fn serve<R, W>(
    line: usize,
    inbox: Sender<Input>,
    mut accept: impl FnMut() -> io::Result<(R, W)> + Send + 'static,
) -> Connected
where
    R: Read,
    W: Write + Send + 'static,
{
    let client = Client::default();
    let writer = Writer(Arc::clone(&client));
    std::thread::spawn(move || {
        while let Ok((reader, stream)) = accept() {
            *client.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stream));
            read_all(line, reader, &inbox);
            *client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let _ = inbox.send(Input::Closed(line));
    });
    (Box::new(writer), true)
}

/// Writes to the client that is connected now, if any.
struct Writer(Client);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if client
            .as_mut()
            .is_some_and(|stream| stream.write_all(bytes).is_err())
        {
            *client = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both ends of a raw pseudo terminal, and the name of the far one.
fn open_pty() -> io::Result<(File, File, String)> {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&near)?;
    unlockpt(&near)?;
    let name = ptsname(&near, Vec::new())?;
    let far = rustix::fs::open(
        name.as_c_str(),
        OFlags::RDWR | OFlags::NOCTTY,
        Mode::empty(),
    )?;
    let mut attributes = tcgetattr(&far)?;
    attributes.make_raw();
    tcsetattr(&far, OptionalActions::Now, &attributes)?;
    Ok((near.into(), far.into(), name.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn names_of_ends_are_read() {
        assert_eq!("tcp:20000".parse(), Ok(Endpoint::Tcp(20000)));
        assert_eq!("unix:a:b".parse(), Ok(Endpoint::Unix("a:b".into())));
        assert_eq!("pty".parse(), Ok(Endpoint::Pty));
        for wrong in ["", "tcp:", "tcp:99999", "unix:", "file", "serial"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pseudo_terminal_carries_all_bytes_unchanged() -> io::Result<()> {
        let (sender, inbox) = channel();
        let mut name = String::new();
        let (mut writer, open) = Endpoint::Pty.open(1, sender, |text| {
            name = text.rsplit(' ').next().unwrap_or_default().into()
        })?;
        assert!(open);
        let bytes: Vec<u8> = (0..=255).collect();
        let mut far = File::options().read(true).write(true).open(&name)?;
        writer.write_all(&bytes)?;
        let mut received = [0; 256];
        far.read_exact(&mut received)?;
        assert_eq!(&received[..], &bytes[..]);
        far.write_all(&bytes)?;
        let mut received = Vec::new();
        while received.len() < 256 {
            let Ok(Input::Bytes(1, more)) = inbox.recv() else {
                panic!("the line was closed")
            };
            received.extend(more);
        }
        assert_eq!(received, bytes);
        Ok(())
    }

    #[test]
    fn a_second_client_is_served_after_the_first() -> io::Result<()> {
        let (sender, inbox) = channel();
        let mut address = String::new();
        let (mut writer, _) = Endpoint::Tcp(0).open(1, sender, |text| {
            address = text.rsplit('/').next().unwrap_or_default().into()
        })?;
        writer.write_all(b"nobody is there")?;
        for client in [b"1", b"2"] {
            let mut stream = std::net::TcpStream::connect(&address)?;
            stream.write_all(client)?;
            assert_eq!(inbox.recv().ok(), Some(Input::Bytes(1, client.to_vec())));
            writer.write_all(b"hello")?;
            let mut received = [0; 5];
            stream.read_exact(&mut received)?;
            assert_eq!(&received, b"hello");
        }
        Ok(())
    }
}
