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
use rbpf_device::Operation;
use rbpf_device::coap::{MAX_PATH, Request, Resources, Response, hash, is_own_path};
use riot_sys::{coap_pkt_t, size_t, ssize_t};
use riot_wrappers::mutex::Mutex;

use crate::config::BINDINGS;
use crate::queue;
use crate::sys::Shared;
use crate::worker::{PAGE, Queue};

/// Hashes of the paths that containers answer on. Two paths of one hash are
/// told apart by the worker, which then knows nothing of one of them.
static BOUND: Shared<Vec<u32, { BINDINGS as usize }>> = Shared::new(Vec::new());

/// Only gcoap's thread locks them.
static RESOURCES: Mutex<Resources<Queue, PAGE>> = Mutex::new(Resources::new(Queue));
static LISTENER: Mutex<Listener> = Mutex::new(Listener(MaybeUninit::uninit()));

/// Tells on which paths containers answer from now on.
pub(crate) fn publish<'p>(paths: impl Iterator<Item = &'p str>) {
    BOUND.with(|bound| {
        bound.clear();
        for path in paths {
            // There is room for all bindings.
            let _ = bound.push(hash(path.as_bytes()));
        }
    });
}

/// The listener and its only resource.
struct Listener(MaybeUninit<(riot_sys::coap_resource_t, riot_sys::gcoap_listener_t)>);

// SAFETY: its pointers are to statics, itself and a path, and from its
// registration on only gcoap's thread uses it.
unsafe impl Send for Listener {}

/// Registers the listener. Once.
pub(crate) fn register() {
    let Some(listener) = LISTENER.try_leak() else {
        return;
    };
    let (resource, listener) = listener.0.write(Default::default());
    resource.path = c"/rbpf".as_ptr().cast();
    resource.methods = (riot_sys::COAP_GET | riot_sys::COAP_MATCH_SUBTREE) as _;
    resource.handler = Some(handle);
    listener.resources = resource;
    listener.resources_len = 1;
    listener.request_matcher = Some(matches);
    listener.link_encoder = Some(encode_links);
    // SAFETY: listener and resource live for ever, and are not touched from
    // here again.
    unsafe { riot_sys::gcoap_register_listener(listener) };
}

/// Answers a request; gcoap calls it in its thread.
unsafe extern "C" fn handle(
    packet: *mut coap_pkt_t,
    buffer: *mut u8,
    length: size_t,
    _: *mut riot_sys::coap_request_ctx_t,
) -> ssize_t {
    // gcoap answers 5.00 to what is negative.
    const FAILED: ssize_t = -1;
    let Some(mut resources) = RESOURCES.try_lock() else {
        return FAILED;
    };
    // SAFETY: gcoap passes a parsed request, which is its handler's.
    let reply = resources.answer(unsafe { request(packet) });
    // SAFETY: gcoap passes the buffer in which the packet lies, and its
    // length. Nothing of the request is used from here on.
    let response = unsafe {
        if riot_sys::gcoap_resp_init(packet, buffer, length, riot_sys::COAP_CODE_CONTENT as _) < 0 {
            return FAILED;
        }
        let space = usize::from((*packet).payload_len);
        write(packet, &resources.response(&reply, space))
    };
    response.unwrap_or(FAILED)
}

/// Takes a request apart.
///
/// RIOT refuses to build a response that the request's No-Response option (RFC
/// 7967) covers. The option is elective: here it is switched off.
///
/// # Safety
///
/// The packet is a parsed request, which nobody else uses while the result is
/// in use.
unsafe fn request<'r>(packet: *mut coap_pkt_t) -> Request<'r> {
    const NO_RESPONSE: u16 = 258;
    // SAFETY: the payload of a parsed request, so long and not in its options.
    let mut request = unsafe {
        Request::new(
            riot_sys::inline::coap_get_code_raw(packet.cast()) as u8,
            core::slice::from_raw_parts((*packet).payload, (*packet).payload_len.into()),
        )
    };
    let mut position = riot_sys::coap_optpos_t::default();
    let mut first = true;
    loop {
        let mut value = core::ptr::null_mut();
        // SAFETY: walks a parsed request; the position is RIOT's.
        let length =
            unsafe { riot_sys::coap_opt_get_next(packet, &mut position, &mut value, first) };
        let Ok(length) = usize::try_from(length) else {
            return request;
        };
        first = false;
        // SAFETY: the value of an option, so long, in the buffer of the
        // request.
        let value = unsafe { core::slice::from_raw_parts_mut(value, length) };
        if position.opt_num == NO_RESPONSE {
            value.fill(0);
        }
        request.option(position.opt_num, value);
    }
}

/// Writes a response; the length of the message, or `None` if there is no
/// room.
///
/// # Safety
///
/// The packet is a response that was begun, and has no options yet.
unsafe fn write(packet: *mut coap_pkt_t, response: &Response<'_>) -> Option<ssize_t> {
    let payload = response.payload();
    // SAFETY: RIOT's functions for a response that was begun. They check that
    // there is room; for the payload and its marker it is checked here.
    unsafe {
        riot_sys::inline::coap_pkt_set_code(packet.cast(), response.code());
        for (number, value) in response.options() {
            if riot_sys::coap_opt_add_uint(packet, number, value) < 0 {
                return None;
            }
        }
        if payload.is_empty() {
            return Some(riot_sys::coap_opt_finish(
                packet,
                riot_sys::COAP_OPT_FINISH_NONE as _,
            ));
        }
        if usize::from((*packet).payload_len) <= payload.len() {
            return None;
        }
        let head = riot_sys::coap_opt_finish(packet, riot_sys::COAP_OPT_FINISH_PAYLOAD as _);
        core::ptr::copy_nonoverlapping(payload.as_ptr(), (*packet).payload, payload.len());
        Some(head + payload.len() as ssize_t)
    }
}

/// Whether a request is for this module; gcoap calls it.
unsafe extern "C" fn matches(
    listener: *mut riot_sys::gcoap_listener_t,
    resource: *mut *const riot_sys::coap_resource_t,
    request: *mut riot_sys::coap_pkt_t,
) -> c_int {
    let mut path = [0_u8; MAX_PATH + 1];
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
    if !is_own_path(path) && BOUND.with(|bound| bound.contains(&hash(path))) != Some(true) {
        return riot_sys::GCOAP_RESOURCE_NO_PATH as c_int;
    }
    // SAFETY: gcoap passes its own listener and a place for the resource.
    unsafe { *resource = (*listener).resources };
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
