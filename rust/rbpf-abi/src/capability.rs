// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capabilities: the units in which rights to call helpers are granted.
//!
//! An image names those that it wants, the device's policy those that a
//! signer may have; the container gets the intersection, fixed when it is
//! installed. Deciding that is the policy's business, not this module's.

use bitflags::bitflags;

/// Calls a macro with every capability that has a bit.
///
/// A row is `/// doc  CONSTANT = bit "name";`. Bits are never reused.
macro_rules! for_each_capability {
    ($callback:ident) => {
        $callback! {
            /// Write to the device's log or console.
            LOG = 0 "log";
            /// Read the clocks.
            TIME = 1 "time";
            /// Draw random numbers.
            RANDOM = 2 "random";
            /// Use the container's own key-value store.
            KV_LOCAL = 3 "kv-local";
            /// Use the key-value store that all containers share.
            KV_GLOBAL = 4 "kv-global";
            /// Find and read sensors.
            SENSOR = 5 "sensor";
            /// Write to actuators.
            ACTUATOR = 6 "actuator";
            /// Answer the CoAP request that started the container.
            COAP_RESPONSE = 7 "coap-response";
            /// See packets of the network stack.
            PACKET = 8 "packet";
            /// Call helpers that the device's application registered itself.
            APPLICATION = 9 "application";
            /// Drop packets of the network stack.
            PACKET_DROP = 10 "packet-drop";
            /// Find, read and write pins, and see their edges.
            GPIO = 11 "gpio";
            /// Use the key-value store that the containers of a tenant share.
            KV_TENANT = 12 "kv-tenant";
            /// Make CoAP requests to remotes that the device has for containers.
            COAP_REQUEST = 13 "coap-request";
        }
    };
}

macro_rules! define_capabilities {
    ($($(#[doc = $doc:literal])* $constant:ident = $bit:literal $name:literal;)*) => {
        bitflags! {
            /// A set of capabilities, as it stands in an image's header.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct Capabilities: u32 {
                $($(#[doc = $doc])* const $constant = 1 << $bit;)*
            }
        }

        /// Every capability with a bit, with its name, in the order of the bits.
        pub const CAPABILITIES: &[(Capabilities, &str)] = &[
            $((Capabilities::$constant, $name),)*
        ];

        /// What each of [`CAPABILITIES`] is for, in the same order.
        pub const DESCRIPTIONS: &[&str] = &[$(concat!($($doc),*).trim_ascii(),)*];
    };
}
for_each_capability!(define_capabilities);

impl Capabilities {
    /// What every container may do: no bit is needed for it.
    pub const CORE: Self = Self::empty();

    /// Those whose helpers may wait: for the console, for the bus of a sensor or
    /// actuator, for a lock of the network stack, and in what the application
    /// registered, for whatever it likes.
    ///
    /// The helpers of all others take a time that is bounded by the device's
    /// configuration: they read clocks, registers of pins and tables in memory.
    pub const MAY_WAIT: Self = Self::LOG
        .union(Self::SENSOR)
        .union(Self::ACTUATOR)
        .union(Self::COAP_REQUEST)
        .union(Self::APPLICATION);

    /// The capability with this name, as the command line spells it.
    ///
    /// `core` is the empty set.
    #[must_use]
    pub fn from_capability_name(name: &str) -> Option<Self> {
        if name == "core" {
            return Some(Self::CORE);
        }
        CAPABILITIES
            .iter()
            .find(|(_, candidate)| *candidate == name)
            .map(|&(bit, _)| bit)
    }

    /// The union of a list of names, separated by commas; blanks around a name are ignored.
    ///
    /// An empty list is the empty set.
    ///
    /// # Errors
    /// The first name that is not a capability.
    pub fn parse_list(list: &str) -> Result<Self, &str> {
        let mut set = Self::empty();
        for name in list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            set |= Self::from_capability_name(name).ok_or(name)?;
        }
        Ok(set)
    }

    /// The names of the capabilities in the set, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        CAPABILITIES
            .iter()
            .filter(move |(bit, _)| self.contains(*bit))
            .map(|&(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for &(bit, name) in CAPABILITIES {
            assert_eq!(Capabilities::from_capability_name(name), Some(bit));
            assert!(bit.names().eq([name]));
            assert_eq!(bit.bits().count_ones(), 1, "{name}");
        }
        assert!(
            Capabilities::all()
                .names()
                .eq(CAPABILITIES.iter().map(|(_, name)| *name))
        );
    }

    /// Whoever adds a capability decides whether its helpers may wait.
    #[test]
    fn all_either_may_wait_or_not() {
        let never = Capabilities::TIME
            | Capabilities::RANDOM
            | Capabilities::KV_LOCAL
            | Capabilities::KV_GLOBAL
            | Capabilities::KV_TENANT
            | Capabilities::COAP_RESPONSE
            | Capabilities::PACKET
            | Capabilities::PACKET_DROP
            | Capabilities::GPIO;
        assert_eq!(never, Capabilities::all() - Capabilities::MAY_WAIT);
    }

    #[test]
    fn lists() {
        assert_eq!(Capabilities::parse_list(""), Ok(Capabilities::CORE));
        assert_eq!(
            Capabilities::parse_list("log, sensor ,core"),
            Ok(Capabilities::LOG | Capabilities::SENSOR)
        );
        assert_eq!(Capabilities::parse_list("log,sensors"), Err("sensors"));
    }
}
