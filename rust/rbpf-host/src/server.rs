// SPDX-License-Identifier: MIT OR Apache-2.0
//! The CoAP server: sockets, and a thread for each.
//!
//! A thread reads a datagram, has it answered, and sends the answer, then
//! reads the next one: what it cannot take yet waits in the system's buffer,
//! which is limited, and nothing else grows. Observers are told in between, ten times
//! a second at least. What a datagram means is the
//! module `coap`'s business, and what a request means the device's.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rbpf_runtime::Direction;
use socket2::{Domain, Protocol, Socket, Type};

use crate::coap::{Endpoint, Handler, Limits, Report, Turn};
use crate::config::{CoapConfig, Methods};
use crate::device::{DeviceHandle, Reply, Request};
use crate::services::Bindings;

/// The largest datagram, so that none is cut.
const MAX_DATAGRAM: usize = 65_535;
/// How often a thread looks whether it should end, and whether there is something
/// that observers are to be told.
const POLL: Duration = Duration::from_millis(100);
/// How long a thread rests when its socket is in trouble.
const TROUBLE: Duration = Duration::from_millis(20);

/// A request and what became of it, for a line in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestReport {
    /// Who asked.
    pub peer: SocketAddr,
    /// Method code.
    pub method: u8,
    /// The path; empty if it could not be read.
    pub path: String,
    /// Response code.
    pub code: u8,
    /// Bytes of payload in the response's message.
    pub bytes: usize,
    /// Instructions that a container executed.
    pub instructions: u64,
    /// Time that the device took, without waiting.
    pub duration: Duration,
}

/// As it stands in a list: `[::1]:4711 GET /sensor 2.05 5 bytes 33 instructions 12 us`.
impl std::fmt::Display for RequestReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} {} {} {}.{:02} {} bytes {} instructions {} us",
            self.peer,
            Methods::name(self.method),
            // A path is the peer's text: no control characters reach the terminal.
            self.path.escape_debug(),
            self.code >> 5,
            self.code & 0x1f,
            self.bytes,
            self.instructions,
            self.duration.as_micros(),
        )
    }
}

/// Receives reports; called by all threads of a server.
type Watcher = dyn Fn(RequestReport) + Send + Sync;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens on the configured addresses and has requests answered by a device.
    ///
    /// `watcher` is told of each request, once it is answered.
    ///
    /// # Errors
    /// The first address that cannot be listened on, and what the system says.
    pub fn start(
        config: &CoapConfig,
        device: &DeviceHandle,
        watcher: impl Fn(RequestReport) + Send + Sync + 'static,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let limits = Limits {
            block_size: config.block_size,
            max_upload: config.max_upload,
            transfer_timeout: config.transfer_timeout,
        };
        let sockets = config
            .listen
            .iter()
            .map(|&address| bind(address).map_err(|error| (address, error)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut server = Self {
            addresses: Vec::new(),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        let watcher: Arc<Watcher> = Arc::new(watcher);
        for (socket, address) in sockets {
            let listener = Listener {
                socket,
                address,
                device: device.clone(),
                watcher: Arc::clone(&watcher),
                stop: Arc::clone(&server.stop),
            };
            let thread = std::thread::Builder::new()
                .name(format!("coap-{address}"))
                .spawn(move || listener.run(limits))
                .map_err(|error| (address, error))?;
            server.threads.push(thread);
            server.addresses.push(address);
        }
        Ok(server)
    }

    /// The addresses that it listens on, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A socket that listens on an address, and the address with its port.
fn bind(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // `[::]` is IPv6 alone, so that `0.0.0.0` can stand beside it.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.set_read_timeout(Some(POLL))?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// What a thread of the server owns.
struct Listener {
    socket: UdpSocket,
    /// The socket's own.
    address: SocketAddr,
    device: DeviceHandle,
    watcher: Arc<Watcher>,
    stop: Arc<AtomicBool>,
}

impl Listener {
    fn run(&self, limits: Limits) {
        let first_id = getrandom::u32().unwrap_or_default() as u16;
        let mut endpoint = Endpoint::new(limits, Instant::now(), first_id);
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !self.stop.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, peer)) => {
                    let datagram = buffer.get(..length).unwrap_or_default();
                    let (from, to) = (peer, self.address);
                    if self.device.passes(Direction::Rx, from, to, datagram) {
                        self.answer(&mut endpoint, peer, datagram);
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                // A peer that is gone, a network that is down: it may come back.
                Err(_) => std::thread::sleep(TROUBLE),
            }
            self.notify(&mut endpoint);
        }
    }

    /// Tells observers what has changed; for no longer than until datagrams would be
    /// looked for anyway, and the others in the next turn.
    fn notify(&self, endpoint: &mut Endpoint) {
        let now = Instant::now();
        while let Some(turn) = endpoint.notify(now, &mut &self.device) {
            if let Turn::Message(peer, message) = turn {
                self.send(peer, &message);
            }
            if now.elapsed() >= POLL {
                break;
            }
        }
    }

    /// Sends a message, unless containers drop it. One that cannot be sent is lost, as
    /// any datagram may be.
    fn send(&self, peer: SocketAddr, message: &[u8]) {
        if self
            .device
            .passes(Direction::Tx, self.address, peer, message)
        {
            let _ = self.socket.send_to(message, peer);
        }
    }

    fn answer(&self, endpoint: &mut Endpoint, peer: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        let (reply, report) = endpoint.datagram(now, peer, datagram, &mut &self.device);
        if let Some(reply) = reply {
            self.send(peer, &reply);
        }
        if let Some(report) = report {
            (self.watcher)(RequestReport::new(peer, report));
        }
    }
}

impl Handler for &DeviceHandle {
    fn handle(&mut self, request: Request) -> Reply {
        self.request(&request)
    }

    fn version(&self, path: &str) -> Option<u32> {
        DeviceHandle::version(self, path)
    }

    fn bindings(&self, path: &str) -> Bindings {
        DeviceHandle::bindings(self, path)
    }
}

impl RequestReport {
    fn new(peer: SocketAddr, report: Report) -> Self {
        Self {
            peer,
            method: report.method,
            path: report.path,
            code: report.code,
            bytes: report.bytes,
            instructions: report.instructions,
            duration: report.duration,
        }
    }
}
