// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C API, declared and documented in `pkg/rbpf/include/rbpf.h`.
//!
//! Null pointers and wrong lengths are negative error numbers. What C must
//! promise, because nobody can check it: strings end, and an image has the
//! length that it is said to have.

use core::ffi::{CStr, c_char, c_int, c_void};

use crate::job::{Job, Operation, Status};
use crate::queue::{self, Fill};
use crate::staging;
use crate::staging::PieceError;

/// A status as C sees it.
fn errno(status: Status) -> c_int {
    let number = match status {
        Status::Done => return 0,
        Status::NotFound => riot_sys::ENOENT,
        Status::Taken => riot_sys::EEXIST,
        Status::Invalid => riot_sys::EINVAL,
        Status::Refused => riot_sys::EBADMSG,
        Status::Full => riot_sys::ENOMEM,
        Status::Fault => riot_sys::EFAULT,
        Status::Budget => riot_sys::ECANCELED,
        Status::Busy => riot_sys::EBUSY,
        Status::TimedOut => riot_sys::ETIMEDOUT,
    };
    -(number as c_int)
}

/// A string of C.
///
/// # Safety
///
/// It is null, or points to a string that ends and stays while it is used.
unsafe fn string<'a>(text: *const c_char) -> Result<&'a str, Status> {
    if text.is_null() {
        return Err(Status::Invalid);
    }
    // SAFETY: not null, and the rest is promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Status::Invalid)
}

fn ask(operation: Operation, fill: Fill<'_>) -> c_int {
    match queue::ask(operation, fill) {
        Ok(mut ticket) => errno(ticket.job().map_or(Status::Busy, |job| job.status)),
        Err(status) => errno(status),
    }
}

/// See `rbpf.h`.
///
/// # Safety
///
/// `name` is null or a string; `image` is null or valid for `length` bytes.
// SAFETY: no other symbol begins with `rbpf_`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_install(
    name: *const c_char,
    image: *const c_void,
    length: usize,
) -> c_int {
    if image.is_null() || length > isize::MAX as usize {
        return errno(Status::Invalid);
    }
    // SAFETY: promised by the caller.
    let name = match unsafe { string(name) } {
        Ok(name) => name,
        Err(status) => return errno(status),
    };
    // SAFETY: not null; the rest is promised by the caller.
    let image = unsafe { core::slice::from_raw_parts(image.cast::<u8>(), length) };
    staging::clear();
    match staging::put(name, 0, image) {
        Ok(_) => ask(Operation::Install, &mut |job: &mut Job| job.set_name(name)),
        Err(PieceError::Name | PieceError::Order) => errno(Status::Invalid),
        Err(PieceError::TooLarge) => errno(Status::Full),
    }
}

/// See `rbpf.h`.
///
/// # Safety
///
/// `name` is null or a string.
// SAFETY: no other symbol begins with `rbpf_`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_remove(name: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    match unsafe { string(name) } {
        Ok(name) => ask(Operation::Remove, &mut |job: &mut Job| job.set_name(name)),
        Err(status) => errno(status),
    }
}

/// See `rbpf.h`.
///
/// # Safety
///
/// `name` and `path` are null or strings.
// SAFETY: no other symbol begins with `rbpf_`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_bind(name: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    match unsafe { (string(name), string(path)) } {
        (Ok(name), Ok(path)) => ask(Operation::Bind, &mut |job: &mut Job| {
            job.set_name(name)?;
            job.set_path(path).map_err(|_| Status::Invalid)
        }),
        (Err(status), _) | (_, Err(status)) => errno(status),
    }
}

/// See `rbpf.h`.
///
/// # Safety
///
/// `path` is null or a string.
// SAFETY: no other symbol begins with `rbpf_`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rbpf_unbind(path: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    match unsafe { string(path) } {
        Ok(path) => ask(Operation::Unbind, &mut |job: &mut Job| job.set_path(path)),
        Err(status) => errno(status),
    }
}
