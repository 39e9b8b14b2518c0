// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tenants: on whose behalf containers are installed, and what those of one
//! may take together.
//!
//! Who may speak for a tenant is the host's business. A container without a
//! tenant is the device's own.

use core::num::NonZeroU8;

use heapless::{String, Vec};
use rbpf_abi::Capabilities;

use crate::share::Share;
use crate::store::{MAX_NAME, is_name};

/// A tenant of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TenantId(NonZeroU8);

impl TenantId {
    /// The tenant at a position.
    pub(crate) fn new(position: usize) -> Option<Self> {
        let number = u8::try_from(position).ok()?.checked_add(1)?;
        NonZeroU8::new(number).map(Self)
    }

    pub(crate) fn position(self) -> usize {
        usize::from(self.0.get() - 1)
    }

    /// Its number, from 1 on, in the order in which tenants were added.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.get()
    }
}

/// What the containers of a tenant may have and take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What each of them may be granted.
    pub capabilities: Capabilities,
    /// How many there may be.
    pub slots: u8,
    /// How often they may be bound, all together.
    pub bindings: u8,
    /// Key-value entries that they may own together. Each is bound by its
    /// slot's share as well.
    pub values: u16,
    /// Runs that may be [paused](crate::Runtime::set_pauses) at a time. So many places are
    /// kept for them.
    pub paused: u8,
    /// Instructions that they may take in a second, all together; 0 is no limit.
    /// What they leave they may take later, up to those of one second.
    pub rate: u32,
}

/// Why a tenant is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantError {
    /// No [name](crate::is_name).
    Name,
    /// There is a tenant of that name.
    Taken,
    /// There are as many tenants as can be.
    Full,
    /// Tenants are promised more [paused](Allowance::paused) runs than there are places
    /// for.
    Paused,
}

/// A tenant, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantInfo<'a> {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: &'a str,
    /// What it may have and take.
    pub allowance: Allowance,
}

/// The tenants of a runtime. Where there can be none, nobody looks: no code for
/// tenants is linked.
#[derive(Debug)]
pub(crate) struct Tenants<const TENANTS: usize>(Vec<Tenant, TENANTS>);

impl<const TENANTS: usize> Tenants<TENANTS> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, tenant: Tenant) -> Result<TenantId, TenantError> {
        if self.iter().any(|info| info.name == tenant.name()) {
            return Err(TenantError::Taken);
        }
        let id = TenantId::new(self.0.len()).ok_or(TenantError::Full)?;
        self.0.push(tenant).map_err(|_| TenantError::Full)?;
        Ok(id)
    }

    pub(crate) fn get(&self, id: Option<TenantId>) -> Option<&Tenant> {
        match TENANTS {
            0 => None,
            _ => self.0.get(id?.position()),
        }
    }

    pub(crate) fn get_mut(&mut self, id: Option<TenantId>) -> Option<&mut Tenant> {
        match TENANTS {
            0 => None,
            _ => self.0.get_mut(id?.position()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = TenantInfo<'_>> {
        let tenants: &[Tenant] = if TENANTS == 0 { &[] } else { &self.0 };
        tenants.iter().enumerate().filter_map(|(position, tenant)| {
            Some(TenantInfo {
                id: TenantId::new(position)?,
                name: tenant.name(),
                allowance: tenant.allowance,
            })
        })
    }
}

#[derive(Debug)]
pub(crate) struct Tenant {
    name: String<MAX_NAME>,
    pub(crate) allowance: Allowance,
    share: Share,
}

impl Tenant {
    pub(crate) fn new(name: &str, allowance: Allowance) -> Result<Self, TenantError> {
        let name = String::try_from(name).map_err(|_| TenantError::Name)?;
        if !is_name(&name) {
            return Err(TenantError::Name);
        }
        Ok(Self {
            name,
            allowance,
            share: Share::FULL,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether one of its containers may begin a run.
    pub(crate) fn has_left(&mut self, now: u32) -> bool {
        let rate = self.allowance.rate;
        rate == 0 || self.share.has_left(rate, now)
    }

    /// Takes what a run took.
    pub(crate) fn spend(&mut self, cost: u32) {
        if self.allowance.rate != 0 {
            self.share.spend_run(cost);
        }
    }
}
