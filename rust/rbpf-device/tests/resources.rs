// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resources, asked by messages in memory, with as little room in the
//! response as a test wants.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};

use ciborium::Value;
use coap_handler::Handler;
use coap_message::error::RenderableOnMinimal;
use coap_message::{MessageOption, MinimalWritableMessage, ReadableMessage};
use coap_message_implementations::heap::HeapMessage;
use coap_message_implementations::inmemory::MessageMut;
use rbpf_abi::Capabilities;
use rbpf_abi::image::{Function, ImageParts};
use rbpf_device::coap::{Proof, Resources, Wish};
use rbpf_device::{
    Device, Fill, Host, Job, Leases, LogRing, Operation, PieceError, Staging, Status, is_reserved,
    work,
};
use rbpf_isa::assemble;
use rbpf_runtime::{Allowance, FaultEntry, FaultLog, FaultReport, Hook, Memory, Runtime, Services};
use rbpf_vm::Interpreter;
use zerocopy::IntoBytes;

#[path = "resources/hooks.rs"]
mod hooks;
#[path = "resources/observe.rs"]
mod observe;
#[path = "resources/operator.rs"]
mod operator;
#[path = "resources/options.rs"]
mod options;
#[path = "resources/peers.rs"]
mod peers;
#[path = "resources/requests.rs"]
mod requests;

const GET: u8 = 1;
const POST: u8 = 2;
const PUT: u8 = 3;
const DELETE: u8 = 4;

const CREATED: u8 = 0x41;
const DELETED: u8 = 0x42;
const CHANGED: u8 = 0x44;
const CONTENT: u8 = 0x45;
const CONTINUE: u8 = 0x5f;
const BAD_REQUEST: u8 = 0x80;
const BAD_OPTION: u8 = 0x82;
const NOT_FOUND: u8 = 0x84;
const METHOD_NOT_ALLOWED: u8 = 0x85;
const NOT_ACCEPTABLE: u8 = 0x86;
const INCOMPLETE: u8 = 0x88;
const CONFLICT: u8 = 0x89;
const TOO_LARGE: u8 = 0x8d;
const UNPROCESSABLE: u8 = 0x96;
const INTERNAL_SERVER_ERROR: u8 = 0xa0;
const FORBIDDEN: u8 = 0x83;
const SERVICE_UNAVAILABLE: u8 = 0xa3;

const ETAG: u16 = 4;
const URI_PATH: u16 = 11;
const CONTENT_FORMAT: u16 = 12;
const URI_QUERY: u16 = 15;
const ACCEPT: u16 = 17;
const BLOCK2: u16 = 23;
const BLOCK1: u16 = 27;

const PAGE: usize = 256;
const IMAGE: usize = 512;
const SLOTS: usize = 3;

/// Services that offer nothing but the time, in milliseconds, and the last faults.
#[derive(Default)]
struct Nothing(u32, FaultLog<2>);

impl Services for Nothing {
    fn now_ms(&mut self) -> u32 {
        self.0
    }

    fn now_us(&mut self) -> u32 {
        0
    }

    fn random(&mut self) -> u32 {
        0
    }

    fn log(&mut self, _: &str, text: &[u8]) -> usize {
        text.len()
    }

    fn faulted(&mut self, report: &FaultReport<'_>) {
        self.1.push(report, 70);
    }

    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.1.get(position)
    }

    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        let mut digest = [0xa5; 32];
        digest[0] = image.len() as u8;
        Some(digest)
    }
}

/// A device whose jobs are done at once.
struct Fake {
    runtime: RefCell<Runtime<'static, Nothing, SLOTS, 4, 16, Interpreter, 2>>,
    staging: RefCell<Staging<IMAGE>>,
    log: RefCell<LogRing<Vec<u8>>>,
    leases: RefCell<Leases<2>>,
    /// What the last request has said of observing.
    said: RefCell<observe::Said>,
    may_change: bool,
    hooks: &'static [Hook<'static>],
    exposes: bool,
    /// Who asks, and by what all of them show that they receive.
    peer: Cell<u8>,
    proof: Cell<Proof>,
    /// Whether the application has paths that begin with `/app`.
    has_app: Cell<bool>,
}

struct Ticket(Box<Job<PAGE>>);

impl Deref for Ticket {
    type Target = Job<PAGE>;

    fn deref(&self) -> &Job<PAGE> {
        &self.0
    }
}

impl DerefMut for Ticket {
    fn deref_mut(&mut self) -> &mut Job<PAGE> {
        &mut self.0
    }
}

impl Device<PAGE> for &Fake {
    type Ticket = Ticket;
    type Peer = u8;

    const HAS_LOG: bool = true;
    const HAS_LEASES: bool = true;

    fn may_change(&self) -> bool {
        self.may_change
    }

    fn exposes(&self) -> bool {
        self.exposes
    }

    fn peer(&self) -> u8 {
        self.peer.get()
    }

    fn bound(&self) -> u32 {
        self.runtime.borrow().revision()
    }

    fn proof(&self) -> Proof {
        self.proof.get()
    }

    fn ask(&self, operation: Operation, fill: Fill<'_, PAGE>) -> Result<Ticket, Status> {
        let mut job = Box::new(Job::new());
        job.start(operation);
        fill(&mut job)?;
        if matches!(operation, Operation::Log | Operation::LogFrom) {
            self.log.borrow().answer(&mut job);
            return Ok(Ticket(job));
        }
        let mut host = Host {
            staging: &mut *self.staging.borrow_mut(),
            leases: &mut *self.leases.borrow_mut(),
            allowed: Capabilities::all(),
            budget: 1000,
            is_reserved: &|path| {
                path.strip_prefix("/app").is_some() && self.has_app.get() || is_reserved(path)
            },
            hooks: &|position| self.hooks.get(position).copied(),
            figures: &[("jobs", 7)],
        };
        let runtime = &mut *self.runtime.borrow_mut();
        work(runtime, &mut job, &mut host);
        host.leases.retain(|app| runtime.contains(app));
        Ok(Ticket(job))
    }

    fn observe(&self, wish: Wish<'_>) -> Option<u32> {
        let said = observe::Said::from(wish);
        let number = matches!(said, observe::Said::Registers(..)).then_some(observe::NUMBER);
        self.said.replace(said);
        number
    }

    fn stage(&self, name: &str, offset: usize, piece: &[u8]) -> Result<(), PieceError> {
        self.staging.borrow_mut().put(name, offset, piece)
    }
}

fn leak(length: usize) -> &'static mut [u8] {
    Box::leak(vec![0; length].into_boxed_slice())
}

impl Fake {
    fn new() -> Self {
        Self {
            runtime: RefCell::new(Runtime::new(
                Nothing::default(),
                Memory {
                    images: [(); SLOTS].map(|()| leak(IMAGE + 8)),
                    stack: leak(512),
                    data: leak(64),
                    response: leak(PAGE),
                },
            )),
            staging: RefCell::new(Staging::new()),
            log: RefCell::new(LogRing::new(vec![0; 1000])),
            leases: RefCell::default(),
            said: RefCell::default(),
            may_change: true,
            hooks: const { &[Hook::new("button")] },
            exposes: true,
            peer: Cell::new(0),
            proof: Cell::new(Proof::Needless),
            has_app: Cell::new(false),
        }
    }
}

#[derive(Debug)]
struct Response {
    code: u8,
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Response {
    fn option(&self, number: u16) -> Option<u32> {
        let (_, value) = self.options.iter().find(|&&(found, _)| found == number)?;
        Some(
            value
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
        )
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }
}

/// The resources of a device, and how much room its responses have.
struct Server<'f> {
    resources: Resources<&'f Fake, PAGE>,
    room: usize,
}

impl<'f> Server<'f> {
    fn new(fake: &'f Fake) -> Self {
        Self {
            resources: Resources::new(fake),
            room: 1200,
        }
    }

    fn ask(&mut self, code: u8, uri: &str, payload: &[u8], options: &[(u16, u32)]) -> Response {
        let options: Vec<_> = options
            .iter()
            .map(|&(number, value)| {
                let zeros = value.leading_zeros() as usize / 8;
                (number, value.to_be_bytes()[zeros..].to_vec())
            })
            .collect();
        self.ask_with(code, uri, payload, &options)
    }

    /// The same with options as they are.
    fn ask_with(
        &mut self,
        code: u8,
        uri: &str,
        payload: &[u8],
        options: &[(u16, Vec<u8>)],
    ) -> Response {
        let mut request = HeapMessage::new();
        request.set_code(code);
        let (path, query) = uri.split_once('?').unzip();
        let segments = path.unwrap_or(uri).split('/').skip(1);
        let queries = query.into_iter().flat_map(|query| query.split('&'));
        let mut options: Vec<_> = segments
            .map(|segment| (URI_PATH, segment.into()))
            .chain(queries.map(|query| (URI_QUERY, query.into())))
            .chain(options.iter().cloned())
            .collect();
        options.sort_by_key(|&(number, _)| number);
        for (number, value) in options {
            request.add_option(number, &value).unwrap();
        }
        request.set_payload(payload).unwrap();

        let (mut code, mut tail) = (0, vec![0; self.room]);
        let mut message = MessageMut::new_in_slice(&mut code, &mut tail);
        match self.resources.extract_request_data(&request) {
            Ok(data) => self
                .resources
                .build_response(&mut message, data)
                .expect("responses fit"),
            Err(error) => error
                .render(&mut message)
                .map_err(drop)
                .expect("errors fit"),
        }
        Response {
            code: message.code(),
            options: message
                .options()
                .map(|option| (option.number(), option.value().to_owned()))
                .collect(),
            payload: message.payload().to_owned(),
        }
    }

    fn get(&mut self, path: &str) -> Response {
        self.ask(GET, path, b"", &[])
    }

    fn expect(&mut self, wanted: u8, code: u8, path: &str, payload: &[u8]) {
        let response = self.ask(code, path, payload, &[]);
        assert_eq!(response.code, wanted, "{path}: {response:?}");
    }

    fn cbor(&mut self, path: &str) -> Value {
        let response = self.ask(GET, path, b"", &[(ACCEPT, 60)]);
        assert_eq!(
            (response.code, response.option(CONTENT_FORMAT)),
            (CONTENT, Some(60))
        );
        ciborium::from_reader(&response.payload[..]).unwrap()
    }

    /// All of a payload, by blocks of this size.
    fn blocks(&mut self, path: &str, exponent: u32) -> Vec<u8> {
        self.blocks_with(path, &[], exponent)
    }

    /// The same of CBOR.
    fn cbor_blocks(&mut self, path: &str) -> Value {
        let payload = self.blocks_with(path, &[(ACCEPT, 60)], 2);
        ciborium::from_reader(&payload[..]).unwrap()
    }

    fn blocks_with(&mut self, path: &str, accept: &[(u16, u32)], exponent: u32) -> Vec<u8> {
        let mut payload = Vec::new();
        for number in 0.. {
            let options = [accept, &[(BLOCK2, number << 4 | exponent)]].concat();
            let response = self.ask(GET, path, b"", &options);
            assert_eq!(response.code, CONTENT, "{response:?}");
            payload.extend(&response.payload);
            match response.option(BLOCK2) {
                Some(block) if block & 8 != 0 => {
                    assert_eq!(block, number << 4 | 8 | exponent);
                    assert_eq!(response.payload.len(), 16 << exponent);
                }
                _ => break,
            }
        }
        payload
    }
}

/// An image of this program, which calls these helpers.
fn image(program: &str, helpers: &[u16], capabilities: Capabilities) -> Vec<u8> {
    let text = assemble(program).unwrap();
    ImageParts {
        stack_size: 64,
        capabilities,
        text: text.as_slice().as_bytes(),
        functions: &[Function::new(0, 32)],
        helpers,
        rodata: &[],
        data: &[],
        bss_len: 0,
        keep_values: false,
        version: None,
    }
    .write()
    .unwrap()
}

/// Answers with a number.
fn number(number: u32) -> Vec<u8> {
    image(&format!("mov %r0, {number}\nexit"), &[], Capabilities::CORE)
}

fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let (_, value) = value
        .as_map()?
        .iter()
        .find(|(found, _)| found.as_text() == Some(key))?;
    Some(value)
}

/// Answers with 100 bytes, of which the first is the number of the run.
fn long() -> Vec<u8> {
    image(
        "mov %r6, %r1
         mov %r1, 7
         mov %r2, %r10
         add %r2, -8
         call 0x12
         ldxw %r7, [%r10-8]
         add %r7, 1
         mov %r1, 7
         mov %r2, %r7
         call 0x10
         mov %r1, %r6
         mov %r2, 0x45
         call 0x40
         mov %r1, %r6
         mov %r2, 1
         call 0x41
         mov %r8, %r0
         mov %r1, %r6
         call 0x43
         stxb [%r0], %r7
         mov %r0, %r8
         add %r0, 100
         exit",
        &[0x10, 0x12, 0x40, 0x41, 0x43],
        Capabilities::KV_LOCAL | Capabilities::COAP_RESPONSE,
    )
}

#[test]
fn an_empty_device() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    let links = server.get("/.well-known/core");
    assert_eq!(links.option(CONTENT_FORMAT), Some(40));
    assert_eq!(links.text(), "</rbpf>;ct=\"0 60\";obs");
    assert_eq!(server.get("/rbpf").text(), "");
    assert_eq!(server.cbor("/rbpf"), Value::Array(vec![]));
    assert_eq!(server.get("/rbpf/bindings").text(), "button -\n");
    for path in [
        "/",
        "/x",
        "/rbpfx",
        "/rbpf/x",
        "/rbpf/app/x",
        "/rbpf/kv/x/1",
        "/rbpf/app/x/y",
    ] {
        server.expect(NOT_FOUND, GET, path, b"");
    }
    for path in ["/rbpf", "/rbpf/stats", "/rbpf/app/x", "/.well-known/core"] {
        server.expect(METHOD_NOT_ALLOWED, POST, path, b"");
    }
    server.expect(BAD_REQUEST, GET, "/rbpf/kv/global/x", b"");
}

#[test]
fn the_life_of_a_container() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    assert_eq!(server.get("/a").text(), "1");
    assert_eq!(
        server.get("/rbpf").text(),
        "a state bound path /a bytes 44 runs 1 faults 0 instructions 2 longest 2 helpers 0\n"
    );
    assert_eq!(
        server.get("/.well-known/core").text(),
        "</rbpf>;ct=\"0 60\";obs,</a>"
    );
    server.expect(CHANGED, PUT, "/rbpf/app/a", &number(2));
    assert_eq!(server.get("/a").text(), "2", "replaced, and still bound");
    server.expect(UNPROCESSABLE, PUT, "/rbpf/app/a", b"nonsense");
    assert_eq!(server.get("/a").text(), "2", "still there");
    server.expect(CHANGED, POST, "/rbpf/unbind", b"/a");
    server.expect(NOT_FOUND, POST, "/rbpf/unbind", b"/a");
    server.expect(NOT_FOUND, GET, "/a", b"");
    server.expect(DELETED, DELETE, "/rbpf/app/a", b"");
    server.expect(NOT_FOUND, DELETE, "/rbpf/app/a", b"");
    assert_eq!(server.get("/rbpf").text(), "");
}

#[test]
fn several_containers_on_a_path() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for (name, result) in [("a", 0), ("b", 2)] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(result));
        server.expect(CHANGED, POST, &format!("/rbpf/bind/{name}"), b"/x");
    }
    assert_eq!(server.get("/x").text(), "2");
    assert_eq!(
        server.get("/rbpf/bindings").text(),
        "/x a events 1\n/x b events 1\nbutton -\n"
    );
    // One resource.
    assert_eq!(
        server.get("/.well-known/core").text(),
        "</rbpf>;ct=\"0 60\";obs,</x>"
    );
    server.expect(CHANGED, POST, "/rbpf/unbind/b", b"/x");
    assert_eq!(
        server.get("/x").text(),
        "0",
        "nobody is left to pass it on to"
    );
}

/// The path of an application's own is nobody else's, nor is its link.
#[test]
fn paths_of_the_application() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/app/before");
    fake.has_app.set(true);
    server.expect(CONFLICT, POST, "/rbpf/bind/a", b"/app");
    server.expect(CONFLICT, POST, "/rbpf/bind/a", b"/app/x");
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    assert_eq!(
        server.get("/.well-known/core").text(),
        "</rbpf>;ct=\"0 60\";obs,</a>"
    );
}

#[test]
fn what_is_bound_where() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/b", &number(2));
    for (wanted, name, target) in [
        (NOT_FOUND, "x", "/a"),
        (CONFLICT, "a", "/rbpf"),
        (CONFLICT, "a", "/rbpf/x"),
        (CONFLICT, "a", "/.well-known/core"),
        (NOT_FOUND, "a", "no hook"),
        (NOT_FOUND, "a", ""),
        (BAD_REQUEST, "a", "/\u{e4}"),
        (BAD_REQUEST, "a", "/3456789012345678901234567890123456"),
        (CHANGED, "a", "/a"),
        (CONFLICT, "a", "/a"),
        (CHANGED, "a", "button"),
        (CONFLICT, "a", "button"),
        (CHANGED, "b", "button"),
        (CHANGED, "b", "/b"),
        (SERVICE_UNAVAILABLE, "b", "/c"),
    ] {
        server.expect(
            wanted,
            POST,
            &format!("/rbpf/bind/{name}"),
            target.as_bytes(),
        );
    }
    server.expect(BAD_REQUEST, POST, "/rbpf/bind/a", b"/\xff");
    assert_eq!(
        server.get("/rbpf/bindings").text(),
        "/a a events 0\nbutton a events 0\nbutton b events 0\n/b b events 0\n"
    );
    server.expect(NOT_FOUND, POST, "/rbpf/unbind/x", b"button");
    server.expect(CHANGED, POST, "/rbpf/unbind/a", b"button");
    assert_eq!(
        server.get("/rbpf/bindings").text(),
        "/a a events 0\nbutton b events 0\n/b b events 0\n"
    );
    for _ in 0..3 {
        assert_eq!(server.get("/a").code, CONTENT);
    }
    let page = server.get("/rbpf/bindings");
    let counted = page.text();
    assert!(
        counted.starts_with("/a a events 3\nbutton b events 0\n"),
        "{counted}"
    );
}

/// A container that faults over and over answers no more until somebody lets
/// it, or a better one takes its place.
#[test]
fn quarantine() {
    let fake = Fake::new();
    fake.runtime.borrow_mut().set_fault_limit(2);
    let mut server = Server::new(&fake);
    let fault = image("ldxb %r0, [%r0]\nexit", &[], Capabilities::CORE);
    server.expect(CREATED, PUT, "/rbpf/app/a", &fault);
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    for _ in 0..2 {
        server.expect(INTERNAL_SERVER_ERROR, GET, "/a", b"");
        server.expect(INTERNAL_SERVER_ERROR, GET, "/a", b"");
        for _ in 0..3 {
            let refused = server.ask(GET, "/a", b"", &[]);
            assert_eq!(refused.code, SERVICE_UNAVAILABLE);
            assert_eq!(refused.text(), "in quarantine after faults");
        }
        let list = server.get("/rbpf").text().to_owned();
        assert!(list.starts_with("a state quarantined path /a "), "{list}");
        let list = server.cbor("/rbpf");
        let record = &list.as_array().unwrap()[0];
        assert_eq!(field(record, "state"), Some(&"quarantined".into()));
        server.expect(CHANGED, POST, "/rbpf/release/a", b"");
        let list = server.get("/rbpf").text().to_owned();
        assert!(list.starts_with("a state bound path /a "), "{list}");
    }
    server.expect(INTERNAL_SERVER_ERROR, GET, "/a", b"");
    server.expect(INTERNAL_SERVER_ERROR, GET, "/a", b"");
    server.expect(CHANGED, PUT, "/rbpf/app/a", &number(1));
    assert_eq!(server.get("/a").text(), "1");
    server.expect(NOT_FOUND, POST, "/rbpf/release/x", b"");
    server.expect(METHOD_NOT_ALLOWED, GET, "/rbpf/release/a", b"");
    server.expect(METHOD_NOT_ALLOWED, POST, "/rbpf/release", b"");
}

#[test]
fn slots_and_what_is_in_them() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    // How much room there is depends on how the memory is aligned.
    let mut states = |expected: [&str; SLOTS]| {
        let page = server.get("/rbpf/slots");
        let lines = page.text().lines().map(|line| {
            let (before, room) = line.split_once(" room ").unwrap();
            let (room, after) = room.split_once(' ').unwrap_or((room, ""));
            let room: usize = room.parse().unwrap();
            assert!((IMAGE..=IMAGE + 8).contains(&room), "{line}");
            format!("{before} {after}").trim_end().to_owned()
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    };
    states([
        "slot 0 state empty generation 0",
        "slot 1 state empty generation 0",
        "slot 2 state empty generation 0",
    ]);
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/b", &number(2));
    server.expect(CHANGED, POST, "/rbpf/bind/b", b"/b");
    server.expect(CREATED, PUT, "/rbpf/app/c", &number(3));
    server.expect(DELETED, DELETE, "/rbpf/app/c", b"");
    states([
        "slot 0 state verified generation 0 name a bytes 44",
        "slot 1 state bound generation 0 name b bytes 44",
        "slot 2 state empty generation 1",
    ]);
    let fault = image("ldxb %r0, [%r0]\nexit", &[], Capabilities::empty());
    server.expect(CHANGED, PUT, "/rbpf/app/b", &fault);
    fake.runtime.borrow_mut().set_fault_limit(1);
    server.get("/b");
    let slots = server.cbor("/rbpf/slots");
    let slots = slots.as_array().unwrap();
    assert_eq!(slots.len(), SLOTS);
    assert_eq!(field(&slots[1], "slot"), Some(&1.into()));
    assert_eq!(field(&slots[1], "state"), Some(&"quarantined".into()));
    assert_eq!(field(&slots[1], "generation"), Some(&1.into()));
    assert_eq!(field(&slots[1], "name"), Some(&"b".into()));
    assert_eq!(field(&slots[2], "name"), None);
}

/// A device with two tenants: `alice` may have little, `bob` nothing.
fn with_tenants() -> Fake {
    let fake = Fake::new();
    let alice = Allowance {
        capabilities: Capabilities::KV_TENANT,
        slots: 1,
        bindings: 1,
        values: 2,
        paused: 0,
        rate: 0,
    };
    let bob = Allowance { slots: 0, ..alice };
    let mut runtime = fake.runtime.borrow_mut();
    runtime.add_tenant("alice", alice).unwrap();
    runtime.add_tenant("bob", bob).unwrap();
    drop(runtime);
    fake
}

#[test]
fn tenants_change_what_is_theirs() {
    let fake = with_tenants();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/own", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/a?tenant=alice", &number(2));
    let list = server.get("/rbpf");
    assert_eq!(
        list.text(),
        "own state verified path - bytes 44 runs 0 faults 0 instructions 0 longest 0 helpers 0\n\
         a state verified path - bytes 44 runs 0 faults 0 instructions 0 longest 0 helpers 0 \
         tenant alice\n"
    );
    // Within its allowance
    server.expect(
        SERVICE_UNAVAILABLE,
        PUT,
        "/rbpf/app/b?tenant=alice",
        &number(2),
    );
    server.expect(
        SERVICE_UNAVAILABLE,
        PUT,
        "/rbpf/app/b?tenant=bob",
        &number(2),
    );
    let greedy = image("call 0x11\nexit", &[0x11], Capabilities::KV_GLOBAL);
    server.expect(UNPROCESSABLE, PUT, "/rbpf/app/a?tenant=alice", &greedy);
    server.expect(CHANGED, POST, "/rbpf/bind/a?tenant=alice", b"/a");
    server.expect(
        SERVICE_UNAVAILABLE,
        POST,
        "/rbpf/bind/a?tenant=alice",
        b"button",
    );
    // Nobody else's
    for (code, path, payload) in [
        (PUT, "/rbpf/app/own", &number(3)[..]),
        (DELETE, "/rbpf/app/own", b""),
        (POST, "/rbpf/bind/own", b"/own"),
        (POST, "/rbpf/release/own", b""),
        (POST, "/rbpf/unbind/own", b"/own"),
        (POST, "/rbpf/unbind", b"/a"),
    ] {
        server.expect(FORBIDDEN, code, &format!("{path}?tenant=alice"), payload);
    }
    server.expect(FORBIDDEN, DELETE, "/rbpf/app/a?tenant=bob", b"");
    // Tenants that there are not, and names that are none
    for tenant in ["carol", &"x".repeat(17), "é"] {
        let path = format!("/rbpf/app/c?tenant={tenant}");
        server.expect(NOT_FOUND, PUT, &path, &number(3));
    }
    for query in [
        "tenant=",
        "tenant",
        "tenants=alice",
        "",
        "tenant=al&tenant=ice",
        "tenant=alice&x",
    ] {
        server.expect(BAD_OPTION, PUT, &format!("/rbpf/app/c?{query}"), &number(3));
    }
    server.expect(BAD_OPTION, GET, "/rbpf?tenant=alice", b"");
    // The operator may change all of them, and a replaced one is still a tenant's.
    server.expect(CHANGED, PUT, "/rbpf/app/a", &number(4));
    server.expect(CHANGED, PUT, "/rbpf/app/a?tenant=alice", &number(5));
    server.expect(CHANGED, POST, "/rbpf/unbind/a?tenant=alice", b"/a");
    server.expect(DELETED, DELETE, "/rbpf/app/a?tenant=alice", b"");
}

#[test]
fn tenants_and_their_stores() {
    let fake = with_tenants();
    let mut server = Server::new(&fake);
    let storing = image(
        "mov %r1, 3\nmov %r2, 9\ncall 0x14\nexit",
        &[0x14],
        Capabilities::KV_TENANT,
    );
    server.expect(CREATED, PUT, "/rbpf/app/a?tenant=alice", &storing);
    server.expect(CREATED, PUT, "/rbpf/app/own", &storing);
    for (name, path) in [("a", "/a"), ("own", "/own")] {
        server.expect(
            CHANGED,
            POST,
            &format!("/rbpf/bind/{name}"),
            path.as_bytes(),
        );
        assert_ne!(server.get(path).code, NOT_FOUND);
    }
    let values = server.get("/rbpf/kv");
    assert_eq!(
        values.text(),
        "@ key 3 value 9 owner own\n@alice key 3 value 9 owner a\n"
    );
    assert_eq!(server.get("/rbpf/kv/@alice/3").text(), "9");
    assert_eq!(server.get("/rbpf/kv/@/3").text(), "9");
    for path in ["/rbpf/kv/@bob/3", "/rbpf/kv/@carol/3", "/rbpf/kv/@@/3"] {
        assert_eq!(server.get(path).code, NOT_FOUND, "{path}");
    }
    assert_eq!(
        server.get("/rbpf/tenants").text(),
        "alice slots 1 slots-max 1 bindings 1 bindings-max 1 values 1 values-max 2 rate 0\n\
         bob slots 0 slots-max 0 bindings 0 bindings-max 1 values 0 values-max 2 rate 0\n"
    );
    let tenants = server.cbor("/rbpf/tenants");
    let alice = &tenants.as_array().unwrap()[0];
    assert_eq!(field(alice, "name").unwrap().as_text(), Some("alice"));
    assert_eq!(field(alice, "values"), Some(&Value::from(1)));
    server.expect(METHOD_NOT_ALLOWED, POST, "/rbpf/tenants", b"");
    // No container is called as a store is.
    server.expect(BAD_REQUEST, PUT, "/rbpf/app/@alice", &storing);
}

#[test]
fn nothing_changes_where_nobody_may() {
    let mut fake = Fake::new();
    fake.may_change = false;
    let mut server = Server::new(&fake);
    server.expect(METHOD_NOT_ALLOWED, PUT, "/rbpf/app/a", &number(1));
    server.expect(METHOD_NOT_ALLOWED, DELETE, "/rbpf/app/a", b"");
    server.expect(NOT_FOUND, POST, "/rbpf/bind/a", b"/a");
    server.expect(NOT_FOUND, POST, "/rbpf/unbind", b"/a");
    server.expect(NOT_FOUND, POST, "/rbpf/release/a", b"");
    assert_eq!(server.get("/rbpf").text(), "");
}

#[test]
fn strangers_see_no_values_logs_and_registers() {
    let mut fake = with_tenants();
    let store = |helper: u16| format!("mov %r1, 3\nmov %r2, 0x5ec2e75e\ncall {helper}\n");
    let program = [0x10, 0x11, 0x14].map(store).concat();
    let program = image(
        &format!("{program}lddw %r7, 0x7e2ce57e2ce5\nldxw %r0, [%r7+0]\nexit"),
        &[0x10, 0x11, 0x14],
        Capabilities::all(),
    );
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &program);
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    server.expect(INTERNAL_SERVER_ERROR, GET, "/a", b"");
    fake.log.borrow_mut().push(b"a: whisper\n");
    let paths = [
        "/rbpf/kv",
        "/rbpf/kv/a/3",
        "/rbpf/kv/@/3",
        "/rbpf/kv/global/3",
        "/rbpf/log",
        "/rbpf/log/0",
    ];
    for path in paths {
        server.expect(CONTENT, GET, path, b"");
    }
    let whole = server.blocks("/rbpf/faults", 2);
    fake.exposes = false;
    let mut server = Server::new(&fake);
    for path in paths {
        for options in [&[][..], &[(ACCEPT, 60)], &[(BLOCK2, 0x12)]] {
            let response = server.ask(GET, path, b"", options);
            let text = "values and logs are not shown (expose)";
            assert_eq!((response.code, response.text()), (FORBIDDEN, text));
        }
    }
    for path in [
        "/rbpf/kv/",
        "/rbpf/kv/global",
        "/rbpf/kv/a/x",
        "/rbpf/kv/a/3/4",
    ] {
        server.expect(FORBIDDEN, GET, path, b"");
    }
    server.expect(METHOD_NOT_ALLOWED, POST, "/rbpf/kv", b"");
    server.expect(METHOD_NOT_ALLOWED, POST, "/rbpf/log", b"");
    // A fault without what was in the registers, in its address too; the rest is the same.
    let faults = String::from_utf8(server.blocks("/rbpf/faults", 2)).unwrap();
    let whole = String::from_utf8(whole).unwrap();
    let hidden = whole.replace("address 0x7e2ce57e2ce5 ", "address 0xffffffff ");
    assert_ne!(hidden, whole);
    assert_eq!(Some(faults.trim_end()), hidden.split(" registers ").next());
    let faults = server.cbor_blocks("/rbpf/faults");
    let fault = &faults.as_array().unwrap()[0];
    assert!(field(fault, "digest").is_some() && field(fault, "registers").is_none());
    assert_eq!(field(fault, "address"), Some(&0xffff_ffffu32.into()));
    let response = server.ask(GET, "/a", b"", &[]);
    assert!(response.text().ends_with("address 0xffffffff"));
    for path in ["/rbpf", "/rbpf/app/a"] {
        let text = String::from_utf8(server.blocks(path, 2)).unwrap();
        assert!(text.contains("address 0xffffffff") && !text.contains("7e2c"));
    }
    // Of an address, the region is no secret, and what of it may be is all ones.
    for (address, shown) in [
        (0, "0x0"),
        (1, "0xffffff"),
        (0x02ab_cdef, "0x2ffffff"),
        (0x07ab_cdef, "0x7ffffff"),
        (0x0800_0000, "0xffffffff"),
        (u64::MAX, "0xffffffff"),
    ] {
        let program = format!("lddw %r7, {address}\nldxw %r0, [%r7+0]\nexit");
        let program = image(&program, &[], Capabilities::all());
        server.expect(CHANGED, PUT, "/rbpf/app/a", &program);
        let response = server.ask(GET, "/a", b"", &[]);
        let text = format!("fault InvalidRead pc 2 address {shown}");
        assert_eq!(response.text(), text);
    }
    // Tenants are as strange as others.
    server.expect(FORBIDDEN, GET, "/rbpf/kv/@alice/3", b"");
}

#[test]
fn records_in_cbor() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    let fault = image(
        "mov %r1, 0\nldxw %r0, [%r1+4]\nexit",
        &[],
        Capabilities::LOG,
    );
    server.expect(CREATED, PUT, "/rbpf/app/fault", &fault);
    server.expect(CREATED, PUT, "/rbpf/app/long", &long());
    server.expect(CHANGED, POST, "/rbpf/bind/fault", b"/fault");
    server.expect(CHANGED, POST, "/rbpf/bind/long", b"/long");
    server.expect(INTERNAL_SERVER_ERROR, GET, "/fault", b"");
    server.get("/long");

    let fault = server.cbor("/rbpf/app/fault");
    for (key, wanted) in [
        ("name", "fault".into()),
        ("state", "bound".into()),
        ("path", "/fault".into()),
        ("runs", 1.into()),
        ("faults", 1.into()),
        ("fault", "InvalidRead".into()),
        ("pc", 1.into()),
        ("address", 4.into()),
        ("slot", 0.into()),
        ("granted", Value::Array(vec!["log".into()])),
        ("bound", Value::Array(vec!["/fault".into()])),
    ] {
        assert_eq!(field(&fault, key), Some(&wanted), "{key}");
    }
    let values = server.cbor("/rbpf/kv");
    let value = &values.as_array().unwrap()[0];
    assert_eq!(field(value, "store"), Some(&"long".into()));
    assert_eq!(field(value, "key"), Some(&7.into()));
    assert_eq!(field(value, "value"), Some(&1.into()));
    assert_eq!(server.cbor("/rbpf/kv/long/7"), 1.into());
    assert_eq!(server.get("/rbpf/kv/long/7").text(), "1");
    let bindings = server.cbor("/rbpf/bindings");
    let names: Vec<_> = bindings
        .as_array()
        .unwrap()
        .iter()
        .map(|one| field(one, "name"))
        .collect();
    assert_eq!(
        names,
        [
            Some(&"fault".into()),
            Some(&"long".into()),
            Some(&"-".into())
        ]
    );
    let stats = server.cbor("/rbpf/stats");
    assert_eq!(field(&stats, "slots"), Some(&2.into()));
    assert_eq!(field(&stats, "slots-max"), Some(&3.into()));
    assert_eq!(field(&stats, "jobs"), Some(&7.into()));

    // Longer than a page, so in blocks.
    let list = server.cbor_blocks("/rbpf");
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn the_last_faults_and_whose_they_are() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    assert_eq!(server.get("/rbpf/faults").text(), "");
    let mut fault = image(
        "mov %r3, 7\nldxw %r0, [%r3+4]\nexit",
        &[],
        Capabilities::LOG,
    );
    fault[5] |= rbpf_abi::image::HAS_VERSION;
    fault.extend(3_u32.to_le_bytes());
    server.expect(CREATED, PUT, "/rbpf/app/fault", &fault);
    server.expect(CHANGED, POST, "/rbpf/bind/fault", b"/fault");
    for _ in 0..3 {
        server.expect(INTERNAL_SERVER_ERROR, GET, "/fault", b"");
    }
    let digest = format!("{:02x}{}", fault.len(), "a5".repeat(31));
    let line = |generation: u32, image: &str| {
        format!(
            "fault fault InvalidRead pc 1 address 0xb ms 70 slot 0 generation {generation}{image} \
             registers 0x0,0x2000000,0x28,0x7,0x0,0x0,0x0,0x0,0x0,0x0,0x1000020\n"
        )
    };
    let known = line(0, &format!(" version 3 digest {digest}"));
    // Two are kept.
    let page = String::from_utf8(server.blocks("/rbpf/faults", 2)).unwrap();
    assert_eq!(page, known.repeat(2));
    assert!(server.get("/rbpf/app/fault").text().contains(" version 3 "));
    assert!(
        server
            .get("/rbpf/app/fault")
            .text()
            .contains(&format!("\ndigest {digest}\n"))
    );

    let faults = server.cbor_blocks("/rbpf/faults");
    let first = &faults.as_array().unwrap()[0];
    for (key, wanted) in [
        ("name", "fault".into()),
        ("fault", "InvalidRead".into()),
        ("pc", 1.into()),
        ("address", 11.into()),
        ("ms", 70.into()),
        ("slot", 0.into()),
        ("generation", 0.into()),
        ("version", 3.into()),
    ] {
        assert_eq!(field(first, key), Some(&wanted), "{key}");
    }
    let bytes = field(first, "digest").unwrap().as_bytes().unwrap();
    assert_eq!((bytes.len(), bytes[1]), (32, 0xa5));
    let registers = field(first, "registers").unwrap().as_array().unwrap();
    assert_eq!((registers.len(), &registers[3]), (11, &Value::from(7)));

    // What its image was is not known once another has taken its place.
    server.expect(CHANGED, PUT, "/rbpf/app/fault", &number(1));
    let page = String::from_utf8(server.blocks("/rbpf/faults", 2)).unwrap();
    assert_eq!(page, line(0, "").repeat(2));
    server.expect(METHOD_NOT_ALLOWED, DELETE, "/rbpf/faults", b"");
}

#[test]
fn formats_that_there_are() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    for (path, accept, wanted) in [
        ("/rbpf", 0, CONTENT),
        ("/rbpf", 60, CONTENT),
        ("/rbpf", 50, NOT_ACCEPTABLE),
        ("/rbpf", 40, NOT_ACCEPTABLE),
        ("/.well-known/core", 40, CONTENT),
        ("/.well-known/core", 0, NOT_ACCEPTABLE),
        ("/a", 0, CONTENT),
        ("/a", 60, NOT_ACCEPTABLE),
    ] {
        let response = server.ask(GET, path, b"", &[(ACCEPT, accept)]);
        assert_eq!(response.code, wanted, "{path} {accept}");
    }
}

#[test]
fn options_that_are_not_understood() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for (options, wanted) in [
        (&[(9999, 1)][..], BAD_OPTION),
        (&[(9998, 1)], CONTENT),
        (&[(URI_QUERY, 0x78)], BAD_OPTION),
        (&[(BLOCK2, 7)], BAD_OPTION),
        (&[(BLOCK2, 0x0100_0000)], BAD_OPTION),
        (&[(ACCEPT, 0x01_0000)], BAD_OPTION),
        (&[(BLOCK2, 0xff_fff6)], BAD_REQUEST),
    ] {
        let response = server.ask(GET, "/rbpf/stats", b"", options);
        assert_eq!(response.code, wanted, "{options:x?}");
    }
    let long = format!("/{}", "x".repeat(200));
    server.expect(NOT_FOUND, GET, &long, b"");
}

#[test]
fn lists_in_blocks() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for name in ["a", "b", "c"] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(1));
    }
    let whole = String::from_utf8(server.blocks("/rbpf", 0)).unwrap();
    assert_eq!(whole.lines().count(), 3);
    assert_eq!(server.blocks("/rbpf", 2), whole.as_bytes());
    assert_eq!(server.blocks("/rbpf", 4), whole.as_bytes());

    // The server begins with blocks on its own, where it lacks room.
    server.room = 90;
    let response = server.get("/rbpf");
    assert_eq!(response.option(BLOCK2), Some(8 | 2));
    assert_eq!(response.payload, &whole.as_bytes()[..64]);
    let response = server.ask(GET, "/rbpf", b"", &[(BLOCK2, 1 << 4 | 2)]);
    assert_eq!(response.payload, &whole.as_bytes()[64..128]);
    let response = server.ask(GET, "/rbpf", b"", &[(BLOCK2, 99 << 4 | 2)]);
    assert_eq!(response.code, BAD_REQUEST);
}

#[test]
fn a_response_in_blocks_is_of_one_run() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &long());
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    server.expect(CREATED, PUT, "/rbpf/app/b", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/b", b"/b");

    let whole = server.get("/a");
    assert_eq!((whole.payload.len(), whole.payload[0]), (100, 1));
    assert_eq!((whole.option(BLOCK2), whole.option(ETAG)), (None, None));

    let first = server.ask(GET, "/a", b"", &[(BLOCK2, 2)]);
    assert_eq!((first.payload.len(), first.payload[0]), (64, 2));
    assert_eq!(first.option(BLOCK2), Some(8 | 2));
    let second = server.ask(GET, "/a", b"", &[(BLOCK2, 1 << 4 | 2)]);
    assert_eq!(second.payload, [0; 36]);
    assert_eq!(second.option(BLOCK2), Some(1 << 4 | 2));
    assert_eq!(second.option(ETAG), first.option(ETAG));
    assert_eq!(server.get("/rbpf/kv/a/7").text(), "2", "run once for both");

    server.room = 90;
    let third = server.get("/a");
    assert_eq!((third.payload.len(), third.payload[0]), (64, 3));
    assert_ne!(third.option(ETAG), first.option(ETAG));

    // A short response of another takes nobody's place, who ever asks for it.
    server.get("/b");
    let rest = server.ask(GET, "/a", b"", &[(BLOCK2, 1 << 4 | 2)]);
    assert_eq!(
        (rest.payload.len(), rest.option(ETAG)),
        (36, third.option(ETAG))
    );
    assert_eq!(server.get("/rbpf/kv/a/7").text(), "3", "not run again");

    // A long one does: a GET is done again, nothing else is.
    server.expect(CREATED, PUT, "/rbpf/app/c", &long());
    server.expect(CHANGED, POST, "/rbpf/bind/c", b"/c");
    server.get("/c");
    let rest = server.ask(GET, "/a", b"", &[(BLOCK2, 1 << 4 | 2)]);
    assert_eq!((rest.code, rest.payload.len()), (CONTENT, 36));
    assert_eq!(server.get("/rbpf/kv/a/7").text(), "4");
    server.get("/c");
    let rest = server.ask(POST, "/a", b"", &[(BLOCK2, 1 << 4 | 2)]);
    assert_eq!(rest.code, INCOMPLETE);
    let part = |server: &mut Server<'_>| server.ask(POST, "/a", b"", &[(BLOCK2, 1 << 4 | 2)]);
    server.ask(POST, "/a", b"", &[]);
    assert_eq!(part(&mut server).code, CONTENT);
    // As does a short one to the same request.
    server.room = 200;
    server.ask(POST, "/a", b"", &[]);
    assert_eq!(part(&mut server).code, INCOMPLETE);
    let beyond = server.ask(GET, "/a", b"", &[(BLOCK2, 2 << 4 | 2)]);
    assert_eq!(beyond.code, BAD_REQUEST);
}

#[test]
fn an_image_in_blocks() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    let image = long();
    let mut put = |wanted: u8, number: u32, more: bool, data: &[u8]| {
        let block = number << 4 | u32::from(more) << 3 | 2;
        let response = server.ask(PUT, "/rbpf/app/a", data, &[(BLOCK1, block)]);
        assert_eq!(response.code, wanted, "block {number}: {response:?}");
        if wanted < BAD_REQUEST {
            assert_eq!(response.option(BLOCK1), Some(block));
        }
    };
    put(INCOMPLETE, 1, true, &image[64..128]);
    put(CONTINUE, 0, true, &image[..64]);
    put(CONTINUE, 0, true, &image[..64]);
    put(INCOMPLETE, 2, true, &image[128..192]);
    put(BAD_REQUEST, 1, true, &image[64..100]);
    put(CONTINUE, 1, true, &image[64..128]);
    put(INCOMPLETE, 0xf_ffff, true, &image[..64]);
}

#[test]
fn the_last_block_twice_is_installed_once() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    let image = long();
    let last = image.len() / 64;
    let mut upload = |wanted: u8| {
        for (number, data) in image.chunks(64).enumerate() {
            let more = number < last;
            let block = (number as u32) << 4 | u32::from(more) << 3 | 2;
            for _ in 0..2 {
                let response = server.ask(PUT, "/rbpf/app/a", data, &[(BLOCK1, block)]);
                let expected = if more { CONTINUE } else { wanted };
                assert_eq!(response.code, expected, "block {number}: {response:?}");
            }
        }
        fake.runtime.borrow().apps().next().unwrap().id
    };
    let id = upload(CREATED);
    let (old, new) = (id, upload(CHANGED));
    assert_ne!(old, new, "replaced");
}

#[test]
fn payloads_and_images_that_are_too_large() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    server.expect(CONTENT, POST, "/a", &[0; PAGE]);
    server.expect(TOO_LARGE, POST, "/a", &[0; PAGE + 1]);
    let response = server.ask(POST, "/a", &[0; 64], &[(BLOCK1, 8 | 2)]);
    assert_eq!(response.code, TOO_LARGE);
    server.expect(TOO_LARGE, PUT, "/rbpf/app/b", &[0; IMAGE + 1]);
    server.expect(BAD_REQUEST, PUT, "/rbpf/app/12345678901234567", &number(1));
    server.expect(BAD_REQUEST, PUT, "/rbpf/app/", &number(1));
}
