// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets of RIOT's network stack GNRC, judged by containers.
//!
//! A layer gets its packets through an entry in GNRC's registry. While
//! containers are bound to a layer's hooks, an entry of this module stands
//! there instead: a callback, which leaves the packet to the thread
//! `rbpf_gnrc`. That has the worker run the containers, and passes the packet
//! on to the layer, or drops it. With nothing bound, the registry is as it was.
//!
//! **Invariant (no deadlock):** the callback runs in whatever thread sends or
//! receives, with the registry's lock shared, and waits for nothing. Only the
//! thread waits for the worker, and holds nothing then. The worker waits for
//! the registry's lock, which nobody keeps who waits for it.
//!
//! **Invariant (one owner):** an entry joins the list before the one that it
//! stands for leaves. Between the two a packet comes to both, with a reference
//! for each, and the callback gives its own back: it sees in the list, which
//! does not change meanwhile, that the layer has the packet.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicI16, AtomicPtr, Ordering};

use rbpf_abi::Capabilities;
use rbpf_device::Status;
use rbpf_runtime::{Direction, Packet, PacketCounters, PacketHook, PacketType, Policy, Verdict};
use riot_sys::{gnrc_netreg_entry_t, gnrc_nettype_t, gnrc_pktsnip_t, msg_t};
use riot_wrappers::mutex::Mutex;

use crate::config::{PACKET_BUDGET, PACKET_PRIORITY, PACKET_SIZE, PACKET_STACK_SIZE};
use crate::containers;
use crate::hooks::Hook;
use crate::sys::Shared;

const RECEIVED: u16 = riot_sys::GNRC_NETAPI_MSG_TYPE_RCV as u16;
const SENT: u16 = riot_sys::GNRC_NETAPI_MSG_TYPE_SND as u16;
const ALL: u32 = riot_sys::GNRC_NETREG_DEMUX_CTX_ALL;
const NETIF: gnrc_nettype_t = riot_sys::gnrc_nettype_t_GNRC_NETTYPE_NETIF;
/// The number of a layer, in the type of a message, is above this bit.
const LAYER_SHIFT: u32 = 12;
/// Packets that wait for the thread; a power of two.
const QUEUE: usize = 8;
/// Figures of a layer.
const FIGURES_OF_LAYER: usize = 6;

/// Stack of the thread; native threads serve signals on it.
const STACK_SIZE: usize = if cfg!(target_os = "linux") {
    64 * 1024
} else {
    PACKET_STACK_SIZE as usize
};

/// What is counted of a layer: received and sent packets.
struct Counters {
    received: PacketCounters,
    sent: PacketCounters,
}

/// This module's entry in the registry, and what that points to.
struct Entry {
    entry: UnsafeCell<gnrc_netreg_entry_t>,
    callback: UnsafeCell<riot_sys::gnrc_netreg_entry_cbd_t>,
}

// SAFETY: written by the worker alone, while the entry is not in the registry;
// there, only the registry's functions touch it, under their lock.
unsafe impl Sync for Entry {}

/// A layer of the network stack.
struct Layer {
    kind: PacketType,
    nettype: gnrc_nettype_t,
    received: Hook,
    sent: Hook,
    names: [&'static str; FIGURES_OF_LAYER],
    entry: Entry,
    /// The layer's own entry while this module's stands for it, or joins or
    /// leaves; null before the first time.
    owner: AtomicPtr<gnrc_netreg_entry_t>,
    /// The layer's thread, from the first time on.
    thread: AtomicI16,
    counters: Shared<Counters>,
}

/// The rights that containers need to see packets, and to drop them.
const fn hook(name: &'static core::ffi::CStr) -> Hook {
    Hook::with_rights(
        name,
        Policy::FirstNonZero,
        Capabilities::PACKET,
        Capabilities::PACKET_DROP,
    )
}

macro_rules! layer {
    ($name:literal, $received:literal, $sent:literal, $kind:ident, $nettype:ident) => {
        Layer {
            kind: PacketType::$kind,
            nettype: riot_sys::$nettype,
            received: hook($received),
            sent: hook($sent),
            names: [
                concat!("rx-", $name),
                concat!("rx-", $name, "-dropped"),
                concat!("rx-", $name, "-counted"),
                concat!("tx-", $name),
                concat!("tx-", $name, "-dropped"),
                concat!("tx-", $name, "-counted"),
            ],
            entry: Entry::EMPTY,
            owner: AtomicPtr::new(ptr::null_mut()),
            thread: AtomicI16::new(0),
            counters: Shared::new(Counters {
                received: PacketCounters::ZERO,
                sent: PacketCounters::ZERO,
            }),
        }
    };
}

/// How many layers the firmware has.
const LAYER_COUNT: usize = cfg!(riot_gnrc_udp) as usize
    + cfg!(riot_gnrc_ipv6) as usize
    + cfg!(riot_gnrc_sixlowpan) as usize;

/// The layers that the firmware has.
static LAYERS: [Layer; LAYER_COUNT] = [
    #[cfg(riot_gnrc_udp)]
    layer!(
        "udp",
        c"rx:udp",
        c"tx:udp",
        Udp,
        gnrc_nettype_t_GNRC_NETTYPE_UDP
    ),
    #[cfg(riot_gnrc_ipv6)]
    layer!(
        "ipv6",
        c"rx:ipv6",
        c"tx:ipv6",
        Ipv6,
        gnrc_nettype_t_GNRC_NETTYPE_IPV6
    ),
    #[cfg(riot_gnrc_sixlowpan)]
    layer!(
        "6lowpan",
        c"rx:6lowpan",
        c"tx:6lowpan",
        Sixlowpan,
        gnrc_nettype_t_GNRC_NETTYPE_SIXLOWPAN
    ),
];

/// How many figures there are: those of the layers, and of what passed unseen.
pub(crate) const FIGURES: usize = LAYER_COUNT * FIGURES_OF_LAYER + 1;

/// Packets that passed because nobody had time for them; wraps.
static UNSEEN: Shared<u32> = Shared::new(0);

static STACK: Mutex<[u8; STACK_SIZE]> = Mutex::new([0; STACK_SIZE]);
static RUN: Mutex<fn()> = Mutex::new(run);
/// The number of the thread, 0 before it is ready.
static NUMBER: AtomicI16 = AtomicI16::new(0);

/// Starts the thread, and makes the hooks known. Once.
///
/// # Errors
///
/// `Taken` if it has been started, or the application has a hook of that name;
/// `Full` if RIOT has no more threads.
pub(crate) fn start() -> Result<(), Status> {
    let (Some(stack), Some(thread)) = (STACK.try_leak(), RUN.try_leak()) else {
        return Err(Status::Taken);
    };
    riot_wrappers::thread::spawn(
        &mut stack[..],
        thread,
        c"rbpf_gnrc",
        PACKET_PRIORITY as u8,
        riot_sys::THREAD_CREATE_STACKTEST as i32,
    )
    .map_err(|_| Status::Full)?;
    for layer in &LAYERS {
        layer.received.register()?;
        layer.sent.register()?;
    }
    Ok(())
}

/// Stands in for the layers that containers are bound to, and for no others.
/// For the worker, after hooks know what is bound.
pub(crate) fn publish() {
    for (layer, number) in LAYERS.iter().zip(0..) {
        let wanted = layer.received.bound() | layer.sent.bound() != 0;
        let taken = !layer.owner.load(Ordering::Relaxed).is_null();
        if wanted && !taken && NUMBER.load(Ordering::Relaxed) != 0 {
            layer.take(number);
        } else if taken && !wanted {
            layer.restore();
        }
    }
}

/// The figures, in a list of at least [`FIGURES`].
pub(crate) fn figures(list: &mut [(&'static str, u32)]) {
    let layers = LAYERS.iter().flat_map(|layer| {
        let numbers = layer.counters.with(|Counters { received, sent }| {
            [received, sent].map(|counters| [counters.seen, counters.dropped, counters.counted])
        });
        let numbers = numbers.unwrap_or_default();
        layer.names.into_iter().zip(numbers.into_iter().flatten())
    });
    let unseen = UNSEEN.with(|unseen| *unseen).unwrap_or_default();
    for (place, figure) in list
        .iter_mut()
        .zip(layers.chain([("packets-unseen", unseen)]))
    {
        *place = figure;
    }
}

impl Entry {
    // A constant, as it is the beginning of several statics.
    #[allow(clippy::declare_interior_mutable_const)]
    const EMPTY: Self = Self {
        // SAFETY: null pointers and zeros are values of these structures.
        entry: UnsafeCell::new(unsafe { core::mem::zeroed() }),
        callback: UnsafeCell::new(riot_sys::gnrc_netreg_entry_cbd_t {
            cb: None,
            ctx: ptr::null_mut(),
        }),
    };
}

/// The entries of a type for all packets.
///
/// # Safety
///
/// The registry's lock is held, shared, as long as they are in use.
unsafe fn entries(nettype: gnrc_nettype_t) -> impl Iterator<Item = *mut gnrc_netreg_entry_t> {
    let some = |entry: *mut gnrc_netreg_entry_t| (!entry.is_null()).then_some(entry);
    // SAFETY: promised by the caller.
    let first = unsafe { riot_sys::gnrc_netreg_lookup(nettype, ALL) };
    core::iter::successors(some(first), move |&entry| {
        // SAFETY: as before; the entry is of the registry.
        some(unsafe { riot_sys::gnrc_netreg_getnext(entry) })
    })
}

impl Layer {
    /// Takes the place of the layer's entry, if it has one: the oldest of its
    /// type for all packets that leads to a thread.
    fn take(&'static self, number: usize) {
        // SAFETY: this is a thread. The entries are used while the lock is held.
        // The layer's stays beyond that, as layers do not end.
        let found = unsafe {
            riot_sys::gnrc_netreg_acquire_shared();
            let found = entries(self.nettype)
                .filter(|&entry| {
                    (*entry).type_ == riot_sys::gnrc_netreg_type_t_GNRC_NETREG_TYPE_DEFAULT
                })
                .last()
                .map(|entry| (entry, (*entry).target.pid));
            riot_sys::gnrc_netreg_release_shared();
            found
        };
        let Some((owner, thread)) = found else {
            return;
        };
        self.thread.store(thread, Ordering::Relaxed);
        self.owner.store(owner, Ordering::Release);
        let entry = self.entry.entry.get();
        // SAFETY: the entry is not in the registry, so only the worker, which
        // this is, touches it; see the invariant about the order.
        unsafe {
            self.entry
                .callback
                .get()
                .write(riot_sys::gnrc_netreg_entry_cbd_t {
                    cb: Some(callback),
                    ctx: ptr::without_provenance_mut(number),
                });
            entry.write(gnrc_netreg_entry_t {
                next: ptr::null_mut(),
                demux_ctx: ALL,
                type_: riot_sys::gnrc_netreg_type_t_GNRC_NETREG_TYPE_CB,
                target: riot_sys::gnrc_netreg_entry__bindgen_ty_1 {
                    cbd: self.entry.callback.get(),
                },
            });
            riot_sys::gnrc_netreg_register(self.nettype, entry);
            riot_sys::gnrc_netreg_unregister(self.nettype, owner);
        }
    }

    /// Gives the layer its place back.
    fn restore(&'static self) {
        let owner = self.owner.load(Ordering::Relaxed);
        // SAFETY: the entry is the layer's, which has not ended; `take` has
        // taken it out of the registry. See the invariant about the order.
        unsafe {
            riot_sys::gnrc_netreg_register(self.nettype, owner);
            riot_sys::gnrc_netreg_unregister(self.nettype, self.entry.entry.get());
        }
        self.owner.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// The hook for packets that go the way that a message's type says.
    fn hook(&self, command: u16) -> Option<(&Hook, Direction)> {
        match command {
            RECEIVED => Some((&self.received, Direction::Rx)),
            SENT => Some((&self.sent, Direction::Tx)),
            _ => None,
        }
    }

    /// Gives a packet to the layer, or back to GNRC's buffer if that is busy.
    ///
    /// # Safety
    ///
    /// The packet is the caller's, and no longer afterwards.
    unsafe fn pass(&self, command: u16, packet: *mut gnrc_pktsnip_t) {
        let thread = self.thread.load(Ordering::Relaxed);
        if !send(command, packet.cast(), thread) {
            // SAFETY: promised by the caller; nobody else has got it.
            unsafe { riot_sys::gnrc_pktbuf_release_error(packet, riot_sys::EIO) };
        }
    }

    /// Has the containers judge a packet; it passes if they have no time.
    ///
    /// # Safety
    ///
    /// The packet is the caller's.
    unsafe fn judge(&self, direction: Direction, packet: *const gnrc_pktsnip_t) -> Verdict {
        let mut bytes = [0; PACKET_SIZE as usize];
        // SAFETY: promised by the caller.
        let (length, interface) = unsafe { self.copy(direction, packet, &mut bytes) };
        let packet = Packet {
            hook: PacketHook::new(direction, self.kind),
            length: length as u32,
            interface,
            data: bytes.get(..length).unwrap_or(&bytes),
        };
        let judged = containers::with_runtime(|runtime| {
            let verdict = runtime.judge(&packet, PACKET_BUDGET);
            runtime.services().end_line();
            verdict
        });
        let Ok(verdict) = judged else {
            unseen();
            return Verdict::Pass;
        };
        self.counters.with(|counters| match direction {
            Direction::Rx => counters.received.count(verdict),
            Direction::Tx => counters.sent.count(verdict),
        });
        verdict
    }

    /// Copies a packet's first bytes; its length, and the number of its
    /// interface, 0 if that is not known.
    ///
    /// Of what is received, the headers that are parsed stand behind the rest
    /// of the packet; what is to be sent is in its order, and begins here with
    /// the layer's own header, or that of the layer above.
    ///
    /// # Safety
    ///
    /// The packet is the caller's.
    unsafe fn copy(
        &self,
        direction: Direction,
        packet: *const gnrc_pktsnip_t,
        bytes: &mut [u8],
    ) -> (usize, u16) {
        let mut length: usize = 0;
        let mut interface = 0;
        let mut is_inside = direction == Direction::Rx;
        // SAFETY: a packet is a list of snips, of which none changes while it
        // is the caller's, each with as much data as it says.
        let mut next = unsafe { packet.as_ref() };
        while let Some(snip) = next {
            let data: &[u8] = if snip.data.is_null() {
                &[]
            } else {
                // SAFETY: as above.
                unsafe { core::slice::from_raw_parts(snip.data.cast(), snip.size as usize) }
            };
            if snip.type_ == NETIF {
                if data.len() >= size_of::<riot_sys::gnrc_netif_hdr_t>() {
                    let header: *const riot_sys::gnrc_netif_hdr_t = snip.data.cast();
                    // SAFETY: it is as long, and GNRC aligns its headers.
                    interface = unsafe { (*header).if_pid }.unsigned_abs();
                }
            } else {
                is_inside |= self.kind != PacketType::Udp || snip.type_ == self.nettype;
                if is_inside && (direction == Direction::Tx || ptr::eq(snip, packet)) {
                    let rest = bytes.get_mut(length..).unwrap_or_default();
                    rest.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
                    length = length.saturating_add(data.len());
                }
            }
            // SAFETY: as above.
            next = unsafe { snip.next.as_ref() };
        }
        (length, interface)
    }
}

/// Counts a packet that passes because nobody has time for it.
fn unseen() {
    UNSEEN.with(|unseen| *unseen = unseen.wrapping_add(1));
}

/// Sends a message to a thread, if there is room for it.
fn send(kind: u16, content: *mut c_void, to: i16) -> bool {
    let mut message = msg_t {
        sender_pid: 0,
        type_: kind,
        content: riot_sys::msg_t__bindgen_ty_1 { ptr: content },
    };
    // SAFETY: copies the message; does not block, and looks whether there is
    // such a thread.
    let sent = unsafe { riot_sys::msg_try_send(&mut message, to) };
    sent == 1
}

/// What GNRC calls with a packet for a layer, in any thread, its registry's
/// lock being shared. Waits for nothing.
unsafe extern "C" fn callback(command: u16, packet: *mut gnrc_pktsnip_t, number: *mut c_void) {
    let Some(layer) = LAYERS.get(number.addr()) else {
        return;
    };
    let owner = layer.owner.load(Ordering::Acquire);
    // SAFETY: GNRC holds the lock.
    let is_both = unsafe { entries(layer.nettype) }.any(|entry| entry == owner);
    let hook = layer.hook(command);
    if is_both {
        if hook.is_some() {
            // SAFETY: GNRC has given a reference to each entry, this is ours.
            unsafe { riot_sys::gnrc_pktbuf_release_error(packet, 0) };
        }
        return;
    }
    if hook.is_some_and(|(hook, _)| hook.bound() != 0) {
        let kind = command | (number.addr() << LAYER_SHIFT) as u16;
        if send(kind, packet.cast(), NUMBER.load(Ordering::Relaxed)) {
            return;
        }
        unseen();
    }
    // SAFETY: GNRC has given the packet to this entry.
    unsafe { layer.pass(command, packet) };
}

/// The thread.
fn run() {
    // SAFETY: a zeroed message is one; the queue is on the stack of a thread
    // that does not end.
    let (mut queue, mut message) = unsafe { core::mem::zeroed::<([msg_t; QUEUE], msg_t)>() };
    // SAFETY: as above.
    unsafe { riot_sys::msg_init_queue(queue.as_mut_ptr(), QUEUE as i32) };
    NUMBER.store(crate::sys::thread(), Ordering::Relaxed);
    loop {
        // SAFETY: the message is writable.
        unsafe { riot_sys::msg_receive(&mut message) };
        let command = message.type_ & ((1 << LAYER_SHIFT) - 1);
        let Some(layer) = LAYERS.get(usize::from(message.type_ >> LAYER_SHIFT)) else {
            continue;
        };
        let Some((hook, direction)) = layer.hook(command) else {
            continue;
        };
        // SAFETY: the callback, and nobody else, sends these, with a packet
        // that it gives away.
        unsafe {
            let packet: *mut gnrc_pktsnip_t = message.content.ptr.cast();
            if hook.bound() != 0 && layer.judge(direction, packet) == Verdict::Drop {
                riot_sys::gnrc_pktbuf_release_error(packet, 0);
            } else {
                layer.pass(command, packet);
            }
        }
    }
}
