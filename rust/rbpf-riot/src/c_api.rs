// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C API. `pkg/rbpf/include/rbpf.h` is generated from this module by
//! cbindgen; what stands here for C is in Doxygen's terms.
//!
//! Null pointers, lengths and names are checked, wrong states refused. What C
//! must promise, because nobody can check it: strings end, memory has the
//! length that it is said to have, and what is registered stays, and is granted to
//! no run.
//!
//! Pieces of memory that one call takes may overlap, unless a run could write what
//! it must not, or an output would be of no use: that is refused. So `rbpf_execute`
//! and `rbpf_hook_trigger` look at their image or hook, their array of regions, the
//! context, the regions and the result, and `rbpf_at` at its outputs. All others are
//! done with what they read, names too, before they write; and what they take to keep
//! they copy, but for what is registered.
#![allow(
    clippy::missing_safety_doc,
    reason = "C's part of the contract stands above, and the rest is for Doxygen"
)]

use core::ffi::{c_char, c_int, c_void};

use heapless::Vec;
use rbpf_abi::Capabilities;
use rbpf_device::Status;
use rbpf_runtime::{Allowance, AppInfo, Grant, TenantId};
use rbpf_vm::Rights;

#[cfg(feature = "client")]
use crate::client::Remote;
use crate::containers::{self, Error};
#[cfg(feature = "gpio")]
use crate::gpio::Pin;
use crate::helpers::Helper;
use crate::hooks::{self, Hook};
#[cfg(feature = "saul")]
use crate::saul::SaulSource;
use crate::{queue, sys, worker};

/// Regions that a run may be granted.
const REGIONS: usize = rbpf_vm::REGIONS - rbpf_vm::region::GRANTED as usize;

/// @brief   The container may read the region
pub const REGION_READ: u8 = 1;
/// @brief   The container may write the region
pub const REGION_WRITE: u8 = 2;

/// @brief   Memory that a run is granted
///
/// Nothing that is registered with the module (hooks, helpers, pins) lies there.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Region {
    /// The memory; `NULL` only if its length is 0
    pub data: *mut c_void,
    /// Bytes
    pub length: usize,
    /// @ref RBPF_REGION_READ, @ref RBPF_REGION_WRITE, or both
    pub rights: u8,
}

/// @brief   A container and how it fares
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Info {
    /// Slot that it lies in, from 0
    pub slot: u8,
    /// Number of paths and hooks that it is bound to
    pub bindings: u8,
    /// Whether it runs no more before @ref rbpf_release, since too many of its
    /// runs in a row ended in a fault
    pub quarantined: bool,
    /// Number of its tenant, from 1 in the order of @ref rbpf_tenant_add; 0 if it
    /// has none
    pub tenant: u8,
    /// Counts the containers in that slot
    pub generation: u32,
    /// Whether its image says which version it is
    pub versioned: bool,
    /// Which version it is; 0 if its image does not say
    pub version: u32,
    /// Bytes of its image
    pub size: u32,
    /// Capabilities that it was granted, a bit each
    pub capabilities: u32,
    /// Runs; wraps, as all counters
    pub runs: u32,
    /// Runs that ended in a fault
    pub faults: u32,
    /// Helpers called
    pub helper_calls: u32,
    /// Runs that did not begin, because it was in quarantine, its share of
    /// `CONFIG_RBPF_RATE` or its tenant's was used up, or its last run was paused;
    /// and results other than 0 where it had no say
    pub denied: u32,
    /// Instructions of the longest run
    pub longest_run: u32,
    /// Program counter of the last fault, in instruction slots
    pub fault_pc: u32,
    /// Instructions executed
    pub instructions: u64,
}

impl Info {
    fn new(app: &AppInfo<'_>, bindings: u8) -> Self {
        Self {
            slot: app.id.slot(),
            bindings,
            quarantined: app.quarantined,
            tenant: app.tenant.map_or(0, TenantId::number),
            generation: app.id.generation(),
            versioned: app.version().is_some(),
            version: app.version().unwrap_or_default(),
            size: app.image.len() as u32,
            capabilities: app.granted.bits(),
            runs: app.counters.runs,
            faults: app.counters.faults,
            helper_calls: app.counters.helper_calls,
            denied: app.denied,
            longest_run: app.counters.longest_run,
            fault_pc: app.last_fault.map_or(0, |fault| fault.pc),
            instructions: app.counters.instructions,
        }
    }
}

/// @brief   What triggers a container
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BindingInfo {
    /// Path, hook, timer or value
    pub target: [c_char; 33],
    /// Name of the container
    pub name: [c_char; 17],
    /// Events that have come to it; wraps
    pub events: u32,
}

/// @brief   A value in a key-value store
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Value {
    /// Its store, as @ref rbpf_kv_fetch takes it; but empty for the global one, and
    /// `-` for that of images that are not installed
    pub store: [c_char; 18],
    /// Its key
    pub key: u32,
    /// The value
    pub value: u32,
}

/// @brief   A run that ended in a fault
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct FaultInfo {
    /// Name that the container had; `-` for an image that was not installed
    pub name: [c_char; 17],
    /// Why: `RBPF_FAULT_...`
    pub kind: u8,
    /// Slot that it lay in; 255 for an image that was not installed
    pub slot: u8,
    /// Which of the containers in that slot it was
    pub generation: u32,
    /// Instruction slot that did not complete
    pub pc: u32,
    /// When it was, in milliseconds since start; wraps
    pub at_ms: u32,
    /// Guest address of the access that was refused, or 0
    pub address: u64,
    /// r0 to r10
    pub registers: [u64; 11],
}

/// @brief   On whose behalf containers are installed
///
/// What its containers may have is meant for all of them together, but for the
/// capabilities.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Tenant {
    /// Its name: 1 to 16 visible characters of ASCII
    pub name: *const c_char,
    /// Capabilities that each may be granted: `RBPF_CAPABILITY_...`
    pub capabilities: u32,
    /// Instructions in a second; 0 is no limit beside that of each container
    pub rate: u32,
    /// Values in key-value stores
    pub values: u16,
    /// Containers
    pub slots: u8,
    /// Bindings
    pub bindings: u8,
    /// Runs that may be paused at a time, where `CONFIG_RBPF_PAUSES` is not 0
    pub paused: u8,
}

/// @brief   What the module has counted
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Stats {
    /// Requests to the worker; wraps, as all counters
    pub jobs: u32,
    /// Requests refused because too many waited
    pub refused: u32,
    /// Requests whose caller waited too long
    pub timeouts: u32,
    /// Events lost because too many waited
    pub events_lost: u32,
}

/// An error as C sees it.
fn errno(error: Error) -> c_int {
    let number = match error {
        Error::Interrupt => riot_sys::EPERM,
        Error::Worker => riot_sys::EDEADLK,
        Error::NotStarted => riot_sys::ENODEV,
        Error::Status(status) => match status {
            Status::Done | Status::Created => return 0,
            Status::NotFound => riot_sys::ENOENT,
            Status::Taken => riot_sys::EEXIST,
            Status::Invalid => riot_sys::EINVAL,
            Status::Forbidden => riot_sys::EACCES,
            Status::Refused => riot_sys::EBADMSG,
            Status::Full => riot_sys::ENOMEM,
            Status::Fault => riot_sys::EFAULT,
            Status::Budget => riot_sys::ECANCELED,
            Status::Quarantined => riot_sys::EACCES,
            Status::Throttled => riot_sys::EAGAIN,
            Status::Method => riot_sys::ENOTSUP,
            Status::Busy => riot_sys::EBUSY,
            Status::TimedOut => riot_sys::ETIMEDOUT,
        },
    };
    -(number as c_int)
}

const INVALID: Error = Error::Status(Status::Invalid);

/// What C gets of work that does not wait.
fn answer(work: impl FnOnce() -> Result<(), Error>) -> c_int {
    work().map_or_else(errno, |()| 0)
}

/// What C gets of work that waits. Refuses it in an interrupt, before it takes
/// any stack: that of interrupts may be smaller than what it needs.
fn wait(work: impl FnOnce() -> Result<c_int, Error>) -> c_int {
    #[inline(never)]
    fn begin(work: impl FnOnce() -> Result<c_int, Error>) -> c_int {
        work().unwrap_or_else(errno)
    }

    if sys::in_interrupt() {
        return errno(Error::Interrupt);
    }
    begin(work)
}

/// Writes a result where C wants it, if anywhere.
///
/// # Safety
///
/// The place is null or writable.
unsafe fn give<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not null, and promised by the caller.
        unsafe { place.write(value) };
    }
}

/// A text in so many bytes of C's, of which the last is 0.
fn text<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut bytes = [0; SIZE];
    for (place, byte) in bytes.iter_mut().take(SIZE - 1).zip(text.bytes()) {
        *place = byte as c_char;
    }
    bytes
}

/// A string of C.
///
/// # Safety
///
/// It is null, or points to a string that ends and stays while it is used.
unsafe fn string<'a>(text: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: promised by the caller.
    unsafe { sys::text(text) }.ok_or(INVALID)
}

/// A string of C, or none.
///
/// # Safety
///
/// As [`string`].
unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: promised by the caller.
    unsafe { string(text) }.map(Some)
}

/// Whether there can be memory of that length.
fn is_memory(data: *const c_void, length: usize) -> bool {
    let wraps = (data as usize).checked_add(length).is_none();
    !data.is_null() && length <= isize::MAX as usize && !wraps
}

/// Memory of C that is read.
///
/// # Safety
///
/// It is null or readable for so many bytes while it is used.
unsafe fn bytes<'a>(data: *const c_void, length: usize) -> Result<&'a [u8], Error> {
    if length == 0 {
        return Ok(&[]);
    }
    if !is_memory(data, length) {
        return Err(INVALID);
    }
    // SAFETY: not null, of a length that memory can have, and the rest is
    // promised by the caller.
    Ok(unsafe { core::slice::from_raw_parts(data.cast(), length) })
}

/// Memory of C that is written.
///
/// # Safety
///
/// It is null, or readable and writable for so many bytes while it is used,
/// and nothing else uses it meanwhile.
unsafe fn bytes_mut<'a>(data: *mut c_void, length: usize) -> Result<&'a mut [u8], Error> {
    if length == 0 {
        return Ok(&mut []);
    }
    if !is_memory(data, length) {
        return Err(INVALID);
    }
    // SAFETY: as in `bytes`.
    Ok(unsafe { core::slice::from_raw_parts_mut(data.cast(), length) })
}

/// A piece of memory.
fn piece<T>(data: *const T, length: usize, rights: u8) -> Region {
    Region {
        data: data.cast_mut().cast(),
        length,
        rights,
    }
}

/// A place for a result; of no length if there is none.
fn place<T>(place: *mut T) -> Region {
    let length = if place.is_null() { 0 } else { size_of::<T>() };
    piece(place, length, REGION_WRITE)
}

/// Whether one of two pieces of memory is written and they overlap.
fn clash(one: &Region, other: &Region) -> bool {
    let end = |region: &Region| (region.data as usize).saturating_add(region.length);
    let written = (one.rights | other.rights) & REGION_WRITE != 0;
    let empty = one.length == 0 || other.length == 0;
    written && !empty && (one.data as usize) < end(other) && (other.data as usize) < end(one)
}

/// The memory that C grants to a run: context and regions. Neither they nor the
/// result overlap with what is to stay as it is: the array of regions, and what is
/// `kept` beside it.
///
/// # Safety
///
/// Regions are null or readable for their count, and their memory is as their
/// rights say while it is used; that of the context is writable.
unsafe fn grants<'a>(
    context: *mut c_void,
    length: usize,
    regions: *const Region,
    count: usize,
    kept: &Region,
    result: *mut i64,
) -> Result<(&'a mut [u8], Vec<Grant<'a>, REGIONS>), Error> {
    if count > REGIONS || (count > 0 && regions.is_null()) {
        return Err(INVALID);
    }
    let regions = match count {
        0 => &[],
        // SAFETY: not null, and promised by the caller.
        _ => unsafe { core::slice::from_raw_parts(regions, count) },
    };
    let context = piece(context, length, REGION_READ | REGION_WRITE);
    let array = piece(regions.as_ptr(), size_of_val(regions), REGION_READ);
    let result = place(result);
    let mut used = regions.iter().chain([&context, &result]);
    if used.any(|used| clash(used, kept) || clash(used, &array)) {
        return Err(INVALID);
    }
    let mut grants = Vec::new();
    for (index, region) in regions.iter().enumerate() {
        let others = regions.iter().take(index);
        if others.chain([&context]).any(|other| clash(region, other)) {
            return Err(INVALID);
        }
        // SAFETY: promised by the caller; and none that is written overlaps
        // with another.
        let grant = unsafe {
            match region.rights {
                REGION_READ => Grant::Read(bytes(region.data, region.length)?),
                REGION_WRITE => Grant::Write(bytes_mut(region.data, region.length)?, Rights::Write),
                3 => Grant::Write(bytes_mut(region.data, region.length)?, Rights::ReadWrite),
                _ => return Err(INVALID),
            }
        };
        // There is room for all.
        let _ = grants.push(grant);
    }
    // SAFETY: promised by the caller, and no region overlaps with it.
    let context = unsafe { bytes_mut(context.data, context.length)? };
    Ok((context, grants))
}

/// @brief   Start the module
///
/// auto_init does it; this is for applications without. For a thread.
///
/// @retval 0            containers can be installed from now on
/// @retval -EPERM       it was called in an interrupt
/// @retval -EALREADY    it has been started
/// @retval -ENOMEM      there are no more threads
// SAFETY: no other symbol begins with `rbpf_`, here and below.
#[unsafe(no_mangle)]
pub extern "C" fn rbpf_init() -> c_int {
    wait(|| {
        if worker::is_started() {
            return Ok(-(riot_sys::EALREADY as c_int));
        }
        crate::start()?;
        Ok(0)
    })
}

/// @brief   Install a container
///
/// The image is copied and verified; nothing runs yet. The container gets all
/// capabilities that its image wants.
///
/// @param[in] name      name, 1 to 16 visible characters of ASCII
/// @param[in] image     image as `rbpf build` makes it, need not be aligned
/// @param[in] length    bytes of the image
///
/// @retval 0            it is installed
/// @retval -EINVAL      a pointer is `NULL`, or the name not as above
/// @retval -EEXIST      there is a container of that name
/// @retval -ENOMEM      no slot is free and large enough
/// @retval -EBADMSG     the image is malformed or the verifier refuses it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_install(
    name: *const c_char,
    image: *const c_void,
    length: usize,
) -> c_int {
    wait(|| {
        // SAFETY: promised by the caller.
        let (name, image) = unsafe { (string(name)?, bytes(image, length)?) };
        containers::install(name, image, Capabilities::all()).map(|_| 0)
    })
}

/// @brief   Make a tenant known, for good
///
/// @param[in] tenant    name and allowance; copied
///
/// @retval 0            containers can be installed for it from now on
/// @retval -EINVAL      a pointer is `NULL`, the name not as it must be, or a
///                      capability not defined
/// @retval -EEXIST      there is a tenant of that name
/// @retval -ENOMEM      there are `CONFIG_RBPF_TENANTS` already, or tenants are promised
///                      more paused runs than `CONFIG_RBPF_PAUSED`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_tenant_add(tenant: *const Tenant) -> c_int {
    wait(|| {
        // SAFETY: null, or a tenant: promised by the caller.
        let tenant = unsafe { tenant.as_ref() }.ok_or(INVALID)?;
        let allowance = Allowance {
            capabilities: Capabilities::from_bits(tenant.capabilities).ok_or(INVALID)?,
            slots: tenant.slots,
            bindings: tenant.bindings,
            values: tenant.values,
            paused: tenant.paused,
            rate: tenant.rate,
        };
        // SAFETY: promised by the caller.
        containers::add_tenant(unsafe { string(tenant.name)? }, allowance).map(|_| 0)
    })
}

/// @brief   Install a container of a tenant
///
/// As @ref rbpf_install, but it gets only those of the capabilities that its
/// tenant allows.
///
/// @param[in] tenant    name of the tenant
/// @param[in] name      as for @ref rbpf_install
/// @param[in] image     as for @ref rbpf_install
/// @param[in] length    as for @ref rbpf_install
///
/// @retval 0            it is installed
/// @retval -EINVAL      a pointer is `NULL`, or the name not as it must be
/// @retval -ENOENT      there is no such tenant
/// @retval -EEXIST      there is a container of that name
/// @retval -ENOMEM      no slot is free and large enough, or the tenant has as
///                      many containers as it may
/// @retval -EBADMSG     the image is malformed or the verifier refuses it, or it
///                      calls a helper that the tenant does not allow
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_install_for(
    tenant: *const c_char,
    name: *const c_char,
    image: *const c_void,
    length: usize,
) -> c_int {
    wait(|| {
        // SAFETY: promised by the caller.
        let (tenant, name) = unsafe { (string(tenant)?, string(name)?) };
        // SAFETY: promised by the caller.
        let image = unsafe { bytes(image, length)? };
        containers::install_for(tenant, name, image, Capabilities::all()).map(|_| 0)
    })
}

/// @brief   Replace a container by another version of it
///
/// It keeps name, tenant and bindings, and its values if the new image says so
/// (`RBPF_KEEP_VALUES` in its source). If the image is refused,
/// the container stays as it was.
///
/// @param[in] name      its name
/// @param[in] image     image as `rbpf build` makes it, aligned to 8 bytes
/// @param[in] length    bytes of the image
///
/// @retval 0            it is replaced
/// @retval -EINVAL      a pointer is `NULL`
/// @retval -ENOENT      there is no such container
/// @retval -ENOMEM      the image is larger than the slot
/// @retval -EBADMSG     the image is malformed or the verifier refuses it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_replace(
    name: *const c_char,
    image: *const c_void,
    length: usize,
) -> c_int {
    wait(|| {
        // SAFETY: promised by the caller.
        let (name, image) = unsafe { (string(name)?, bytes(image, length)?) };
        containers::replace(name, image, Capabilities::all()).map(|_| 0)
    })
}

/// @brief   Remove a container, its bindings and its stored values
///
/// @param[in] name      its name
///
/// @retval 0            it is gone
/// @retval -EINVAL      @p name is `NULL`
/// @retval -ENOENT      there is no such container
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_remove(name: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| containers::remove(unsafe { string(name)? }).map(|()| 0))
}

/// @brief   Let a container run again that is in quarantine
///
/// `CONFIG_RBPF_FAULT_LIMIT` faults in a row have led there. What is counted
/// of it stays.
///
/// @param[in] name      its name
///
/// @retval 0            it runs from now on, or always has
/// @retval -EINVAL      @p name is `NULL`
/// @retval -ENOENT      there is no such container
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_release(name: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| containers::release(unsafe { string(name)? }).map(|()| 0))
}

/// @brief   Look a container up
///
/// @param[in]  name     its name
/// @param[out] info     slot, rights and counters; may be `NULL`
///
/// @retval 0            it is there
/// @retval -EINVAL      @p name is `NULL`
/// @retval -ENOENT      there is no such container
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_find(name: *const c_char, info: *mut Info) -> c_int {
    wait(|| {
        // SAFETY: promised by the caller.
        let found = containers::info(unsafe { string(name)? }, Info::new)?;
        // SAFETY: promised by the caller.
        unsafe { give(info, found) };
        Ok(0)
    })
}

/// @brief   The container at a position
///
/// For who wants to see all: positions go from 0, in the order of slots. They are
/// those of a moment; what is installed or removed between two calls may be missed.
///
/// @param[in]  position position, from 0
/// @param[out] name     17 bytes for its name, with its NUL; may be `NULL`
/// @param[out] info     slot, rights and counters; may be `NULL`
///
/// @retval 0            it is there
/// @retval -EINVAL      @p name and @p info overlap
/// @retval -ENOENT      there are not so many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_at(position: u32, name: *mut c_char, info: *mut Info) -> c_int {
    wait(|| {
        let name: *mut [c_char; 17] = name.cast();
        if clash(&place(name), &place(info)) {
            return Err(INVALID);
        }
        let found = containers::at(position as usize, |app, bindings| {
            (text::<17>(app.name), Info::new(app, bindings))
        })?;
        // SAFETY: promised by the caller.
        unsafe {
            give(name, found.0);
            give(info, found.1);
        }
        Ok(0)
    })
}

/// @brief   The binding at a position, with the events that have come to it
///
/// In the order in which they were made; else as @ref rbpf_at.
///
/// @param[in]  position position, from 0
/// @param[out] binding  what is known of it; may be `NULL`
///
/// @retval 0            it is there
/// @retval -ENOENT      there are not so many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_binding_at(position: u32, binding: *mut BindingInfo) -> c_int {
    wait(|| {
        let found =
            containers::binding_at(position as usize, |target, name, events| BindingInfo {
                target: text(target),
                name: text(name),
                events,
            })?;
        // SAFETY: promised by the caller.
        unsafe { give(binding, found) };
        Ok(0)
    })
}

/// @brief   The SHA-256 digest of a container's image
///
/// @pre     Module `rbpf_digest`
///
/// @param[in]  name     its name
/// @param[out] digest   32 bytes
///
/// @retval 0            it is there
/// @retval -EINVAL      a pointer is `NULL`
/// @retval -ENOENT      there is no such container
/// @retval -ENOTSUP     the module `rbpf_digest` is not used
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_digest(name: *const c_char, digest: *mut u8) -> c_int {
    wait(|| {
        if digest.is_null() {
            return Err(INVALID);
        }
        // SAFETY: promised by the caller.
        let found = containers::digest(unsafe { string(name)? })?;
        let Some(found) = found else {
            return Ok(-(riot_sys::ENOTSUP as c_int));
        };
        // SAFETY: not null, and promised by the caller.
        unsafe { digest.cast::<[u8; 32]>().write(found) };
        Ok(0)
    })
}

/// @brief   One of the last faults of containers
///
/// `CONFIG_RBPF_FAULT_LOG` of them are kept; those of a container end with it.
///
/// @param[in]  position 0 for the last one, 1 for the one before, and so on
/// @param[out] fault    what is known of it; may be `NULL`
///
/// @retval 0            it is there
/// @retval -ENOENT      so many are not kept, or there were not so many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_fault(position: u32, fault: *mut FaultInfo) -> c_int {
    wait(|| {
        let found = containers::fault(position as usize, |entry| FaultInfo {
            name: text(&entry.name),
            kind: entry.fault.kind as u8,
            slot: entry.app.slot(),
            generation: entry.app.generation(),
            pc: entry.fault.pc,
            at_ms: entry.at_ms,
            address: entry.fault.address,
            registers: entry.registers,
        })?;
        // SAFETY: promised by the caller.
        unsafe { give(fault, found) };
        Ok(0)
    })
}

/// @brief   Bind a container to a CoAP path, to a timer, to a value, to answers or to a
///          hook
///
/// On a path or hook any number of containers run, in the order in which they were
/// bound. A path belongs to one tenant, or to nobody's containers: the first that
/// starts a response, or returns something else than 0, answers the request. The
/// module's own hook is `boot`, see @ref rbpf_boot.
/// `kv:global:KEY`, `kv:tenant:KEY` and `kv:local:KEY` run it after that value
/// has changed in a store; it needs the right to fetch it.
/// The timer `every:MS` runs the container each so many milliseconds,
/// `after:MS` once; times that it misses because others run are passed over.
/// At `alarm` it runs when it has asked for it by `bpf_timer_set()`.
/// `answer` runs it after a request of its own has ended, with `rbpf_client`.
///
/// @param[in] name      the container's name
/// @param[in] target    path with its leading slash, of letters, digits and
///                      `-._~!$&'()*+=:@/`, without a segment `.` or `..`; timer with its
///                      milliseconds, 1 to 1073741823; `alarm`; value with its key;
///                      `answer`; or name of a registered hook; at most 32 bytes
///
/// @retval 0            it is bound
/// @retval -EINVAL      a pointer is `NULL`, the path malformed or too long, the
///                      timer without a time, or the value without store or key
/// @retval -ENOENT      there is no such container or hook
/// @retval -EACCES      the container has not been granted what the target needs, or has
///                      been granted what the hook forbids
/// @retval -EEXIST      the path is another tenant's, the module's own, or that of
///                      another listener of gcoap's, or the container is bound there
/// @retval -ENOMEM      the table of bindings is full, or its tenant has as many
///                      as it may
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_bind(name: *const c_char, target: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| unsafe { containers::bind(string(name)?, string(target)?) }.map(|()| 0))
}

/// @brief   Undo @ref rbpf_bind
///
/// @param[in] name      the container's name; `NULL` for all containers
/// @param[in] target    the path, timer or hook
///
/// @retval 0            done
/// @retval -EINVAL      @p target is `NULL`
/// @retval -ENOENT      nothing was bound there
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_unbind(name: *const c_char, target: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| unsafe { containers::unbind(string(target)?, optional(name)?) }.map(|()| 0))
}

/// @brief   Make a hook known, so that containers can be bound to it
///
/// @param[in] hook      the hook, initialised by @ref RBPF_HOOK_INIT; it stays
///                      where it is
///
/// @retval 0            it is known
/// @retval -EINVAL      @p hook is `NULL`, its policy or a capability is not
///                      defined, or its name is not 1 to 32 visible characters of ASCII,
///                      begins with a slash, or is that of a timer
/// @retval -EEXIST      there is a hook of that name
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_hook_register(hook: *mut Hook) -> c_int {
    // SAFETY: null, or a hook that stays: promised by the caller.
    answer(|| Ok(unsafe { hook.as_ref() }.ok_or(INVALID)?.register()?))
}

/// @brief   Run the containers that are bound to a hook, and wait for them
///
/// They run in the worker thread in the order of their binding, each with a
/// budget of `CONFIG_RBPF_BUDGET` instructions. r1 points to the context, r2
/// is its length; regions are at the guest addresses 0x05000000, 0x06000000
/// and 0x07000000. What a container writes there, the next one sees. A
/// container that has begun is waited for, however long it takes.
///
/// If nothing is bound, this is a load and a branch: 0 is returned, whatever
/// the arguments are.
///
/// @param[in]     hook      the hook, registered
/// @param[in,out] context   memory that containers read and write; may be
///                          `NULL` if @p length is 0
/// @param[in]     length    bytes of it, up to 16 MiB
/// @param[in]     regions   further memory; may be `NULL` if @p count is 0
/// @param[in]     count     number of regions, up to 3
/// @param[out]    result    the result (r0), of the last container that
///                          returned or as the hook's policy says; unchanged
///                          if there is none; may be `NULL`, or in the context
///                          or a region: it is written last
///
/// @return  number of containers that ran and returned; those in quarantine,
///          or that have used up their share of time, are passed over
/// @retval -EINVAL      a pointer is `NULL`, or regions are too many, have
///                      other rights than are defined, or overlap although
///                      one may be written; or context, a region or the result
///                      overlap with the hook, or with the array of regions
///                      although they may be written
/// @retval -EFAULT      containers ran, and all ended in a fault; or one did,
///                      and the policy is @ref RBPF_POLICY_STOP_ON_FAULT
/// @retval -ECANCELED   as -EFAULT, and the first used its budget up
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_hook_trigger(
    hook: *const Hook,
    context: *mut c_void,
    length: usize,
    regions: *const Region,
    count: usize,
    result: *mut i64,
) -> c_int {
    // SAFETY: null, or a hook that stays: promised by the caller.
    let Some(hook) = (unsafe { hook.as_ref() }) else {
        return errno(INVALID);
    };
    if hook.bound() == 0 {
        return 0;
    }
    wait(|| {
        // Others count what is bound to it meanwhile.
        let kept = piece(hook, size_of::<Hook>(), REGION_READ | REGION_WRITE);
        // SAFETY: promised by the caller.
        let (context, mut regions) =
            unsafe { grants(context, length, regions, count, &kept, result)? };
        let triggered = hook.trigger(context, &mut regions)?;
        if let Some(value) = triggered.result {
            // SAFETY: promised by the caller.
            unsafe { give(result, value as i64) };
        }
        match triggered.failure {
            Some((_, error)) if triggered.result.is_none() => Err(Error::from(error)),
            _ => Ok((triggered.runs - triggered.faults).into()),
        }
    })
}

/// @brief   Have the containers that are bound to a hook run soon
///
/// Leaves an event for the worker thread, with a copy of the context, of which
/// each container gets its own. From any context, also an interrupt. If nothing
/// is bound, this is a load and a branch: 0 is returned, whatever the context is.
///
/// @param[in] hook      the hook, registered
/// @param[in] context   what containers get; may be `NULL` if @p length is 0
/// @param[in] length    bytes of it, up to `CONFIG_RBPF_EVENT_SIZE`
///
/// @retval 0            the event waits, or nothing is bound
/// @retval -EINVAL      a pointer is `NULL`, or the context too long
/// @retval -ENOMEM      too many events wait; this one is lost, and counted
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_hook_post(
    hook: *const Hook,
    context: *const c_void,
    length: usize,
) -> c_int {
    // SAFETY: null, or a hook that stays: promised by the caller.
    let Some(hook) = (unsafe { hook.as_ref() }) else {
        return errno(INVALID);
    };
    if hook.bound() == 0 {
        return 0;
    }
    // SAFETY: promised by the caller.
    unsafe { post(hook, context, length) }
}

/// Not inlined: where nothing is bound, not even a stack frame is made.
///
/// # Safety
///
/// As of [`rbpf_hook_post`].
#[inline(never)]
unsafe fn post(hook: &'static Hook, context: *const c_void, length: usize) -> c_int {
    // SAFETY: promised by the caller.
    answer(|| Ok(hook.post(unsafe { bytes(context, length)? })?))
}

/// @brief   Run the containers that are bound to the hook `boot`
///
/// For the application to call once it has installed and bound what it brings.
/// They get no context, and what they return is not looked at.
///
/// @return  number of containers that have run
/// @return  a negative error, as of @ref rbpf_hook_trigger
#[unsafe(no_mangle)]
pub extern "C" fn rbpf_boot() -> c_int {
    wait(|| Ok(hooks::boot()?.runs.into()))
}

/// @brief   Make a helper of the application's own known
///
/// Containers that are installed from now on may call it, if they have the
/// capability. Their arguments are checked as the helper's parameters say: a
/// container that passes memory it does not have ends in a fault, and the
/// function is not called.
///
/// The function is called by the worker thread, on whose stack of
/// `CONFIG_RBPF_STACK_SIZE` bytes some 700 are left for it by default. It must
/// not take long, and must not call functions of this module that wait.
///
/// @param[in] helper    the helper; it stays where it is
///
/// @retval 0            it is known
/// @retval -EINVAL      @p helper or its function is `NULL`; its number is
///                      below @ref RBPF_HELPER_FIRST; a capability or kind of
///                      parameter is not defined; or the last parameter is
///                      memory without a length
/// @retval -EEXIST      there is a helper of that number
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_helper_register(helper: *mut Helper) -> c_int {
    // SAFETY: null, or a helper that stays: promised by the caller.
    let helper = unsafe { helper.as_ref() };
    answer(|| {
        let helper = helper.filter(|helper| !helper.is_empty());
        Ok(helper.ok_or(INVALID)?.register()?)
    })
}

/// @brief   Set a pin up, and make it known to containers
///
/// They find it by name, if they have the right `gpio`; its index is how many pins
/// were known before. Where edges of an input are events, it has a hook
/// `gpio:NAME`, to which containers with that right are bound. They get a
/// `rbpf_gpio_ctx_t`. While none is bound, its interrupt ends after a load and a
/// branch.
///
/// The pin stays what it is. An output keeps its level as far as `gpio_init()`
/// does. As of RIOT's functions, the board must have the pin, and, on some, enough
/// interrupts for pins.
///
/// @param[in] pin       the pin, initialised by @ref RBPF_PIN_INIT or
///                      @ref RBPF_PIN_INIT_EDGES; it stays where it is
///
/// @retval 0            containers may use it
/// @retval -EPERM       it was called in an interrupt
/// @retval -EINVAL      @p pin is `NULL`; it is `GPIO_UNDEF`; its name is not 1 to
///                      27 visible characters of ASCII; its mode or edges are not
///                      defined, or edges are those of an output
/// @retval -EEXIST      there is a pin or hook of that name, or the pin is known
/// @retval -ENOMEM      65536 pins are known
/// @retval -ENOTSUP     the hardware does not do that
#[cfg(feature = "gpio")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_gpio_register(pin: *mut Pin) -> c_int {
    // SAFETY: null, or a pin that stays: promised by the caller.
    answer(|| unsafe { pin.as_ref() }.ok_or(INVALID)?.register())
}

/// @brief   Let containers make CoAP requests to a remote
///
/// They find it by name, if they have the right `coap-request`; its index is how many
/// remotes were known before. It stays what it is.
///
/// @param[in] remote    the remote, initialised by @ref RBPF_REMOTE_INIT; it stays
///                      where it is
/// @param[in] endpoint  its address, of IPv6, for example from `sock_udp_str2ep()`;
///                      port 0 is that of CoAP, 5683. It is copied.
///
/// @retval 0            containers may use it
/// @retval -EPERM       it was called in an interrupt
/// @retval -EINVAL      one of them is `NULL`; the name is not of visible characters
///                      of ASCII; the address is none of IPv6, unspecified, or that
///                      of a group
/// @retval -EEXIST      there is a remote of that name
/// @retval -ENOMEM      65536 remotes are known
#[cfg(feature = "client")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_remote_register(
    remote: *mut Remote,
    endpoint: *const riot_sys::sock_udp_ep_t,
) -> c_int {
    answer(|| {
        // SAFETY: null, or a remote that stays, and an endpoint: promised by the
        // caller.
        let (remote, endpoint) = unsafe { (remote.as_ref(), endpoint.as_ref()) };
        remote.ok_or(INVALID)?.register(endpoint.ok_or(INVALID)?)
    })
}

/// @brief   Make a SAUL device known as a source of events
///
/// It has a hook `saul:NAME`, to which containers with the right `sensor` are
/// bound. They get a `rbpf_saul_ctx_t`.
///
/// @param[in] source    the source, initialised by @ref RBPF_SAUL_SOURCE_INIT; it
///                      stays where it is
/// @param[in] device    a device of the SAUL registry, which stays there
///
/// @retval 0            containers can be bound to it
/// @retval -EPERM       it was called in an interrupt
/// @retval -EINVAL      @p source is `NULL`; its name is not 1 to 27 visible
///                      characters of ASCII; or `CONFIG_RBPF_EVENT_SIZE` is below
///                      16
/// @retval -ENOENT      the device is `NULL`, or not in the registry
/// @retval -EEXIST      the source, or a hook of that name, is known
#[cfg(feature = "saul")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_saul_register(
    source: *mut SaulSource,
    device: *const riot_sys::saul_reg_t,
) -> c_int {
    answer(|| {
        if sys::in_interrupt() {
            return Err(Error::Interrupt);
        }
        // SAFETY: null, or a source that stays: promised by the caller.
        let source = unsafe { source.as_ref() }.ok_or(INVALID)?;
        let position = sys::saul::Device::position(device).ok_or(Status::NotFound)?;
        Ok(source.register(position)?)
    })
}

/// @brief   Have the containers run soon that are bound to a SAUL device's events
///
/// For whoever notices that its value is worth it: a driver's callback, a thread
/// that compares. From any context, also an interrupt. If nothing is bound, this
/// is a load and a branch: 0 is returned, whatever the value is.
///
/// @param[in] source        the source, registered
/// @param[in] value         the value; copied. `NULL` leaves it to containers to
///                          read it, in the worker thread
/// @param[in] dimensions    of the value, 1 to 3; not looked at without
///
/// @retval 0            the event waits, or nothing is bound
/// @retval -EINVAL      @p source is `NULL`, or the dimensions are others
/// @retval -ENOMEM      too many events wait; this one is lost, and counted
#[cfg(feature = "saul")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_saul_event(
    source: *const SaulSource,
    value: *const riot_sys::phydat_t,
    dimensions: u8,
) -> c_int {
    // SAFETY: null, or a source that stays: promised by the caller.
    let Some(source) = (unsafe { source.as_ref() }) else {
        return errno(INVALID);
    };
    if source.bound() == 0 {
        return 0;
    }
    // SAFETY: promised by the caller.
    unsafe { saul_event(source, value, dimensions) }
}

/// # Safety
///
/// As of [`rbpf_saul_event`].
#[cfg(feature = "saul")]
#[inline(never)]
unsafe fn saul_event(
    source: &'static SaulSource,
    value: *const riot_sys::phydat_t,
    dimensions: u8,
) -> c_int {
    // SAFETY: null, or a value: promised by the caller.
    let value = unsafe { value.as_ref() };
    answer(|| Ok(source.event(value.map(|value| (value, dimensions)))?))
}

/// @brief   Run an image once, without installing it
///
/// It runs in the worker thread, in place: the image is verified before, and
/// not copied. What it stores locally, the next image that is run so finds.
///
/// @param[in]     image          image as `rbpf build` makes it, aligned to 8
///                               bytes
/// @param[in]     image_length   bytes of it
/// @param[in,out] context        as for @ref rbpf_hook_trigger
/// @param[in]     length         bytes of the context
/// @param[in]     regions        as for @ref rbpf_hook_trigger
/// @param[in]     count          number of regions, up to 3
/// @param[in]     budget         instructions that it may execute
/// @param[out]    result         what it returns (r0); may be `NULL`, or in the
///                               context or a region: it is written last
///
/// @retval 0            it has returned
/// @retval -EINVAL      a pointer is `NULL`, or regions are wrong as for
///                      @ref rbpf_hook_trigger; or context, a region or the
///                      result overlap with the image although they may be
///                      written
/// @retval -EBADMSG     the image is malformed, not aligned, or the verifier
///                      refuses it
/// @retval -EFAULT      it ended in a fault
/// @retval -ECANCELED   it used its budget up
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_execute(
    image: *const c_void,
    image_length: usize,
    context: *mut c_void,
    length: usize,
    regions: *const Region,
    count: usize,
    budget: u32,
    result: *mut i64,
) -> c_int {
    wait(|| {
        if image.is_null() {
            return Err(INVALID);
        }
        // SAFETY: promised by the caller.
        let image = unsafe { bytes(image, image_length)? };
        let kept = piece(image.as_ptr(), image.len(), REGION_READ);
        // SAFETY: promised by the caller; and none of what is written overlaps
        // with the image.
        let (context, mut regions) =
            unsafe { grants(context, length, regions, count, &kept, result)? };
        let value = containers::execute(image, Capabilities::all(), context, &mut regions, budget)?;
        // SAFETY: promised by the caller.
        unsafe { give(result, value as i64) };
        Ok(0)
    })
}

/// @brief   Read a value of a key-value store
///
/// @param[in]  name     container whose store it is, `@NAME` for that of a tenant,
///                      `NULL` for the global one
/// @param[in]  key      the key
/// @param[out] value    the value; may be `NULL`
///
/// @retval 0            it is there
/// @retval -ENOENT      there is no such container, tenant or key
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_kv_fetch(name: *const c_char, key: u32, value: *mut u32) -> c_int {
    wait(|| {
        // SAFETY: promised by the caller.
        let fetched = containers::fetch(unsafe { optional(name)? }, key)?;
        // SAFETY: promised by the caller.
        unsafe { give(value, fetched) };
        Ok(0)
    })
}

/// @brief   Write a value of a key-value store
///
/// A new key of a container's store is charged to the container, any other to the
/// application, which has the same share as each slot.
///
/// @param[in] name      container whose store it is, `@NAME` for that of a
///                      tenant, `NULL` for the global one
/// @param[in] key       the key
/// @param[in] value     the value
///
/// @retval 0            it is stored
/// @retval -ENOENT      there is no such container
/// @retval -ENOMEM      the share is used up
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_kv_store(name: *const c_char, key: u32, value: u32) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| containers::store(unsafe { optional(name)? }, key, value).map(|()| 0))
}

/// @brief   Erase a value of a key-value store
///
/// @param[in] name      container whose store it is, `@NAME` for that of a
///                      tenant, `NULL` for the global one
/// @param[in] key       the key
///
/// @retval 0            it is gone
/// @retval -ENOENT      there is no such container, tenant or key
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_kv_erase(name: *const c_char, key: u32) -> c_int {
    // SAFETY: promised by the caller.
    wait(|| containers::erase(unsafe { optional(name)? }, key).map(|()| 0))
}

/// @brief   The value at a position, of all in all stores
///
/// By store and key; else as @ref rbpf_at.
///
/// @param[in]  position position, from 0
/// @param[out] value    store, key and value; may be `NULL`
///
/// @retval 0            it is there
/// @retval -ENOENT      there are not so many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_kv_at(position: u32, value: *mut Value) -> c_int {
    wait(|| {
        let found = containers::value_at(position as usize, |store, entry| Value {
            store: text(store),
            key: entry.key,
            value: entry.value,
        })?;
        // SAFETY: promised by the caller.
        unsafe { give(value, found) };
        Ok(0)
    })
}

/// @brief   What the module has counted; from any context
///
/// @param[out] stats    the counters
///
/// @retval 0            they are there
/// @retval -EINVAL      @p stats is `NULL`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_stats(stats: *mut Stats) -> c_int {
    if stats.is_null() {
        return errno(INVALID);
    }
    let counted = queue::stats();
    // SAFETY: not null, and promised by the caller.
    unsafe {
        stats.write(Stats {
            jobs: counted.jobs,
            refused: counted.refused,
            timeouts: counted.timeouts,
            events_lost: hooks::lost(),
        });
    }
    0
}
