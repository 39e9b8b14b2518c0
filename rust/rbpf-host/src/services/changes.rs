// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers answer on their paths, by version: which changes when one says so.

use std::sync::{Arc, Mutex};

use rbpf_device::observe::Published;
use rbpf_runtime::AppId;

use crate::device::{MAX_BINDINGS, lock};

/// Versions of paths; its clones are the same. Services tell it of changes, the device
/// of bindings, and servers look.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Published<MAX_BINDINGS>>>);

impl Changes {
    /// What a container answers has changed.
    pub fn change(&self, app: AppId) {
        lock(&self.0).change(app);
    }

    /// Tells which containers answer on which paths from now on.
    pub(crate) fn publish<'p>(&self, bound: impl Iterator<Item = (&'p str, AppId)>) {
        lock(&self.0).publish(bound);
    }

    /// The version of a path; `None` if no container answers there.
    pub(crate) fn version(&self, path: &str) -> Option<u32> {
        lock(&self.0).version(path.as_bytes())
    }
}
