// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watches: targets that a value in a key-value store triggers when it changes.
//!
//! `kv:global:KEY`, `kv:tenant:KEY` and `kv:local:KEY` name the stores as the
//! container sees them that is bound. A value that is absent counts as 0, as for
//! the helpers. Each watch remembers what it saw last; storing is as cheap as
//! if nobody watched.

use rbpf_abi::Capabilities;

use crate::kv::KvScope;
use crate::tenant::TenantId;
use crate::timer::decimal;

const PREFIX: &str = "kv:";

/// Whether a target is a watch, or would be if its store and key were some.
pub(crate) fn is_watch(target: &str) -> bool {
    target.starts_with(PREFIX)
}

/// What a binding watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) scope: KvScope,
    pub(crate) key: u32,
    /// The value that was seen last.
    pub(crate) last: u32,
}

impl Watch {
    /// The watch of a target, for the container in a slot. Nothing has been seen
    /// yet.
    pub(crate) fn new(target: &str, slot: u8, tenant: Option<TenantId>) -> Option<Self> {
        let rest = target.strip_prefix(PREFIX)?;
        let (scope, key) = if let Some(key) = rest.strip_prefix("global:") {
            (KvScope::Global, key)
        } else if let Some(key) = rest.strip_prefix("tenant:") {
            (KvScope::Tenant(tenant), key)
        } else {
            (KvScope::Local(slot), rest.strip_prefix("local:")?)
        };
        let key = match key {
            "0" => 0,
            _ => decimal(key)?,
        };
        Some(Self {
            scope,
            key,
            last: 0,
        })
    }

    /// What a container needs to see it: what it would need to fetch it.
    pub(crate) const fn needs(&self) -> Capabilities {
        match self.scope {
            KvScope::Global => Capabilities::KV_GLOBAL,
            KvScope::Tenant(_) => Capabilities::KV_TENANT,
            KvScope::Local(_) => Capabilities::KV_LOCAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let slot = 3;
        for (target, scope, key) in [
            ("kv:global:0", KvScope::Global, 0),
            ("kv:global:4294967295", KvScope::Global, u32::MAX),
            ("kv:tenant:7", KvScope::Tenant(None), 7),
            ("kv:local:10", KvScope::Local(slot), 10),
        ] {
            let watch = Watch::new(target, slot, None).unwrap();
            assert_eq!((watch.scope, watch.key), (scope, key), "{target}");
        }
        for target in [
            "kv:",
            "kv:7",
            "kv::7",
            "kv:global",
            "kv:global:",
            "kv:global:-1",
            "kv:global:+1",
            "kv:global:00",
            "kv:global:07",
            "kv:global:4294967296",
            "kv:global:99999999999999999999",
            "kv:global:1:2",
            "kv:other:1",
            "kv:@alice:1",
        ] {
            assert!(is_watch(target), "{target}");
            assert!(Watch::new(target, slot, None).is_none(), "{target}");
        }
    }
}
