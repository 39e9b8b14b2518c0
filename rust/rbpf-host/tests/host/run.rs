// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device` from its start to its end.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use coap_lite::{CoapOption, Packet};
use rbpf_host::config::Config;
use rbpf_host::device::{DeviceError, DeviceSettings};
use rbpf_host::services::{Log, WorkstationServices};
use rbpf_host::{Device, DeviceOptions, HostError, Server, run_until};

use crate::support::{Client, DELETE, GET, PATIENCE, PUT, containers, description};

/// Passes lines on.
struct Lines {
    sender: Sender<String>,
    line: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte == b'\n' {
                let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
                self.sender.send(line).map_err(io::Error::other)?;
            } else {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options(folder: &Path, text: &str, quiet: bool) -> DeviceOptions {
    let config = folder.join("device.toml");
    std::fs::write(&config, text).unwrap();
    DeviceOptions { config, quiet }
}

/// Runs a device, asks it some, ends it, and returns what it printed.
fn printed(quiet: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let names = containers::write_images(folder.path()).unwrap();
    let text = description("listen = ['127.0.0.1:0']", &names);
    let options = options(folder.path(), &text, quiet);
    let (sender, lines) = mpsc::channel();
    let (stop, stopped) = mpsc::channel();
    let output = Lines {
        sender,
        line: Vec::new(),
    };
    let device = std::thread::spawn(move || run_until(&options, output, &stopped));
    let mut printed = Vec::new();
    let address = loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        printed.push(line.clone());
        if let Some(address) = line.strip_prefix("listening coap://") {
            break address.parse().unwrap();
        }
    };
    let mut client = Client::new(address);
    assert_eq!(client.get("/sensor").text(), "23.45");
    client.get("/hello");
    let mut strange: Packet = client.request(GET, "/\u{1b}[31m");
    client.exchange(&strange);
    strange = client.request(PUT, "/sensor");
    client.exchange(&strange);
    stop.send(()).unwrap();
    device.join().unwrap().unwrap();
    printed.extend(lines.try_iter());
    printed
}

#[test]
fn it_says_what_it_does() {
    let printed = printed(false);
    for part in [
        "application sensor path /sensor bytes ",
        " granted sensor,coap-response",
        "listening coap://127.0.0.1:",
        "request 127.0.0.1:",
        " GET /sensor 2.05 5 bytes ",
        " PUT /sensor 4.05 ",
        " GET /\\u{1b}[31m 4.04 ",
        "log hello: Hello",
        "counters sensor state bound path /sensor ",
        " runs 1 faults 0 ",
    ] {
        assert!(
            printed.iter().any(|line| line.contains(part)),
            "{part} not in {printed:#?}"
        );
    }
}

#[test]
fn it_can_be_quiet() {
    let printed = printed(true);
    assert_eq!(printed.len(), 1, "{printed:#?}");
}

#[test]
fn it_says_why_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let application = "[[application]]\nname = 'a'\nimage = 'a.rbpf'\n";
    let fails = |text: &str| {
        let (_stop, stopped) = mpsc::channel();
        let options = options(folder.path(), text, false);
        run_until(&options, io::sink(), &stopped).expect_err("it does not start")
    };
    assert!(matches!(fails("x = 1"), HostError::Config(_)));
    let error = fails(application).to_string();
    assert!(error.contains("a.rbpf cannot be read"), "{error}");

    let image = folder.path().join("a.rbpf");
    std::fs::write(&image, b"no image").unwrap();
    let error = fails(application).to_string();
    assert!(error.contains("image is malformed"), "{error}");

    // A helper that the device does not allow.
    std::fs::write(&image, containers::image("call 0x30\nexit")).unwrap();
    let error = fails(&format!("{application}allow = ['log']\n")).to_string();
    assert!(error.contains("refused by the verifier"), "{error}");
    assert!(error.contains("at pc 0"), "{error}");

    let path = "x".repeat(100);
    let error = fails(&format!("{application}coap = '/{path}'\n")).to_string();
    assert!(error.contains("too long"), "{error}");

    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = fails(&format!("[coap]\nlisten = ['{address}']")).to_string();
    assert!(
        error.contains(&format!("cannot listen on {address}")),
        "{error}"
    );
}

/// Starts a device that is described in a folder.
fn start(folder: &Path, text: &str) -> (Device, Config) {
    let (device, config) = try_start(folder, text);
    (device.unwrap(), config)
}

fn try_start(folder: &Path, text: &str) -> (Result<Device, DeviceError>, Config) {
    let file = folder.join("device.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file).unwrap();
    let log = Log::silent();
    let services = WorkstationServices::new(&[], log.clone());
    let device = Device::start(services, log, DeviceSettings::from(&config));
    (device, config)
}

/// Applications run by their timers, whether or not anyone asks for them, and
/// one that never ends does not keep the others from theirs.
#[test]
fn timers_run_applications() {
    let folder = tempfile::tempdir().unwrap();
    containers::write_images(folder.path()).unwrap();
    let text = "
        [runtime]
        budget = 1000
        fault_limit = 0
        [[application]]
        name = 'sum'
        image = 'sum.rbpf'
        every = 2
        [[application]]
        name = 'endless'
        image = 'endless.rbpf'
        every = 1
        [[application]]
        name = 'idle'
        image = 'sum.rbpf'";
    let (device, _) = start(folder.path(), text);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let runs = device
            .handle()
            .applications()
            .iter()
            .map(|application| application.counters.runs)
            .collect::<Vec<_>>();
        if let [sum, endless, idle] = runs[..]
            && sum >= 10
            && endless >= 10
        {
            assert_eq!(idle, 0);
            break;
        }
        assert!(Instant::now() < deadline, "{runs:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A tenant whose application never ends takes its own time, and not that of
/// another tenant's.
#[test]
fn tenants_do_not_starve_each_other() {
    let folder = tempfile::tempdir().unwrap();
    containers::write_images(folder.path()).unwrap();
    let text = "
        [runtime]
        budget = 1000
        fault_limit = 0
        [[tenant]]
        name = 'greedy'
        rate = 1000
        [[tenant]]
        name = 'modest'
        rate = 1000000
        [[application]]
        name = 'endless'
        image = 'endless.rbpf'
        every = 1
        tenant = 'greedy'
        [[application]]
        name = 'twin'
        image = 'endless.rbpf'
        every = 1
        tenant = 'greedy'
        [[application]]
        name = 'sum'
        image = 'sum.rbpf'
        every = 2
        tenant = 'modest'";
    let begin = Instant::now();
    let (device, _) = start(folder.path(), text);
    let handle = device.handle();
    let runs = || {
        let applications = handle.applications();
        let runs = applications.iter().map(|app| app.counters.runs);
        runs.collect::<Vec<_>>()
    };
    while runs()[2] < 100 {
        assert!(begin.elapsed() < PATIENCE, "{:?}", runs());
        std::thread::sleep(Duration::from_millis(5));
    }
    let [endless, twin, _] = runs()[..] else {
        panic!("three applications")
    };
    let seconds = begin.elapsed().as_secs() as u32 + 1;
    // One run takes what both may in a second.
    assert!(endless + twin <= seconds + 1, "{endless} {twin} {seconds}");
    let list = handle.list();
    let owners = list.lines().map(|line| line.split(" tenant ").nth(1));
    let owner = |text: &str| {
        owners
            .clone()
            .flatten()
            .any(|found| found.starts_with(text))
    };
    assert!(owner("greedy last fault") && owner("modest"), "{list}");
}

/// What is bound to `boot` runs at the start, and what it stores is an event to
/// those who watch it, though nobody asks.
#[test]
fn boot_and_values_run_applications() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name).with_extension("rbpf");
        std::fs::write(file, containers::image(text)).unwrap();
    };
    write("storing", "mov %r1, 7\nmov %r2, 5\ncall 0x11\nexit");
    // Fetching is what watching needs the right for.
    write("watching", "mov %r2, %r10\nadd %r2, -8\ncall 0x13\nexit");
    let text = "
        [[application]]
        name = 'watching'
        image = 'watching.rbpf'
        on = ['kv:global:7', 'kv:global:8']
        [[application]]
        name = 'storing'
        image = 'storing.rbpf'
        on = ['boot']";
    let (device, _) = start(folder.path(), text);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let applications = device.handle().applications();
        let runs = [0, 1].map(|index| applications[index].counters.runs);
        assert!(runs[0] <= 1 && runs[1] == 1, "{runs:?}");
        if runs == [1, 1] {
            break;
        }
        assert!(Instant::now() < deadline, "{runs:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run longer than its budget goes on in parts, and requests are answered in
/// between.
#[test]
fn a_long_run_is_paused() {
    let folder = tempfile::tempdir().unwrap();
    containers::write_images(folder.path()).unwrap();
    let long = "lddw %r6, 3000000\nsub %r6, 1\njne %r6, 0, -2\nmov %r0, 0\nexit";
    std::fs::write(folder.path().join("long.rbpf"), containers::image(long)).unwrap();
    let text = "
        [runtime]
        budget = 10000
        pauses = 1000
        [[application]]
        name = 'long'
        image = 'long.rbpf'
        on = ['boot']
        [[application]]
        name = 'sum'
        image = 'sum.rbpf'
        every = 1";
    let (device, _) = start(folder.path(), text);
    let deadline = Instant::now() + PATIENCE;
    let mut before = 0;
    loop {
        let [long, sum] = &device.handle().applications()[..] else {
            panic!("two applications")
        };
        assert_eq!(long.counters.faults, 0);
        if long.counters.runs == 1 {
            assert_eq!(long.counters.instructions, 2 * 3_000_000 + 3);
            break;
        }
        before = before.max(sum.counters.runs);
        assert!(Instant::now() < deadline);
    }
    assert!(before > 0, "the other has run meanwhile");
}

/// Who is bound to switches of threads takes no more than their bound, whatever its
/// budget, and is not paused; who calls helpers that may wait is not bound.
#[test]
fn switches_of_threads_have_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name).with_extension("rbpf");
        std::fs::write(file, containers::image(text)).unwrap();
    };
    write("endless", "ja -1");
    write("waiting", "mov %r1, 1\ncall 0x30\nexit");
    let text = "
        [runtime]
        budget = 1000000
        pauses = 1000
        fault_limit = 0
        [[event]]
        hook = 'sched'
        every_ms = 1
        [[application]]
        name = 'endless'
        image = 'endless.rbpf'
        on = ['sched']
        [[application]]
        name = 'waiting'
        image = 'waiting.rbpf'";
    let (device, _) = start(folder.path(), text);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counters = device.handle().applications()[0].counters;
        assert_eq!(counters.instructions, u64::from(counters.runs) * 500);
        assert_eq!(counters.faults, counters.runs);
        if counters.runs >= 10 {
            break;
        }
        assert!(Instant::now() < deadline, "{counters:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = format!("{text}\non = ['sched']");
    let (refused, _) = try_start(folder.path(), &text);
    let Err(error) = refused else {
        panic!("it is refused")
    };
    let error = error.to_string();
    assert!(error.contains("its helpers may wait"), "{error}");
}

/// A container is installed over the network on behalf of a tenant, and changed by
/// no other.
#[test]
fn tenants_are_served_over_coap() {
    let folder = tempfile::tempdir().unwrap();
    let text = "
        [coap]
        listen = ['127.0.0.1:0']
        unsigned_install = true
        [[tenant]]
        name = 'alice'
        slots = 1
        [[tenant]]
        name = 'bob'";
    let (device, config) = start(folder.path(), text);
    let server = Server::start(&config.coap, &device.handle(), |_| {}).unwrap();
    let mut client = Client::new(server.addresses()[0]);
    let image = containers::image("mov %r0, 1\nexit");
    let mut ask = |code, path: &str, tenant: &str, payload: &[u8]| {
        let mut packet = client.request(code, path);
        let query = format!("tenant={tenant}");
        packet.add_option(CoapOption::UriQuery, query.into_bytes());
        packet.payload = payload.to_vec();
        client.exchange(&packet).code
    };
    assert_eq!(ask(PUT, "/rbpf/app/hers", "alice", &image), 0x41);
    assert_eq!(ask(PUT, "/rbpf/app/more", "alice", &image), 0xa3);
    assert_eq!(ask(DELETE, "/rbpf/app/hers", "bob", b""), 0x83);
    assert_eq!(ask(DELETE, "/rbpf/app/hers", "carol", b""), 0x84);
    let list = device.handle().list();
    assert!(list.ends_with(" tenant alice\n"), "{list}");
    assert_eq!(ask(DELETE, "/rbpf/app/hers", "alice", b""), 0x42);
}
