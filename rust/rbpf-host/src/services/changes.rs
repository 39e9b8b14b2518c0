// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers answer on their paths, by version: which changes when one says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rbpf_device::observe::Published;
use rbpf_runtime::AppId;

use crate::device::MAX_BINDINGS;

/// Versions of paths; its clones are the same. Services tell it of changes, the device
/// of bindings, and servers look.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Published<MAX_BINDINGS>>>);

impl Changes {
    fn published(&self) -> MutexGuard<'_, Published<MAX_BINDINGS>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a container answers has changed.
    pub fn change(&self, app: AppId) {
        self.published().change(app);
    }

    /// Tells which containers answer on which paths from now on.
    pub(crate) fn publish<'p>(&self, bound: impl Iterator<Item = (&'p str, AppId)>) {
        self.published().publish(bound);
    }

    /// The version of a path; `None` if no container answers there.
    pub(crate) fn version(&self, path: &str) -> Option<u32> {
        self.published().version(path.as_bytes())
    }
}
