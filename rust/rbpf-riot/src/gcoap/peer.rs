// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who asks.
//!
//! coap-handler does not tell, so a function before the handler of the resources takes a
//! note of it. gcoap's thread handles one request at a time, and is the only one that
//! looks.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use rbpf_device::coap::{Proof, echo};
use riot_sys::{coap_pkt_t, coap_request_ctx_t, sock_udp_ep_t};

use crate::sys::{self, Lock};

/// Bytes of the longest address.
const ADDRESS: usize = 16;
/// Bytes of one of IPv4, and what is before them where it is mapped (RFC 4291, section
/// 2.5.5.2).
const SHORT: usize = 4;
const MAPPED: u128 = 0xffff << 32;

/// Something that RIOT links into lists of its own.
pub(super) struct Linked<T>(pub(super) UnsafeCell<T>);

// SAFETY: it is static, and after it was made, touched through RIOT's functions only,
// which do so with interrupts off, or in one thread.
unsafe impl<T> Sync for Linked<T> {}

/// Who asks: all that tells one peer from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Peer {
    address: u128,
    interface: u16,
    port: u16,
    transport: u32,
}

const NOBODY: Peer = Peer {
    address: 0,
    interface: 0,
    port: 0,
    transport: 0,
};

static ASKING: Lock<Peer> = Lock::new(NOBODY);
/// Of the option Echo.
static KEY: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

/// What gcoap's handler was before.
static HANDLER: Lock<riot_sys::coap_handler_t> = Lock::new(None);
static RESOURCE: Linked<MaybeUninit<riot_sys::coap_resource_t>> =
    Linked(UnsafeCell::new(MaybeUninit::uninit()));

impl Peer {
    /// # Safety
    ///
    /// RIOT has filled the endpoint in.
    unsafe fn new(remote: &sock_udp_ep_t, transport: u32) -> Self {
        Self {
            // SAFETY: the caller's promise.
            address: unsafe { address(remote) },
            interface: remote.netif,
            port: remote.port,
            transport,
        }
    }
}

/// The address of an endpoint: of IPv6, with one of IPv4 mapped into it.
///
/// # Safety
///
/// RIOT has filled the endpoint in.
pub(super) unsafe fn address(remote: &sock_udp_ep_t) -> u128 {
    let is_short = remote.family == riot_sys::unix_af_t_AF_INET as _;
    let (length, mapped) = if is_short {
        (SHORT, MAPPED)
    } else {
        (ADDRESS, 0)
    };
    let length = length.min(size_of_val(&remote.addr));
    // SAFETY: the address has so many bytes, of which the caller promises that they are
    // filled in.
    let bytes =
        unsafe { core::slice::from_raw_parts((&raw const remote.addr).cast::<u8>(), length) };
    mapped
        | bytes
            .iter()
            .fold(0, |address, &byte| address << 8 | u128::from(byte))
}

/// Who asks.
pub(super) fn asking() -> Peer {
    ASKING.with(|asking| *asking).unwrap_or(NOBODY)
}

/// By what who asks shows that it receives.
pub(super) fn proof_of_asking() -> Proof {
    if !sys::HAS_SECRETS {
        return Proof::None;
    }
    let key = KEY.each_ref().map(|word| word.load(Ordering::Relaxed));
    Proof::Echo(echo(key, &asking().address.to_be_bytes()))
}

/// Asks on behalf of a peer over UDP from now on.
///
/// # Safety
///
/// RIOT has filled the endpoint in.
#[cfg(feature = "observe")]
pub(super) unsafe fn ask_for(remote: &sock_udp_ep_t) {
    // SAFETY: the caller's promise.
    let peer = unsafe { Peer::new(remote, UDP) };
    ASKING.with(|asking| *asking = peer);
}

/// UDP, as requests have it for their transport.
#[cfg(feature = "observe")]
#[allow(clippy::unnecessary_cast, reason = "boards differ in how wide it is")]
pub(super) const UDP: u32 = riot_sys::gcoap_socket_type_t_GCOAP_SOCKET_TYPE_UDP as u32;

/// Makes the key, and puts a handler before that of a listener, which looks who asks.
///
/// # Safety
///
/// The listener has one resource, and is not registered yet.
pub(super) unsafe fn wrap(listener: &mut riot_sys::gcoap_listener_t) {
    for word in &KEY {
        word.store(sys::secret(), Ordering::Relaxed);
    }
    // SAFETY: the caller's promise; nobody else looks at ours before the listener is
    // registered, which happens once.
    unsafe {
        let mut resource = *listener.resources;
        HANDLER.with(|handler| *handler = resource.handler.replace(handle));
        listener.resources = (*RESOURCE.0.get()).write(resource);
    }
}

/// Handles a request; gcoap calls it in its thread.
unsafe extern "C" fn handle(
    request: *mut coap_pkt_t,
    buffer: *mut u8,
    length: riot_sys::size_t,
    context: *mut coap_request_ctx_t,
) -> riot_sys::ssize_t {
    // SAFETY: gcoap passes the context of the request, and knows the remote endpoint.
    let peer = unsafe {
        let context = &*context;
        Peer::new(&*context.__bindgen_anon_1.remote_udp, context.tl_type)
    };
    ASKING.with(|asking| *asking = peer);
    #[cfg(feature = "observe")]
    // SAFETY: gcoap passes a parsed request and its context.
    unsafe {
        super::observe::look_who_asks(request, context);
    }
    match HANDLER.with(|handler| *handler).flatten() {
        // SAFETY: passed on as they came.
        Some(handler) => unsafe { handler(request, buffer, length, context) },
        None => -1,
    }
}
