// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module's resources on RIOT's gcoap; nothing else here knows gcoap.
//!
//! Listeners can't be removed again, so there is one, for `/rbpf` and all
//! paths that containers are bound to at the time. Its matcher runs in
//! gcoap's thread before any handler and asks nobody: the worker publishes
//! hashes of the bound paths. Other paths are left to other listeners.

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

use heapless::Vec;
use riot_wrappers::coap_handler::v0_2::GcoapHandler;
use riot_wrappers::gcoap::{self, Handler, ListenerProvider, PacketBuffer, SingleHandlerListener};
use riot_wrappers::mutex::Mutex;

use crate::coap::{self, Resources};
use crate::config::BINDINGS;

/// Hashes of the paths that containers answer on. Two paths of one hash are
/// told apart by the worker, which then knows nothing of one of them.
static BOUND: Mutex<Vec<u32, { BINDINGS as usize }>> = Mutex::new(Vec::new());

static HANDLER: Mutex<Guarded> = Mutex::new(Guarded(GcoapHandler(Resources)));
static LISTENER: Mutex<Listener> = Mutex::new(Listener(MaybeUninit::uninit()));

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Tells on which paths containers answer from now on.
pub(crate) fn publish<'p>(paths: impl Iterator<Item = &'p str>) {
    let mut bound = BOUND.lock();
    bound.clear();
    for path in paths {
        // There is room for all bindings.
        let _ = bound.push(hash(path.as_bytes()));
    }
}

/// Registers the listener. Once.
pub(crate) fn register() {
    let (Some(handler), Some(listener)) = (HANDLER.try_leak(), LISTENER.try_leak()) else {
        return;
    };
    listener.0.write(SingleHandlerListener::new(
        c"/rbpf",
        riot_sys::COAP_GET | riot_sys::COAP_MATCH_SUBTREE,
        handler,
    ));
    gcoap::register(listener);
}

/// riot-wrappers' adapter panics if RIOT refuses to build a response, which
/// it does when a request's No-Response option (RFC 7967) covers it. The
/// option is elective: here it is switched off.
struct Guarded(GcoapHandler<Resources>);

impl Handler for Guarded {
    fn handle(&mut self, mut packet: PacketBuffer<'_>) -> isize {
        const NO_RESPONSE: u16 = 258;
        for (number, value) in packet.opt_iter_mut() {
            if number == NO_RESPONSE {
                value.fill(0);
            }
        }
        self.0.handle(packet)
    }
}

/// The listener, with a matcher of its own.
struct Listener(MaybeUninit<SingleHandlerListener<'static, Guarded>>);

// SAFETY: its pointers are to statics, the handler and a path, and from its
// registration on only gcoap's thread uses it.
unsafe impl Send for Listener {}

impl ListenerProvider for Listener {
    unsafe fn get_listener(&mut self) -> &mut riot_sys::gcoap_listener_t {
        // SAFETY: `register` has written it before it hands it to gcoap, who
        // is the only caller; the obligation on the result is passed on.
        let listener = unsafe { self.0.assume_init_mut().get_listener() };
        listener.request_matcher = Some(matches);
        listener
    }
}

/// Whether a request is for this module; gcoap calls it.
unsafe extern "C" fn matches(
    listener: *mut riot_sys::gcoap_listener_t,
    resource: *mut *const riot_sys::coap_resource_t,
    request: *mut riot_sys::coap_pkt_t,
) -> c_int {
    let mut path = [0_u8; coap::MAX_PATH + 1];
    // SAFETY: gcoap passes a parsed request; the buffer is writable for its
    // length, and a path that does not fit is an error.
    let length = unsafe {
        riot_sys::coap_opt_get_string(
            request,
            riot_sys::COAP_OPT_URI_PATH as u16,
            path.as_mut_ptr().cast(),
            path.len() as _,
            b'/' as c_char as _,
        )
    };
    // The length counts the NUL.
    let path = usize::try_from(length)
        .ok()
        .and_then(|length| path.get(..length.checked_sub(1)?))
        .unwrap_or_default();
    if !coap::is_own(path) && !BOUND.lock().contains(&hash(path)) {
        return riot_sys::GCOAP_RESOURCE_NO_PATH as c_int;
    }
    // SAFETY: gcoap passes its own listener and a place for the resource.
    unsafe { *resource = (*listener).resources };
    riot_sys::GCOAP_RESOURCE_FOUND as c_int
}
