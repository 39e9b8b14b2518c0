// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of containers, by gcoap: to remotes that the application has for them, by
//! name and index.
//!
//! A remote is a static of the application's, in a list that only grows, as hooks
//! are; nobody else is asked anything. The worker sends and does not wait: gcoap
//! repeats the request, and its thread leaves the answer in the slot's memory. A slot
//! has one request at a time, and gcoap room for one of each, so nobody takes the
//! place of another's.

// The header has what is `cfg` here where the module is in use.
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};
use core::ptr;

use rbpf_abi::Errno;
use rbpf_device::{RequestId, Requests, Status};
use rbpf_runtime::{AppId, CoapRequest, Remote as Index};

use crate::config::{ANSWER_SIZE, PRIORITY, REQUEST_SIZE, SLOTS};
use crate::containers::Error;
use crate::list::{List, Listed};
use crate::worker::Containers;
use crate::{queue, sys};

/// The option Block2 (RFC 7959) and its longest value; and Block1, which means nothing
/// here, but says how large a request may be.
const BLOCK2: u16 = riot_sys::COAP_OPT_BLOCK2 as u16;
const BLOCK1: u16 = riot_sys::COAP_OPT_BLOCK1 as u16;
const MAX_BLOCK: usize = 3;
/// Bytes of the longest message of a container's.
const MESSAGE: usize = REQUEST_SIZE as usize;
/// Bytes of a message before the token.
const HEADER: usize = 4;
/// The bits of the type in the first of them; that of confirmable messages is 0.
const TYPE: u8 = 0x30;
/// Bytes of a token, as many as there may be: who cannot see it does not guess it.
const TOKEN: usize = 8;
/// The port of CoAP (RFC 7252, section 6.1).
const PORT: u16 = 5683;

const _: () = assert!(
    riot_sys::CONFIG_GCOAP_REQ_WAITING_MAX >= SLOTS
        && riot_sys::CONFIG_GCOAP_RESEND_BUFS_MAX >= SLOTS,
    "rbpf_client needs CONFIG_GCOAP_REQ_WAITING_MAX and CONFIG_GCOAP_RESEND_BUFS_MAX \
     of CONFIG_RBPF_SLOTS or more"
);
const _: () = assert!(
    PRIORITY + 1 >= riot_sys::THREAD_PRIORITY_MAIN,
    "rbpf_client needs a CONFIG_RBPF_PRIORITY that is not more urgent than gcoap's, \
     THREAD_PRIORITY_MAIN - 1: gcoap frees a request after its handler has returned"
);
const _: () = assert!(
    riot_sys::CONFIG_GCOAP_TOKENLEN as usize == TOKEN,
    "rbpf_client needs a CONFIG_GCOAP_TOKENLEN of 8"
);
const _: () = assert!(
    riot_sys::CONFIG_GCOAP_PDU_BUF_SIZE >= REQUEST_SIZE,
    "rbpf_client needs a CONFIG_GCOAP_PDU_BUF_SIZE of CONFIG_RBPF_REQUEST_SIZE or more"
);

/// @brief   Whom containers may make CoAP requests to
///
/// A static, initialised by @ref RBPF_REMOTE_INIT and registered once.
#[cfg(feature = "client")]
#[derive(Debug)]
#[repr(C)]
pub struct Remote {
    /// The next of all remotes; private
    next: Cell<*const c_void>,
    /// Its name: visible characters of ASCII; the string stays
    name: *const c_char,
    /// Its address; private
    endpoint: Cell<riot_sys::sock_udp_ep_t>,
    /// Index by which containers know it; private
    index: Cell<u16>,
}

// SAFETY: the name is never changed, and points to a string that stays; the rest is
// set once, before the remote is in the list where others find it.
unsafe impl Sync for Remote {}

// SAFETY: the cell is used for nothing else.
unsafe impl Listed for Remote {
    fn next(&self) -> &Cell<*const c_void> {
        &self.next
    }
}

/// All remotes; the newest is the first.
static REMOTES: List<Remote> = List::new();

/// A request that has been sent.
#[derive(Clone, Copy)]
struct Sent {
    token: [u8; TOKEN],
    remote: Option<&'static Remote>,
    /// gcoap remembers it beyond its answer; see [`on_response`].
    lingers: bool,
}

/// What the worker and gcoap's thread share.
struct Shared {
    requests: Requests<{ SLOTS as usize }, { ANSWER_SIZE as usize }>,
    /// The last of each slot.
    sent: [Sent; SLOTS as usize],
}

static SHARED: sys::Lock<Shared> = sys::Lock::new(Shared {
    requests: Requests::new(),
    sent: [Sent {
        token: [0; TOKEN],
        remote: None,
        lingers: false,
    }; SLOTS as usize],
});

/// Where messages are put together; the worker's.
static MESSAGES: sys::Lock<[u8; MESSAGE]> = sys::Lock::new([0; MESSAGE]);

impl Remote {
    /// A remote of this name, of visible characters of ASCII.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            name: name.as_ptr(),
            // SAFETY: numbers, of which all bits may be 0.
            endpoint: Cell::new(unsafe { core::mem::zeroed() }),
            index: Cell::new(0),
        }
    }

    /// Its name; empty if it has none.
    fn name(&self) -> &'static str {
        // SAFETY: `new` has it from a string that stays, and C must promise that of
        // what it registers.
        unsafe { sys::text(self.name) }.unwrap_or_default()
    }

    /// Makes it known to containers, at this address; port 0 is that of CoAP, 5683.
    /// Threads only. Its index is how many were known before.
    ///
    /// # Errors
    ///
    /// `Interrupt` in an interrupt; `Invalid` for a name that is none, and an address
    /// that is none or of many; `Taken` if there is a remote of that name; `Full`
    /// beyond 65536.
    pub fn register(&'static self, endpoint: &riot_sys::sock_udp_ep_t) -> Result<(), Error> {
        if sys::in_interrupt() {
            return Err(Error::Interrupt);
        }
        let name = self.name();
        let visible = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !is_unicast(endpoint) {
            return Err(Status::Invalid.into());
        }
        REMOTES.add(self, || {
            if REMOTES.iter().any(|other| other.name() == name) {
                return Err(Status::Taken);
            }
            let index = REMOTES.next_index()?;
            let mut endpoint = *endpoint;
            if endpoint.port == 0 {
                endpoint.port = PORT;
            }
            self.endpoint.set(endpoint);
            self.index.set(index);
            Ok(())
        })?;
        Ok(())
    }
}

/// Whether it is an address of IPv6, and of one node: requests that are repeated must
/// not go to many (RFC 7252, section 8.1).
fn is_unicast(endpoint: &riot_sys::sock_udp_ep_t) -> bool {
    // SAFETY: of the union, all bytes may be read as numbers.
    let address = unsafe { endpoint.addr.ipv6 };
    let [first, ..] = address;
    endpoint.family == riot_sys::unix_af_t_AF_INET6 as i32 && first != 0xff && address != [0; 16]
}

/// The index of the remote of this name.
pub(crate) fn find(name: &[u8]) -> Result<Index, Errno> {
    REMOTES
        .iter()
        .find(|remote| remote.name().as_bytes() == name)
        .map(|remote| Index(remote.index.get()))
        .ok_or(Errno::NoDevice)
}

/// Sends a request; its number. For the worker.
pub(crate) fn request(
    app: AppId,
    Index(index): Index,
    request: &CoapRequest<'_>,
) -> Result<u32, Errno> {
    let remote = REMOTES
        .iter()
        .find(|remote| remote.index.get() == index)
        .ok_or(Errno::NoDevice)?;
    MESSAGES
        .with(|message| {
            let length = write(message, request).ok_or(Errno::NoSpace)?;
            let message = message.get(..length).unwrap_or_default();
            // Before it is sent: the answer may come at once.
            let id = open(app, message, remote)?;
            if send(message, remote, id) {
                return Ok(id.number());
            }
            SHARED.with(|shared| shared.requests.withdraw(id));
            Err(Errno::InputOutput)
        })
        .unwrap_or(Err(Errno::Busy))
}

/// Takes the slot of a container, for a message to a remote.
fn open(app: AppId, message: &[u8], remote: &'static Remote) -> Result<RequestId, Errno> {
    let token = message.get(HEADER..).and_then(<[u8]>::first_chunk);
    let token = *token.ok_or(Errno::Invalid)?;
    SHARED
        .with(|shared| {
            let id = shared.requests.open(app)?;
            if let Some(sent) = shared.sent.get_mut(usize::from(app.slot())) {
                *sent = Sent {
                    token,
                    remote: Some(remote),
                    lingers: false,
                };
            }
            Ok(id)
        })
        .unwrap_or(Err(Errno::Busy))
}

/// Writes a message; its length, if it fits.
fn write(message: &mut [u8; MESSAGE], request: &CoapRequest<'_>) -> Option<usize> {
    let mut packet = core::mem::MaybeUninit::<riot_sys::coap_pkt_t>::zeroed();
    // SAFETY: the buffer is as long as is said and outlives the packet, which is zeroed,
    // as C initialises it; no path is passed.
    let error = unsafe {
        riot_sys::gcoap_req_init_path_buffer(
            packet.as_mut_ptr(),
            message.as_mut_ptr(),
            message.len() as _,
            request.code.into(),
            ptr::null(),
            0,
        )
    };
    if error != 0 {
        return None;
    }
    let mut add = |number: u32, value: &[u8]| {
        // SAFETY: the packet is initialised, and knows how much room there is.
        let added = unsafe {
            riot_sys::coap_opt_add_opaque(
                packet.as_mut_ptr(),
                number as u16,
                value.as_ptr().cast(),
                value.len() as _,
            )
        };
        (added >= 0).then_some(())
    };
    for segment in request.segments() {
        add(riot_sys::COAP_OPT_URI_PATH, segment)?;
    }
    for part in request.parameters() {
        add(riot_sys::COAP_OPT_URI_QUERY, part)?;
    }
    let payload = request.payload;
    let flags = if payload.is_empty() {
        riot_sys::COAP_OPT_FINISH_NONE
    } else {
        riot_sys::COAP_OPT_FINISH_PAYLOAD
    };
    // SAFETY: as above.
    let head = unsafe { riot_sys::coap_opt_finish(packet.as_mut_ptr(), flags as u16) };
    let head = usize::try_from(head).ok()?;
    let end = head.checked_add(payload.len())?;
    message.get_mut(head..end)?.copy_from_slice(payload);
    // Confirmable: gcoap has begun it as one that is not.
    *message.first_mut()? &= !TYPE;
    Some(end)
}

/// Hands a message to gcoap; `false` if it is not sent.
fn send(message: &[u8], remote: &Remote, id: RequestId) -> bool {
    let endpoint = remote.endpoint.get();
    // SAFETY: gcoap copies message and address; what its handler gets is a number.
    let sent = unsafe {
        riot_sys::gcoap_req_send(
            message.as_ptr(),
            message.len() as _,
            &endpoint,
            ptr::null(),
            Some(on_response),
            ptr::without_provenance_mut(id.bits() as usize),
            riot_sys::gcoap_socket_type_t_GCOAP_SOCKET_TYPE_UDP,
        )
    };
    sent > 0
}

/// A request has ended; gcoap calls it in its thread, and not with its lock.
///
/// gcoap keeps a request in mind if a response has the option Observe, even though
/// nobody has asked for that: the worker has it forgotten.
unsafe extern "C" fn on_response(
    memo: *const riot_sys::gcoap_request_memo_t,
    packet: *mut riot_sys::coap_pkt_t,
    _: *const riot_sys::sock_udp_ep_t,
) {
    // SAFETY: gcoap passes what it knows of the request, for as long as this runs.
    let (state, context) = unsafe { ((*memo).state, (*memo).context) };
    let id = RequestId::from_bits(context.addr() as u32);
    let ended = |outcome, payload: &[u8], is_truncated, lingers| {
        SHARED.with(|shared| {
            let was_open = shared.requests.end(id, outcome, payload, is_truncated);
            let sent = shared.sent.get_mut(usize::from(id.slot()));
            if let Some(sent) = sent.filter(|_| was_open) {
                sent.lingers = lingers;
            }
        });
        queue::wake();
    };
    let is_cut = match state {
        riot_sys::GCOAP_MEMO_RESP => false,
        riot_sys::GCOAP_MEMO_RESP_TRUNC => true,
        riot_sys::GCOAP_MEMO_TIMEOUT => {
            ended(Err(Errno::TimedOut), &[], false, false);
            return;
        }
        _ => {
            ended(Err(Errno::InputOutput), &[], false, false);
            return;
        }
    };
    let response = Response(packet);
    let code = response.code();
    let lingers = code >> 5 == 2 && response.is_notification();
    if response.is_sound(is_cut) {
        let is_cut = is_cut || response.has_more();
        ended(Ok(code), response.payload(), is_cut, lingers);
    } else {
        ended(Err(Errno::InputOutput), &[], false, lingers);
    }
}

/// A response, as gcoap has parsed it.
struct Response(*mut riot_sys::coap_pkt_t);

impl Response {
    fn code(&self) -> u8 {
        // SAFETY: made of what gcoap passes, only by its handler, as for all here.
        unsafe { riot_sys::inline::coap_get_code_raw(self.0.cast_const().cast()) as u8 }
    }

    fn payload(&self) -> &[u8] {
        // SAFETY: the payload is so long, and lies in gcoap's buffer, as long as its
        // handler runs.
        unsafe {
            let (payload, length) = ((*self.0).payload, (*self.0).payload_len);
            if payload.is_null() {
                return &[];
            }
            core::slice::from_raw_parts(payload, length.into())
        }
    }

    /// Whether all critical options are understood, which gcoap does not look at (RFC 7252,
    /// section 5.4.1), and none is there twice, and a payload follows its marker (section
    /// 3), where the message is not cut.
    fn is_sound(&self, is_cut: bool) -> bool {
        // SAFETY: numbers, and then initialised by the first call.
        let mut option: riot_sys::coap_optpos_t = unsafe { core::mem::zeroed() };
        let mut value = ptr::null_mut();
        let (mut last, mut is_first) = (0, true);
        loop {
            // SAFETY: gcoap has parsed the message, in which the option's place is.
            let length =
                unsafe { riot_sys::coap_opt_get_next(self.0, &mut option, &mut value, is_first) };
            let Ok(length) = usize::try_from(length) else {
                break;
            };
            let number = option.opt_num;
            let is_understood = match number {
                BLOCK1 | BLOCK2 => length <= MAX_BLOCK && number != last,
                // Odd numbers are critical.
                _ => number.is_multiple_of(2),
            };
            // Those that do not fit 16 bits are no numbers of options.
            if !is_understood || number < last {
                return false;
            }
            (last, is_first) = (number, false);
        }
        // SAFETY: as above; the place is that behind the last option, or the token.
        let (end, payload, length) = unsafe {
            let packet = &*self.0;
            let buffer = packet.__bindgen_anon_1.buf;
            let end = buffer.wrapping_add(option.offset.into());
            (end, packet.payload, packet.payload_len)
        };
        is_cut || length > 0 || payload.is_null() || payload.cast_const() == end.cast_const()
    }

    /// Whether it is one of several blocks, and not the last (RFC 7959).
    fn has_more(&self) -> bool {
        const MORE: u32 = 8;
        let mut value = 0;
        // SAFETY: the number is written, or not.
        let found = unsafe { riot_sys::coap_opt_get_uint(self.0, BLOCK2, &mut value) };
        found == 0 && value & MORE != 0
    }

    fn is_notification(&self) -> bool {
        // SAFETY: as above.
        unsafe { riot_sys::inline::coap_has_observe(self.0.cast()) }
    }
}

/// Runs the container whose request has ended, if it listens; `false` if none has. For
/// the worker.
pub(crate) fn answer(runtime: &mut Containers) -> bool {
    let mut memory = [0; ANSWER_SIZE as usize];
    let taken = SHARED.with(|shared| {
        let answer = shared.requests.take(&mut memory)?;
        let sent = shared.sent.get(usize::from(answer.app.slot()));
        Some((answer, sent.copied().filter(|sent| sent.lingers)))
    });
    let Some((answer, lingering)) = taken.flatten() else {
        return false;
    };
    if let Some(Sent {
        token,
        remote: Some(remote),
        ..
    }) = lingering
    {
        let endpoint = remote.endpoint.get();
        // SAFETY: both are only read.
        unsafe { riot_sys::gcoap_obs_req_forget(&endpoint, token.as_ptr(), token.len() as _) };
    }
    // Who does not listen gets none.
    runtime.answer(&answer);
    true
}
