// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers, for applications in Rust.
//!
//! Each function has the worker do something with its runtime, and waits for
//! it. Threads only, and not from a helper, which the worker itself calls:
//! that, and a module that was not started, is an [`Error`], as is waiting
//! longer than `CONFIG_RBPF_TIMEOUT_MS` for the worker to begin.

use rbpf_abi::Capabilities;
use rbpf_device::Status;
use rbpf_runtime::{
    Allowance, AppId, AppInfo, BindError, ExecuteError, FaultEntry, Grant, InstallError, KvEntry,
    KvScope, RunError, TenantError, TenantId, is_automatic,
};

use crate::hooks;
use crate::queue;
use crate::worker::{self, Containers};

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// What the device says.
    Status(Status),
    /// This is an interrupt.
    Interrupt,
    /// This is the worker, which would wait for itself.
    Worker,
    /// The module has not been started.
    NotStarted,
}

macro_rules! errors_by_status {
    ($($error:ty)*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Status(error.into())
            }
        })*
    };
}
errors_by_status!(Status InstallError TenantError BindError RunError);

/// Has the worker call a function with its runtime, once; the function must
/// not take long, since all containers wait for it.
///
/// # Errors
///
/// The function was not called then.
pub(crate) fn with_runtime<R: Send>(
    work: impl FnOnce(&mut Containers) -> R + Send,
) -> Result<R, Error> {
    if crate::sys::in_interrupt() {
        return Err(Error::Interrupt);
    }
    if !worker::is_started() {
        return Err(Error::NotStarted);
    }
    if worker::is_current() {
        return Err(Error::Worker);
    }
    let mut work = Some(work);
    let mut result = None;
    queue::call(&mut |runtime| result = work.take().map(|work| work(runtime)))?;
    // It has been called: there was no error.
    result.ok_or(Error::Status(Status::Busy))
}

/// The container of a name.
fn find(runtime: &Containers, name: &str) -> Result<AppId, Error> {
    runtime.find(name).ok_or(Status::NotFound.into())
}

/// Which store is meant: that of a container, `@NAME` of a tenant, or the
/// global one.
fn scope(runtime: &Containers, name: Option<&str>) -> Result<KvScope, Error> {
    let scope = match name {
        Some("") => None,
        _ => rbpf_device::scope(runtime, name.unwrap_or_default()),
    };
    scope.ok_or(Status::NotFound.into())
}

/// Adds a tenant, for good.
///
/// # Errors
///
/// `Invalid` for a name that is none, `Taken` if there is a tenant of that name,
/// `Full` if there are `CONFIG_RBPF_TENANTS`.
pub fn add_tenant(name: &str, allowance: Allowance) -> Result<TenantId, Error> {
    with_runtime(|runtime| runtime.add_tenant(name, allowance))?.map_err(Error::from)
}

/// [Installs](install) a container of a tenant, which is granted no more than that
/// allows.
///
/// # Errors
///
/// `NotFound` if there is no such tenant; else as [`install`], also `Full` if the
/// tenant has as many containers as it may.
pub fn install_for(
    tenant: &str,
    name: &str,
    image: &[u8],
    allowed: Capabilities,
) -> Result<AppId, Error> {
    with_runtime(|runtime| {
        let tenant = runtime.tenant(tenant).ok_or(Status::NotFound)?;
        Ok(runtime.install_for(tenant, name, image, allowed)?)
    })?
}

/// Installs a container, which may do what its image wants of `allowed`.
/// The image is copied.
///
/// # Errors
///
/// `Invalid` for a wrong name, `Taken` if there is a container of that name,
/// `Full` if no slot is free or large enough, `Refused` if the image is
/// malformed or the verifier refuses it.
pub fn install(name: &str, image: &[u8], allowed: Capabilities) -> Result<AppId, Error> {
    with_runtime(|runtime| runtime.install(name, image, allowed))?.map_err(Error::from)
}

/// Replaces a container, which keeps its name and bindings, and its values if
/// the new image says so. If the image is refused, the container stays as it was. The image
/// begins at a multiple of 8 bytes, and is copied.
///
/// # Errors
///
/// `NotFound` if there is no such container; else as [`install`].
pub fn replace(name: &str, image: &[u8], allowed: Capabilities) -> Result<AppId, Error> {
    with_runtime(|runtime| {
        let app = find(runtime, name)?;
        Ok(runtime.replace(app, image, allowed)?)
    })?
}

/// Removes a container, its bindings and values.
///
/// # Errors
///
/// `NotFound` if there is no such container.
pub fn remove(name: &str) -> Result<(), Error> {
    with_runtime(|runtime| {
        let app = find(runtime, name)?;
        runtime.remove(app);
        Ok(())
    })?
}

/// Lets a container run again that is in quarantine, since
/// `CONFIG_RBPF_FAULT_LIMIT` of its runs in a row have ended in a fault.
///
/// # Errors
///
/// `NotFound` if there is no such container.
pub fn release(name: &str) -> Result<(), Error> {
    with_runtime(|runtime| {
        let app = find(runtime, name)?;
        runtime.release(app);
        Ok(())
    })?
}

/// Binds a container to a CoAP path, which begins with a slash, to a timer,
/// `every:MS`, `after:MS` or its own `alarm`, to a value, `kv:global:KEY`, `kv:tenant:KEY` or
/// `kv:local:KEY`, to the answers to its requests, `answer`, or to a hook.
///
/// # Errors
///
/// `NotFound` if there is no such container or hook, `Forbidden` if the
/// container has not been granted what the target needs, or has been granted what the hook
/// forbids, `Invalid` for a path that is [none](rbpf_runtime::is_plain_path), and a malformed
/// time or key, `Taken` if a container of another tenant's or another listener of gcoap's
/// answers there or this one is bound there, `Full` if the table of bindings is.
pub fn bind(name: &str, target: &str) -> Result<(), Error> {
    with_runtime(|runtime| {
        let app = find(runtime, name)?;
        if worker::is_taken(target) {
            return Err(Status::Taken.into());
        }
        if target.starts_with('/') || is_automatic(target) {
            runtime.bind(target, app)?;
        } else {
            let hook = hooks::all().find(|hook| hook.name() == target);
            runtime.bind_hook(&hook.ok_or(Status::NotFound)?.rules(), app)?;
        }
        Ok(())
    })?
}

/// Undoes [`bind`], for one container or all.
///
/// # Errors
///
/// `NotFound` if it is not bound there.
pub fn unbind(target: &str, name: Option<&str>) -> Result<(), Error> {
    with_runtime(|runtime| {
        let app = name.map(|name| find(runtime, name)).transpose()?;
        if runtime.unbind(target, app) {
            Ok(())
        } else {
            Err(Status::NotFound.into())
        }
    })?
}

/// Runs an image once, without installing it, and waits for the result. It
/// begins at a multiple of 8 bytes. r1 points to the context, and the regions
/// are numbered from 5 on. What it keeps in its local store, the next image
/// that is run so finds there.
///
/// # Errors
///
/// `Refused` for the image, `Invalid` for regions that are too many or too
/// long, `Fault`, `Budget`.
pub fn execute(
    image: &[u8],
    allowed: Capabilities,
    context: &mut [u8],
    regions: &mut [Grant<'_>],
    budget: u32,
) -> Result<u64, Error> {
    with_runtime(|runtime| {
        let result = runtime.execute(image, allowed, context, regions, budget);
        runtime.services().end_line();
        match result {
            Ok(report) => report
                .outcome
                .map_err(|fault| RunError::Fault(fault).into()),
            Err(ExecuteError::Refused(error)) => Err(error.into()),
            Err(ExecuteError::Grant) => Err(Status::Invalid.into()),
        }
    })?
}

/// The value under a key, in the store of a container, `@NAME` of a tenant, or the global one.
///
/// # Errors
///
/// `NotFound` if there is no such container, tenant or key.
pub fn fetch(name: Option<&str>, key: u32) -> Result<u32, Error> {
    with_runtime(|runtime| {
        let value = runtime.fetch(scope(runtime, name)?, key);
        value.ok_or(Status::NotFound.into())
    })?
}

/// Stores a value under a key. A new key in a container's store is charged to the
/// container, any other to the application's own share.
///
/// # Errors
///
/// `NotFound` if there is no such container or tenant, `Full` if the share is used up.
pub fn store(name: Option<&str>, key: u32, value: u32) -> Result<(), Error> {
    with_runtime(|runtime| {
        let scope = scope(runtime, name)?;
        let stored = runtime.store(scope, key, value);
        stored.map_err(|_| Status::Full.into())
    })?
}

/// Erases the value under a key.
///
/// # Errors
///
/// `NotFound` if there is no such container, tenant or key.
pub fn erase(name: Option<&str>, key: u32) -> Result<(), Error> {
    with_runtime(|runtime| {
        let scope = scope(runtime, name)?;
        if runtime.erase(scope, key) {
            Ok(())
        } else {
            Err(Status::NotFound.into())
        }
    })?
}

/// Has a container looked at, with the number of its bindings.
///
/// # Errors
///
/// `NotFound` if there is no such container.
pub fn info<R: Send>(
    name: &str,
    look: impl FnOnce(&AppInfo<'_>, u8) -> R + Send,
) -> Result<R, Error> {
    with_runtime(|runtime| {
        let app = find(runtime, name)?;
        let info = runtime.apps().find(|info| info.id == app);
        info.map(|info| look(&info, bindings_of(runtime, app)))
            .ok_or(Status::NotFound.into())
    })?
}

/// To how much a container is bound.
fn bindings_of(runtime: &Containers, app: AppId) -> u8 {
    let bindings = runtime.bindings().filter(|&(_, bound)| bound == app);
    u8::try_from(bindings.count()).unwrap_or(u8::MAX)
}

/// Has the container at a position looked at, from 0, in the order of slots, with
/// the number of its bindings. Positions are those of a moment: what is installed or
/// removed between two calls may be missed.
///
/// # Errors
///
/// `NotFound` if there are not so many.
pub fn at<R: Send>(
    position: usize,
    look: impl FnOnce(&AppInfo<'_>, u8) -> R + Send,
) -> Result<R, Error> {
    with_runtime(|runtime| {
        let info = runtime.apps().nth(position);
        info.map(|info| look(&info, bindings_of(runtime, info.id)))
    })?
    .ok_or(Status::NotFound.into())
}

/// Has the binding at a position looked at, from 0, in the order in which they were
/// made: target, container, and how many events have come to it. As [`at`].
///
/// # Errors
///
/// `NotFound` if there are not so many.
pub fn binding_at<R: Send>(
    position: usize,
    look: impl FnOnce(&str, &str, u32) -> R + Send,
) -> Result<R, Error> {
    with_runtime(|runtime| {
        let mut bindings = runtime.bindings().zip(runtime.binding_events());
        let ((target, app), events) = bindings.nth(position)?;
        let info = runtime.apps().find(|info| info.id == app)?;
        Some(look(target, info.name, events))
    })?
    .ok_or(Status::NotFound.into())
}

/// Has the value at a position looked at, from 0, by store and key, with the name of
/// its store as [`fetch`] takes it: empty for the global one, `-` for that of images
/// that are not installed. As [`at`].
///
/// # Errors
///
/// `NotFound` if there are not so many.
pub fn value_at<R: Send>(
    position: usize,
    look: impl FnOnce(&str, &KvEntry) -> R + Send,
) -> Result<R, Error> {
    with_runtime(|runtime| {
        let entry = runtime.values().nth(position)?;
        Some(look(&rbpf_device::store_name(runtime, entry.scope), entry))
    })?
    .ok_or(Status::NotFound.into())
}

/// Has one of the last faults looked at, 0 for the last one; `CONFIG_RBPF_FAULT_LOG`
/// of them are kept.
///
/// # Errors
///
/// `NotFound` if there is none at that position.
pub fn fault<R: Send>(
    position: usize,
    look: impl FnOnce(&FaultEntry) -> R + Send,
) -> Result<R, Error> {
    with_runtime(|runtime| runtime.fault(position).map(look))?.ok_or(Status::NotFound.into())
}

/// The SHA-256 digest of a container's image; `None` without the module
/// `rbpf_digest`.
///
/// # Errors
///
/// `NotFound` if there is no such container.
pub fn digest(name: &str) -> Result<Option<[u8; 32]>, Error> {
    with_runtime(|runtime| Ok(runtime.digest(find(runtime, name)?)))?
}

/// The image of a container that is compiled into the firmware, aligned as
/// [`replace`] and [`execute`] want it: `include_image!("blink")` for one that
/// the application's Makefile names by `RBPF_CONTAINERS += containers/blink.c`.
#[macro_export]
macro_rules! include_image {
    ($name:literal) => {{
        #[repr(C, align(8))]
        struct Aligned<T: ?Sized>(T);
        static IMAGE: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(
            env!("RBPF_CONTAINERS_DIR"),
            "/",
            $name,
            ".rbpf"
        )));
        &IMAGE.0
    }};
}
