// SPDX-License-Identifier: MIT OR Apache-2.0
//! The container on the device: coming, staying and going.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use rbpf_host::client::{Client, GetError, Method};

const NOT_FOUND: u8 = 0x84;
const CONFLICT: u8 = 0x89;

/// A container that was, or is to be, installed.
pub(super) struct Guest {
    client: Client,
    name: String,
    /// In seconds.
    lease: u32,
}

impl Guest {
    pub(super) fn new(client: Client, name: String, lease: u32) -> Self {
        Self {
            client,
            name,
            lease,
        }
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease.into())
    }

    /// Errors if the device has a container of that name: it is not to be
    /// replaced, nor removed at the end.
    pub(super) fn is_new(&mut self) -> Result<()> {
        match self.client.get(&["rbpf", "app", &self.name], None) {
            Err(GetError::Refused(NOT_FOUND, _)) => Ok(()),
            Ok(_) => bail!(
                "there is a container {} already; choose another --name",
                self.name
            ),
            Err(error) => Err(error.into()),
        }
    }

    /// Uploads it, takes a lease, and binds it.
    pub(super) fn install(&mut self, image: &[u8], target: &str) -> Result<()> {
        self.ask(Method::Put, "app", image)
            .context("it is not installed")?;
        match self.renew() {
            Ok(true) => {}
            Ok(false) => bail!("the device knows no leases (CONFIG_RBPF_LEASES)"),
            Err(error) => return Err(error).context("it gets no lease"),
        }
        match self.ask(Method::Post, "bind", target.as_bytes()) {
            // The request was repeated, since its answer was lost.
            Err(GetError::Refused(CONFLICT, _)) if self.is_bound(target) => Ok(()),
            result => result.with_context(|| format!("it is not bound to {target}")),
        }
    }

    fn is_bound(&mut self, target: &str) -> bool {
        let line = format!("{target} {}", self.name);
        let bindings = self.client.get(&["rbpf", "bindings"], None);
        bindings.is_ok_and(|answer| {
            let text = String::from_utf8_lossy(&answer.payload);
            let is_it = |found: &str| {
                let rest = found.strip_prefix(&line);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            };
            text.lines().any(is_it)
        })
    }

    /// Renews the lease; `false` if the device does not know of what.
    pub(super) fn renew(&mut self) -> Result<bool, GetError> {
        let seconds = self.lease.to_string();
        match self.ask(Method::Post, "lease", seconds.as_bytes()) {
            Ok(()) => Ok(true),
            Err(GetError::Refused(NOT_FOUND, _)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has nothing trigger it any more. Whatever goes wrong, it is removed next.
    pub(super) fn unbind(&mut self, target: &str) {
        let _ = self.ask(Method::Post, "unbind", target.as_bytes());
    }

    /// Removes it, if it is there.
    pub(super) fn remove(&mut self) -> Result<(), GetError> {
        match self.ask(Method::Delete, "app", b"") {
            Err(GetError::Refused(NOT_FOUND, _)) => Ok(()),
            result => result,
        }
    }

    /// Has something done with it.
    fn ask(&mut self, method: Method, what: &str, payload: &[u8]) -> Result<(), GetError> {
        let path = ["rbpf", what, &self.name];
        self.client.ask(method, &path, payload).map(|_| ())
    }
}
