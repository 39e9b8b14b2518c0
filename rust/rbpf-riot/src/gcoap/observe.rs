// SPDX-License-Identifier: MIT OR Apache-2.0
//! Observers of the module's resources (RFC 7641).
//!
//! gcoap's own observers are not used: there is one a resource, it is registered before
//! the resource is asked, and nobody but the observer can end it. Who observes what,
//! and when they are told, is `rbpf-device`'s business, as on a workstation.
//!
//! The worker tells of changes, and wakes gcoap's thread if there are observers. That
//! one asks the worker on their behalf, as for any request, and sends what it answers;
//! one observer a turn, so that requests are not kept waiting. A socket of our own on
//! gcoap's port, made with the first observer, sees acknowledgements and resets, which
//! gcoap shows nobody. So gcoap's thread alone knows who observes.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use heapless::Vec;
use rbpf_device::coap::{Head, MAX_HEAD, Observation, Reply, Resources, Wish};
use rbpf_device::observe::{self, Observer, Observers, Published};
use rbpf_runtime::AppId;
use riot_sys::{coap_pkt_t, coap_request_ctx_t, sock_udp_ep_t, sock_udp_t};

use super::peer::{self, Linked, UDP};
use super::{Handler, Queue};
use crate::config::{BINDINGS, OBSERVE_INTERVAL, OBSERVERS};
use crate::queue::Ticket;
use crate::sys::alarm::Alarm;
use crate::sys::{self, Lock};
use crate::worker::PAGE;

// What gcoap has for its forward proxy, which declares it like this: no header does.
unsafe extern "C" {
    /// Has gcoap's thread handle an `event_t`; from any context.
    fn gcoap_forward_proxy_post_event(event: *mut c_void);
    /// An id for a message.
    fn gcoap_next_msg_id() -> u16;
}

/// Bytes of an empty message.
const EMPTY: usize = 4;
/// Its first byte, without the type: version 1, no token.
const EMPTY_HEAD: u8 = 1 << 6;
const ACKNOWLEDGEMENT: u8 = 2 << 4;
const RESET: u8 = 3 << 4;

/// Where an observer is.
#[derive(Clone, Copy)]
struct Peer {
    remote: sock_udp_ep_t,
    /// Where it has asked, and is answered from.
    local: sock_udp_ep_t,
    /// Whether it has shown that it receives.
    is_known: bool,
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both are endpoints that RIOT has filled in.
        unsafe { riot_sys::sock_tl_ep_equal(&self.remote, &other.remote) }
    }
}

impl observe::Peer for Peer {
    fn address(&self) -> u128 {
        // SAFETY: RIOT has filled the endpoint in.
        unsafe { peer::address(&self.remote) }
    }
}

/// The observers.
type Table = Observers<Peer, { OBSERVERS as usize }, OBSERVE_INTERVAL>;

/// Who asks.
struct Asking {
    peer: Peer,
    token: Vec<u8, 8>,
}

static PUBLISHED: Lock<Published<{ BINDINGS as usize }>> = Lock::new(Published::new());
static TABLE: Lock<Table> = Lock::new(Table::new());

/// Of the request that gcoap's thread handles: who asks, if they can be told
/// something later, and the version of the path before it was asked.
static ASKING: Lock<(Option<Asking>, Option<u32>)> = Lock::new((None, None));

/// The handler with the resources, which gcoap's thread alone uses.
static RESOURCES: AtomicPtr<Handler> = AtomicPtr::new(ptr::null_mut());

/// Has gcoap's thread look at messages, and tell one observer.
static EVENT: Linked<riot_sys::event_t> = Linked(UnsafeCell::new(riot_sys::event_t {
    list_node: riot_sys::list_node {
        next: ptr::null_mut(),
    },
    handler: Some(turn),
}));
/// Does it later.
static ALARM: Alarm = Alarm::new(on_alarm);

static SOCKET: Linked<MaybeUninit<sock_udp_t>> = Linked(UnsafeCell::new(MaybeUninit::uninit()));
static IS_LISTENING: AtomicBool = AtomicBool::new(false);
static MESSAGE: Lock<[u8; MAX_HEAD + PAGE]> = Lock::new([0; MAX_HEAD + PAGE]);

/// The version of a path; `None` if no container answers there.
fn version(path: &str) -> Option<u32> {
    published(path.as_bytes())
}

fn published(path: &[u8]) -> Option<u32> {
    PUBLISHED
        .with(|published| published.version(path))
        .flatten()
}

/// Tells which containers answer on which path from now on. For the worker.
pub(super) fn publish<'p>(paths: impl Iterator<Item = (&'p str, AppId)>) {
    PUBLISHED.with(|published| published.publish(paths));
    wake();
}

/// What a container answers has changed. For the worker.
pub(crate) fn change(app: AppId) {
    PUBLISHED.with(|published| published.change(app));
    wake();
}

/// Has gcoap's thread look who is to be told something, if there are observers.
fn wake() {
    if TABLE.with(|table| table.is_empty()) == Some(false) {
        post();
    }
}

/// Has gcoap's thread take its turn. From any context, once somebody has asked: gcoap
/// runs then.
fn post() {
    // SAFETY: the event is static, and gcoap runs.
    unsafe { gcoap_forward_proxy_post_event(EVENT.0.get().cast()) }
}

/// What the timer calls.
extern "C" fn on_alarm(_: *mut c_void) {
    post();
}

/// Has the resources asked on behalf of observers, from gcoap's thread.
///
/// # Safety
///
/// The listener has one resource, whose context is a [`Handler`], and is not registered
/// yet.
pub(super) unsafe fn lend(listener: &riot_sys::gcoap_listener_t) {
    // SAFETY: the caller's promise.
    let context = unsafe { (*listener.resources).context };
    RESOURCES.store(context.cast(), Ordering::Relaxed);
}

/// A request for a path is about to be handled.
pub(super) fn look_at(path: &[u8]) {
    ASKING.with(|(_, version)| *version = published(path));
}

/// Looks who asks, of a request that is about to be handled.
///
/// # Safety
///
/// They point to a parsed request and its context.
pub(super) unsafe fn look_who_asks(request: *const coap_pkt_t, context: *const coap_request_ctx_t) {
    // SAFETY: the caller's promise.
    let asking = unsafe { asking(request, context) };
    ASKING.with(|(who, _)| *who = asking);
}

/// Who asks, if they can be told something later: not by a request to a group, and
/// not over DTLS, whose messages have another way.
///
/// # Safety
///
/// They point to a parsed request and its context.
unsafe fn asking(request: *const coap_pkt_t, context: *const coap_request_ctx_t) -> Option<Asking> {
    // SAFETY: the caller's promise; gcoap knows the remote endpoint of a request over
    // UDP, the local one may be missing, and a parsed request has its whole token.
    unsafe {
        let context = &*context;
        let local = context.__bindgen_anon_2.local_udp;
        if context.tl_type != UDP || local.is_null() {
            return None;
        }
        let length = riot_sys::inline::coap_get_token_len(request.cast()) as usize;
        let token = riot_sys::inline::coap_get_token(request.cast());
        Some(Asking {
            peer: Peer {
                remote: *context.__bindgen_anon_1.remote_udp,
                local: *local,
                is_known: false,
            },
            token: Vec::from_slice(core::slice::from_raw_parts(token.cast(), length)).ok()?,
        })
    }
}

/// Does what the request wishes that gcoap's thread handles: the number for the
/// option Observe of its response.
pub(super) fn obey(wish: &Wish<'_>) -> Option<u32> {
    let obeyed = ASKING.with(|(who, published)| {
        let Asking { peer, token } = who.as_ref()?;
        match *wish {
            Wish::Deregister => {
                TABLE.with(|table| table.deregister(peer, token));
                None
            }
            Wish::Register {
                path,
                format,
                version,
                is_known,
            } => {
                listen(&peer.local)?;
                let (version, now) = (published.unwrap_or(version), sys::now_ms());
                let peer = Peer { is_known, ..*peer };
                let register =
                    |table: &mut Table| table.register(peer, token, path, format, version, now);
                TABLE.with(register).flatten()
            }
        }
    });
    wake();
    obeyed.flatten()
}

/// Has the socket see what comes to gcoap's port, too. Once.
fn listen(gcoap: &sock_udp_ep_t) -> Option<()> {
    if IS_LISTENING.load(Ordering::Relaxed) {
        return Some(());
    }
    // On all addresses.
    let local = sock_udp_ep_t {
        family: gcoap.family,
        port: gcoap.port,
        ..sock_udp_ep_t::default()
    };
    let socket = SOCKET.0.get().cast();
    // SAFETY: the socket is static, and not in use yet: gcoap's thread alone is here.
    let created = unsafe {
        riot_sys::sock_udp_create(
            socket,
            &local,
            ptr::null(),
            riot_sys::SOCK_FLAGS_REUSE_EP as u16,
        )
    };
    if created != 0 {
        return None;
    }
    // SAFETY: it has been made.
    unsafe { riot_sys::sock_udp_set_cb(socket, Some(received), ptr::null_mut()) };
    IS_LISTENING.store(true, Ordering::Relaxed);
    Some(())
}

/// A message has come to gcoap's port. The thread of the network stack calls it, whose
/// stack is small: gcoap's thread looks at it.
unsafe extern "C" fn received(_: *mut sock_udp_t, _: riot_sys::sock_async_flags_t, _: *mut c_void) {
    post();
}

/// Looks at the messages that have come to the socket.
fn look_at_messages() {
    let mut message = Received {
        data: ptr::null_mut(),
        packet: ptr::null_mut(),
        remote: sock_udp_ep_t::default(),
    };
    while IS_LISTENING.load(Ordering::Relaxed) {
        let length = message.proceed();
        if message.packet.is_null() {
            return;
        }
        if usize::try_from(length) == Ok(EMPTY) {
            // SAFETY: there are so many bytes, until the packet is given back.
            let bytes = unsafe { *message.data.cast::<[u8; EMPTY]>() };
            look_into(bytes, message.remote);
        }
        message.proceed();
    }
}

/// A message that has come to the socket.
struct Received {
    data: *mut c_void,
    /// Where it lies; null if there is none.
    packet: *mut c_void,
    remote: sock_udp_ep_t,
}

impl Received {
    /// Gives the message back, if there is one, or takes the next: its length, or an
    /// error. Does not wait.
    fn proceed(&mut self) -> riot_sys::ssize_t {
        // SAFETY: the socket was made, and all others are writable.
        unsafe {
            riot_sys::sock_udp_recv_buf_aux(
                SOCKET.0.get().cast(),
                &mut self.data,
                &mut self.packet,
                0,
                &mut self.remote,
                ptr::null_mut(),
            )
        }
    }
}

/// An acknowledgement or a reset, if it is one.
fn look_into([head, code, high, low]: [u8; EMPTY], remote: sock_udp_ep_t) {
    let id = u16::from_be_bytes([high, low]);
    let peer = Peer {
        remote,
        local: remote,
        is_known: false,
    };
    match (head ^ EMPTY_HEAD, code) {
        (ACKNOWLEDGEMENT, 0) => {
            TABLE.with(|table| table.acknowledge(&peer, id, sys::now_ms()));
        }
        (RESET, 0) => {
            TABLE.with(|table| table.reset(&peer, id));
        }
        _ => {}
    }
}

/// Looks at messages, tells one observer, or sees to it that it is looked again when there may be
/// something to tell. gcoap calls it in its thread.
unsafe extern "C" fn turn(_: *mut riot_sys::event_t) {
    look_at_messages();
    let now = sys::now_ms();
    let due = TABLE.with(|table| table.take_due(now, version));
    if let Some(observer) = due.flatten() {
        // SAFETY: it is this thread's alone, which handles no request now.
        if let Some(handler) = unsafe { RESOURCES.load(Ordering::Relaxed).as_mut() } {
            tell(&mut handler.0, observer);
        }
        wake();
        return;
    }
    let next = TABLE.with(|table| table.next(now, version));
    if let Some(left) = next.flatten() {
        ALARM.set(left.max(1));
    }
}

/// Asks a resource on behalf of an observer, and tells that one if it is news.
#[inline(never)]
fn tell(resources: &mut Resources<Queue, PAGE>, observer: Observer<Peer>) {
    // SAFETY: RIOT has filled it in when the observer has asked.
    unsafe { peer::ask_for(&observer.peer.remote) };
    let reply = resources.observed(&observer.path, observer.format);
    let now = sys::now_ms();
    // SAFETY: no preconditions.
    let id = unsafe { gcoap_next_msg_id() };
    match reply.observation() {
        Observation::Version(version) if observer.needs(version, now) => {
            let (peer, token) = (observer.peer, observer.token.clone());
            let told = TABLE.with(|table| table.notify(observer, version, id, now));
            if let Some(told) = told {
                let head = Head {
                    is_confirmable: told.is_confirmable,
                    id,
                    token: &token,
                };
                send(resources, &reply, &peer, &head, Some(told.number));
            }
        }
        Observation::Ended => {
            let head = Head {
                is_confirmable: false,
                id,
                token: &observer.token,
            };
            send(resources, &reply, &observer.peer, &head, None);
        }
        _ => {
            TABLE.with(|table| table.keep(observer, now));
        }
    }
}

/// Sends a notification. One that cannot be sent is lost, as any may be.
fn send(
    resources: &mut Resources<Queue, PAGE>,
    reply: &Reply<Ticket>,
    peer: &Peer,
    head: &Head<'_>,
    number: Option<u32>,
) {
    MESSAGE.with(|bytes| {
        let Some(message) = resources.encode(bytes, head, reply, number, peer.is_known) else {
            return;
        };
        let piece = riot_sys::iolist_t {
            iol_next: ptr::null_mut(),
            iol_base: message.as_ptr().cast_mut().cast(),
            iol_len: message.len() as _,
        };
        let mut from = riot_sys::sock_udp_aux_tx_t {
            local: peer.local,
            flags: riot_sys::SOCK_AUX_SET_LOCAL as _,
        };
        // SAFETY: there are no observers without the socket; the message is only read.
        unsafe {
            riot_sys::sock_udp_sendv_aux(SOCKET.0.get().cast(), &piece, &peer.remote, &mut from)
        };
    });
}
