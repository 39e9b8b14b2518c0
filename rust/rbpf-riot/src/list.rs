// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of what an application registers: statics, in lists that only grow, so they
//! can be walked at any time, from any context.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use rbpf_device::Status;

/// What can be in a [`List`], of which each type has one.
///
/// # Safety
///
/// `next` is the same cell each time, null in what Rust makes, and nobody else sets it.
pub(crate) unsafe trait Listed: Sync + Sized + 'static {
    /// Where the list keeps what comes after it.
    fn next(&self) -> &Cell<*const c_void>;
}

/// A list; the newest is the first.
pub(crate) struct List<T: 'static>(AtomicPtr<T>);

impl<T: Listed> List<T> {
    /// A list with nothing in it.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// A list with one thing in it from the start.
    pub(crate) const fn with(first: &'static T) -> Self {
        Self(AtomicPtr::new(ptr::from_ref(first).cast_mut()))
    }

    /// All that is in it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static T> + use<T> {
        // SAFETY: null, or what `with` and `add` were given, which is static.
        let at = |entry: *const T| unsafe { entry.as_ref::<'static>() };
        core::iter::successors(at(self.0.load(Ordering::Acquire)), move |entry| {
            at(entry.next().get().cast())
        })
    }

    /// Adds something that is in no list yet, if `prepare` agrees, with interrupts off:
    /// nobody finds it before it is whole.
    ///
    /// # Errors
    ///
    /// What `prepare` returns.
    pub(crate) fn add(
        &self,
        entry: &'static T,
        prepare: impl FnOnce() -> Result<(), Status>,
    ) -> Result<(), Status> {
        riot_wrappers::interrupt::free(|_| {
            prepare()?;
            entry.next().set(self.0.load(Ordering::Relaxed).cast());
            self.0
                .store(ptr::from_ref(entry).cast_mut(), Ordering::Release);
            Ok(())
        })
    }

    /// The index of what comes next, if each has one, from 0.
    #[cfg(any(feature = "client", feature = "gpio"))]
    pub(crate) fn next_index(&self) -> Result<u16, Status> {
        self.iter().count().try_into().map_err(|_| Status::Full)
    }
}
