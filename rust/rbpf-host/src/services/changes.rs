// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers answer on their paths, by version, which changes when one says so;
//! and which do, which bindings alone change.

use std::sync::{Arc, Mutex};

use rbpf_device::observe::Published;
use rbpf_runtime::AppId;

use crate::device::{MAX_BINDINGS, lock};

/// Versions of paths; its clones are the same. Services tell it of changes, the device
/// of bindings, and servers look.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    published: Published<MAX_BINDINGS>,
    bound: Vec<Bound>,
    /// The number that was given last.
    last: u64,
}

/// A container on a path.
#[derive(Debug)]
struct Bound {
    path: String,
    app: AppId,
    number: u64,
}

/// The bindings of a path, by numbers of which each is given once: whoever was unbound
/// meanwhile, or replaced, is not who was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bindings(Vec<u64>);

#[cfg(test)]
impl From<u64> for Bindings {
    /// Of one container.
    fn from(number: u64) -> Self {
        Self(vec![number])
    }
}

impl Changes {
    /// What a container answers has changed.
    pub fn change(&self, app: AppId) {
        lock(&self.0).published.change(app);
    }

    /// Tells which containers answer on which paths from now on.
    pub(crate) fn publish<'p>(&self, bound: impl Iterator<Item = (&'p str, AppId)>) {
        let bound: Vec<_> = bound.collect();
        let mut shared = lock(&self.0);
        shared.published.publish(bound.iter().copied());
        let mut before = std::mem::take(&mut shared.bound);
        for (path, app) in bound {
            let same = before
                .iter()
                .position(|other| other.path == path && other.app == app);
            let bound = match same {
                Some(position) => before.swap_remove(position),
                None => {
                    shared.last += 1;
                    Bound {
                        path: path.to_owned(),
                        app,
                        number: shared.last,
                    }
                }
            };
            shared.bound.push(bound);
        }
    }

    /// The version of a path; `None` if no container answers there.
    pub(crate) fn version(&self, path: &str) -> Option<u32> {
        lock(&self.0).published.version(path.as_bytes())
    }

    /// The bindings of a path.
    pub(crate) fn bindings(&self, path: &str) -> Bindings {
        let shared = lock(&self.0);
        let bound = shared.bound.iter().filter(|bound| bound.path == path);
        Bindings(bound.map(|bound| bound.number).collect())
    }
}
