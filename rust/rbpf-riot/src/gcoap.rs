// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module's resources on RIOT's gcoap; nothing else here knows gcoap.
//!
//! Listeners can't be removed again, so there is one, for `/rbpf` and all
//! paths that containers are bound to at the time. Its matcher runs in
//! gcoap's thread before any handler and asks nobody: the worker publishes
//! hashes of the bound paths. Other paths are left to other listeners, and so are those
//! that another one has a resource for. It takes the option Observe from gcoap, whose
//! observers are not used, and from every request that it sees the option No-Response.

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use heapless::Vec;
use rbpf_device::coap::{MAX_PATH, Proof, Resources, hash, is_own_path};
use rbpf_device::{Device, Fill, Operation, PieceError, Status};
use riot_wrappers::coap_handler::v0_2::GcoapHandler;
use riot_wrappers::gcoap::{self, ListenerProvider, SingleHandlerListener};
use riot_wrappers::mutex::Mutex;

use crate::config::BINDINGS;
use crate::queue::{self, Ticket};
use crate::services;
use crate::sys::Shared;
use crate::worker::{self, Containers, HAS_LEASES, PAGE};

#[cfg(feature = "observe")]
pub(crate) mod observe;
mod peer;

/// The handler of all resources.
type Handler = GcoapHandler<Resources<Queue, PAGE>>;

/// Hashes of the paths that containers answer on. Two paths of one hash are
/// told apart by the worker, which then knows nothing of one of them.
static BOUND: Shared<Vec<u32, { BINDINGS as usize }>> = Shared::new(Vec::new());

/// The runtime's revision of that. The worker's to write.
static REVISION: AtomicU32 = AtomicU32::new(0);

static HANDLER: Mutex<Handler> = Mutex::new(GcoapHandler(Resources::new(Queue)));
static LISTENER: Mutex<Listener> = Mutex::new(Listener(MaybeUninit::uninit()));
/// The same, as gcoap knows it.
static OURS: AtomicPtr<riot_sys::gcoap_listener_t> = AtomicPtr::new(ptr::null_mut());

/// Tells on which paths containers answer from now on.
pub(crate) fn publish(runtime: &Containers) {
    let paths = || {
        let bindings = runtime.bindings();
        bindings.filter(|(target, _)| target.starts_with('/'))
    };
    BOUND.with(|bound| {
        bound.clear();
        for (path, _) in paths() {
            // There is room for all bindings.
            let _ = bound.push(hash(path.as_bytes()));
        }
    });
    REVISION.store(runtime.revision(), Ordering::Relaxed);
    #[cfg(feature = "observe")]
    observe::publish(paths());
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

/// The way to the worker, for the resources.
#[derive(Debug)]
struct Queue;

impl Device<PAGE> for Queue {
    type Ticket = Ticket;
    type Peer = peer::Peer;

    const HAS_LOG: bool = services::HAS_LOG;
    const HAS_LEASES: bool = HAS_LEASES;

    fn may_change(&self) -> bool {
        cfg!(rbpf_unsigned_install)
    }

    fn exposes(&self) -> bool {
        cfg!(rbpf_expose)
    }

    fn peer(&self) -> peer::Peer {
        peer::asking()
    }

    fn bound(&self) -> u32 {
        REVISION.load(Ordering::Relaxed)
    }

    fn proof(&self) -> Proof {
        peer::proof_of_asking()
    }

    fn ask(&self, operation: Operation, fill: Fill<'_, PAGE>) -> Result<Ticket, Status> {
        queue::ask(operation, fill)
    }

    #[cfg(feature = "observe")]
    fn observe(&self, wish: rbpf_device::coap::Wish<'_>) -> Option<u32> {
        observe::obey(&wish)
    }

    fn stage(&self, name: &str, offset: usize, piece: &[u8]) -> Result<(), PieceError> {
        worker::stage(|staging| staging.put(name, offset, piece)).unwrap_or(Err(PieceError::Order))
    }
}

/// The listener, with a matcher of its own.
struct Listener(MaybeUninit<SingleHandlerListener<'static, Handler>>);

// SAFETY: its pointers are to statics, the handler and a path, and from its
// registration on only gcoap's thread uses it.
unsafe impl Send for Listener {}

impl ListenerProvider for Listener {
    unsafe fn get_listener(&mut self) -> &mut riot_sys::gcoap_listener_t {
        // SAFETY: `register` has written it before it hands it to gcoap, who
        // is the only caller; the obligation on the result is passed on.
        let listener = unsafe { self.0.assume_init_mut().get_listener() };
        listener.request_matcher = Some(matches);
        listener.link_encoder = Some(encode_links);
        // SAFETY: the listener has the one resource that `register` made it with.
        unsafe {
            #[cfg(feature = "observe")]
            observe::lend(listener);
            peer::wrap(listener);
        }
        OURS.store(listener, Ordering::Relaxed);
        listener
    }
}

/// Whether another listener, of the application's or gcoap's own, has a resource for a path.
pub(crate) fn is_others(path: &str) -> bool {
    let mut bytes = [0; MAX_PATH + 1];
    let Some(place) = bytes.get_mut(..path.len()) else {
        // Nobody is bound there.
        return false;
    };
    place.copy_from_slice(path.as_bytes());
    has_others(&bytes)
}

/// As [`is_others`], of a path that a NUL ends.
fn has_others(path: &[u8]) -> bool {
    let Ok(path) = CStr::from_bytes_until_nul(path) else {
        return false;
    };
    let (mut listener, mut resource) = (ptr::null(), ptr::null());
    loop {
        // SAFETY: the path ends with a NUL; gcoap's listeners stay, and it has returned
        // the resource together with the listener, or both are null.
        resource = unsafe {
            riot_sys::gcoap_get_resource_by_path_iterator(&mut listener, resource, path.as_ptr())
        };
        if resource.is_null() {
            return false;
        }
        if listener != OURS.load(Ordering::Relaxed).cast_const() {
            return true;
        }
    }
}

/// Switches the option No-Response off (RFC 7967), which is elective. RIOT builds no
/// response that it covers, and neither gcoap's own handlers nor riot-wrappers' adapter are
/// prepared for that: an assertion, or a panic, ends the device (`dist/doc/upstream.md`).
///
/// # Safety
///
/// It is a parsed request.
unsafe fn want_response(request: *mut riot_sys::coap_pkt_t) {
    const NO_RESPONSE: u32 = 258;
    let mut value = ptr::null_mut();
    // SAFETY: the caller's promise; a length that is no error is that of the value.
    unsafe {
        let length = riot_sys::coap_opt_get_opaque(request, NO_RESPONSE, &mut value);
        if let Ok(length) = usize::try_from(length) {
            ptr::write_bytes(value, 0, length);
        }
    }
}

/// Whether a request is for this module; gcoap calls it.
unsafe extern "C" fn matches(
    listener: *mut riot_sys::gcoap_listener_t,
    resource: *mut *const riot_sys::coap_resource_t,
    request: *mut riot_sys::coap_pkt_t,
) -> c_int {
    // SAFETY: gcoap passes a parsed request.
    unsafe { want_response(request) };
    let mut bytes = [0_u8; MAX_PATH + 1];
    // SAFETY: gcoap passes a parsed request; the buffer is writable for its
    // length, and a path that does not fit is an error.
    let length = unsafe {
        riot_sys::coap_opt_get_string(
            request,
            riot_sys::COAP_OPT_URI_PATH as u16,
            bytes.as_mut_ptr().cast(),
            bytes.len() as _,
            b'/' as c_char as _,
        )
    };
    // The length counts the NUL.
    let path = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.get(..length.checked_sub(1)?))
        .unwrap_or_default();
    let is_bound = || {
        let is_bound = BOUND.with(|bound| bound.contains(&hash(path)));
        // Another listener may have the path: it was registered after the binding, or the path
        // only has the hash of one that is bound.
        is_bound == Some(true) && !has_others(&bytes)
    };
    if !is_own_path(path) && !is_bound() {
        return riot_sys::GCOAP_RESOURCE_NO_PATH as c_int;
    }
    #[cfg(feature = "observe")]
    observe::look_at(path);
    // gcoap is to register nobody: ours are in `observe`, if there are any.
    // SAFETY: gcoap passes its own listener, a place for the resource, and the request.
    unsafe {
        riot_sys::inline::coap_clear_observe(request.cast());
        *resource = (*listener).resources;
    }
    riot_sys::GCOAP_RESOURCE_FOUND as c_int
}

/// Writes the links to the resources, or only counts their bytes; gcoap calls
/// it in its thread, for `/.well-known/core`.
unsafe extern "C" fn encode_links(
    _: *const riot_sys::coap_resource_t,
    buffer: *mut c_char,
    length: riot_sys::size_t,
    context: *mut riot_sys::coap_link_encoder_ctx_t,
) -> riot_sys::ssize_t {
    // SAFETY: gcoap passes a context, and a buffer that is writable for its
    // length, or none.
    let (context, buffer) = unsafe {
        let buffer = if buffer.is_null() {
            None
        } else {
            Some(core::slice::from_raw_parts_mut(
                buffer.cast::<u8>(),
                length as usize,
            ))
        };
        (&*context, buffer)
    };
    const FIRST: u16 = riot_sys::COAP_LINK_FLAG_INIT_RESLIST as u16;
    let comma: &[u8] = if context.flags & FIRST != 0 {
        b""
    } else {
        b","
    };
    links(comma, buffer).map_or(-1, |length| length as riot_sys::ssize_t)
}

/// As [`encode_links`]; `None` if there is no room, or no answer.
fn links(comma: &[u8], mut buffer: Option<&mut [u8]>) -> Option<usize> {
    let mut put = |offset: usize, bytes: &[u8]| match &mut buffer {
        None => Some(()),
        Some(buffer) => {
            let place = buffer.get_mut(offset..offset + bytes.len())?;
            place.copy_from_slice(bytes);
            Some(())
        }
    };
    put(0, comma)?;
    let mut written = 0;
    loop {
        let ticket = queue::ask(Operation::Links, &mut |job| {
            job.offset = written;
            Ok(())
        });
        let ticket = ticket.ok()?;
        put(comma.len() + written, ticket.answer())?;
        written += ticket.answer().len();
        if ticket.answer().is_empty() || written >= ticket.answer_length() {
            return Some(comma.len() + written);
        }
    }
}
