// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device in this process, and a client that asks it over loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use coap_lite::{CoapOption, MessageType, Packet};
use rbpf_host::config::Config;
use rbpf_host::device::{DeviceHandle, DeviceSettings};
use rbpf_host::server::RequestReport;
use rbpf_host::services::{Log, WorkstationServices};
use rbpf_host::{Device, Server};
use rbpf_runtime::Services;

pub(crate) mod containers;

/// How long a test waits for anything; only what hangs takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// When it repeats a message: datagrams may be lost, on loopback as well.
const REPEAT: Duration = Duration::from_millis(300);

pub(crate) const GET: u8 = 1;
pub(crate) const POST: u8 = 2;
pub(crate) const PUT: u8 = 3;
pub(crate) const DELETE: u8 = 4;

/// A server with a device behind it, and what they said.
pub(crate) struct World {
    // In the order in which they are to end.
    pub(crate) server: Server,
    pub(crate) device: Device,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    reports: Arc<Mutex<Vec<RequestReport>>>,
    _folder: tempfile::TempDir,
}

/// A description with the sensors that the containers use, and the
/// containers, each on its name; `coap` is the section's content.
pub(crate) fn description(coap: &str, names: &[String]) -> String {
    let mut text = format!(
        r#"
        [coap]
        {coap}
        [runtime]
        budget = 300000
        [[sensor]]
        name = "thermometer"
        class = "temp"
        unit = "degC"
        scale = -2
        kind = "constant"
        value = [2345]
        [[sensor]]
        name = "lamp"
        class = "switch"
        kind = "actuator"
        "#
    );
    for name in names {
        text +=
            &format!("[[application]]\nname = '{name}'\nimage = '{name}.rbpf'\ncoap = '/{name}'\n");
        if name == "sensor" {
            text += "methods = ['GET']\n";
        }
    }
    text
}

impl World {
    /// All containers, on IPv6 and IPv4.
    pub(crate) fn start(coap: &str) -> Self {
        Self::with_services(coap, |services| services)
    }

    /// The same with other services around those of the workstation.
    pub(crate) fn with_services<S: Services + Send + 'static>(
        coap: &str,
        wrap: impl FnOnce(WorkstationServices) -> S,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = containers::write_images(folder.path()).unwrap();
        let coap = format!("listen = ['[::1]:0', '127.0.0.1:0']\n{coap}");
        let file = folder.path().join("device.toml");
        std::fs::write(&file, description(&coap, &names)).unwrap();
        let config = Config::load(&file).unwrap();

        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = {
            let lines = Arc::clone(&lines);
            Log::new(move |container, text| {
                lines.lock().unwrap().push(format!("{container}: {text}"));
            })
        };
        let settings = DeviceSettings::from(&config);
        let services = WorkstationServices::new(&config.sensors, log.clone());
        let services = services
            .with_pins(&config.pins)
            .with_changes(&settings.changes);
        let services = wrap(services.with_remotes(&settings.remotes));
        let device = Device::start(services, log, settings).unwrap();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let server = {
            let reports = Arc::clone(&reports);
            Server::start(&config.coap, &device.handle(), move |report| {
                reports.lock().unwrap().push(report);
            })
            .unwrap()
        };
        Self {
            server,
            device,
            log: lines,
            reports,
            _folder: folder,
        }
    }

    pub(crate) fn handle(&self) -> DeviceHandle {
        self.device.handle()
    }

    /// What the server has reported, once that is so much: it reports after
    /// it has answered.
    pub(crate) fn reports(&self, count: usize) -> MutexGuard<'_, Vec<RequestReport>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reports = self.reports.lock().unwrap();
            if reports.len() >= count || Instant::now() > deadline {
                assert_eq!(reports.len(), count);
                return reports;
            }
            drop(reports);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client of the first address, which is IPv6, or the second, IPv4.
    pub(crate) fn client(&self, address: usize) -> Client {
        Client::new(self.server.addresses()[address])
    }
}

/// A client with a socket of its own.
pub(crate) struct Client {
    pub(crate) socket: UdpSocket,
    next_id: u16,
    /// Ids of the notifications that it has had: who is slow to acknowledge one gets it
    /// again.
    pub(crate) told: Vec<u16>,
    /// What the server wants to be sent back.
    pub(crate) echo: Option<Vec<u8>>,
}

/// The option Echo (RFC 9175).
const ECHO: CoapOption = CoapOption::Unknown(252);

/// A response: code, payload, and the message that it came in last.
pub(crate) struct Response {
    pub(crate) code: u8,
    pub(crate) payload: Vec<u8>,
    pub(crate) packet: Packet,
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }

    pub(crate) fn option(&self, option: CoapOption) -> Option<u32> {
        let value = self.packet.get_first_option(option)?;
        Some(
            value
                .iter()
                .fold(0, |number, &byte| number << 8 | u32::from(byte)),
        )
    }
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let socket = match server {
            SocketAddr::V6(_) => UdpSocket::bind("[::1]:0"),
            SocketAddr::V4(_) => UdpSocket::bind("127.0.0.1:0"),
        }
        .unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(REPEAT)).unwrap();
        Self {
            socket,
            next_id: 1,
            told: Vec::new(),
            echo: None,
        }
    }

    /// A request that is not sent yet.
    pub(crate) fn request(&mut self, method: u8, path: &str) -> Packet {
        let mut packet = Packet::new();
        packet.header.code = method.into();
        packet.header.message_id = self.next_id;
        packet.set_token(self.next_id.to_be_bytes().to_vec());
        self.next_id = self.next_id.wrapping_add(1);
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            packet.add_option(CoapOption::UriPath, segment.as_bytes().to_vec());
        }
        if let Some(echo) = &self.echo {
            packet.add_option(ECHO, echo.clone());
        }
        packet
    }

    /// Sends a message until the acknowledgement that answers it comes in;
    /// whatever else does is dropped.
    pub(crate) fn exchange(&mut self, packet: &Packet) -> Response {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while Instant::now() < deadline {
            self.socket.send(&packet.to_bytes().unwrap()).unwrap();
            while let Ok(length) = self.socket.recv(&mut buffer) {
                let reply = Packet::from_bytes(&buffer[..length]).unwrap();
                if reply.header.message_id == packet.header.message_id
                    && reply.header.get_type() == MessageType::Acknowledgement
                {
                    assert_eq!(reply.get_token(), packet.get_token());
                    if let Some(echo) = reply.get_first_option(ECHO) {
                        self.echo = Some(echo.clone());
                    }
                    return Response {
                        code: reply.header.code.into(),
                        payload: reply.payload.clone(),
                        packet: reply,
                    };
                }
            }
        }
        panic!("no answer in time");
    }

    /// One request without a payload, in one message.
    pub(crate) fn get(&mut self, path: &str) -> Response {
        let packet = self.request(GET, path);
        self.exchange(&packet)
    }

    /// One block of a request.
    pub(crate) fn block1(
        &mut self,
        path: &str,
        number: u32,
        more: bool,
        exponent: u32,
        payload: &[u8],
    ) -> Response {
        let mut packet = self.request(PUT, path);
        packet.add_option(CoapOption::Block1, block(number, more, exponent));
        packet.payload = payload.to_vec();
        self.exchange(&packet)
    }

    /// A request and its response, both in blocks of `16 << exponent` bytes, or what the
    /// server makes of it.
    pub(crate) fn transfer(
        &mut self,
        method: u8,
        path: &str,
        body: &[u8],
        exponent: u32,
    ) -> Response {
        let size = 16 << exponent;
        let mut response = None;
        let chunks = body.chunks(size).count().max(1);
        for index in 0..chunks {
            let mut packet = self.request(method, path);
            if !body.is_empty() {
                let more = index + 1 < chunks;
                packet.add_option(CoapOption::Block1, block(index as u32, more, exponent));
                packet.payload = body.chunks(size).nth(index).unwrap().to_vec();
            }
            if index + 1 == chunks {
                packet.add_option(CoapOption::Block2, block(0, false, exponent));
            }
            let got = self.exchange(&packet);
            if index + 1 < chunks {
                assert_eq!(got.code, 0x5f, "2.31 Continue");
            }
            response = Some(got);
        }
        let mut response = response.unwrap();
        self.rest(method, path, &mut response);
        response
    }

    /// Asks for the further blocks of a response.
    pub(crate) fn rest(&mut self, method: u8, path: &str, response: &mut Response) {
        // Bounded: a response has at most 2^12 blocks here.
        for number in 1..4096 {
            let Some(last) = response.option(CoapOption::Block2) else {
                break;
            };
            if last & 8 == 0 {
                break;
            }
            let mut packet = self.request(method, path);
            packet.add_option(CoapOption::Block2, block(number, false, last & 7));
            let next = self.exchange(&packet);
            assert_eq!(next.code, response.code);
            assert!(next.payload.len() <= 16 << (last & 7));
            response.payload.extend(next.payload);
            response.packet = next.packet;
        }
    }
}

/// The value of a block option.
pub(crate) fn block(number: u32, more: bool, exponent: u32) -> Vec<u8> {
    let value = number << 4 | u32::from(more) << 3 | exponent;
    let bytes = value.to_be_bytes();
    bytes[(value.leading_zeros() / 8) as usize..].to_vec()
}
