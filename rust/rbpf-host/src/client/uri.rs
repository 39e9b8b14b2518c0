// SPDX-License-Identifier: MIT OR Apache-2.0
//! `coap://HOST[:PORT]/`: which device is meant.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use crate::printable;

/// The port of CoAP without security (RFC 7252, section 6.1).
const PORT: u16 = 5683;
/// The longest host that is taken: a name of the DNS has at most 253.
const MAX_HOST: usize = 255;

/// A device, as it was named; its address is looked up when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name, an IPv4 address, or an IPv6 address perhaps with a zone,
    /// without brackets.
    host: String,
    port: u16,
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Another scheme, or none.
    #[error("give coap://HOST/, where HOST is a name, an address or an [IPv6 address]")]
    Scheme,
    /// CoAP over DTLS.
    #[error("coaps is not supported, only coap")]
    Security,
    /// No host, or no sound one.
    #[error("no sound host; an IPv6 address stands in brackets: coap://[fe80::1%tap0]/")]
    Host,
    /// No sound port.
    #[error("no sound port, from 1 to 65535")]
    Port,
    /// A path other than that of the list.
    #[error("a device is meant, not a resource: leave the path out")]
    Path,
}

impl FromStr for Target {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, UriError> {
        let (scheme, rest) = uri.split_once("://").ok_or(UriError::Scheme)?;
        if scheme.eq_ignore_ascii_case("coaps") {
            return Err(UriError::Security);
        }
        if !scheme.eq_ignore_ascii_case("coap") {
            return Err(UriError::Scheme);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !matches!(path, "" | "rbpf" | "rbpf/") {
            return Err(UriError::Path);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or(UriError::Host)?;
                (literal(address)?, after)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (name, after) = authority.split_at(end);
                let sound = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
                if !name.chars().all(sound) {
                    return Err(UriError::Host);
                }
                (name.to_owned(), after)
            }
        };
        if host.is_empty() || host.len() > MAX_HOST {
            return Err(UriError::Host);
        }
        let port = match port {
            // RFC 3986 lets the colon stand without a port.
            "" | ":" => PORT,
            port => {
                let digits = port.strip_prefix(':').ok_or(UriError::Port)?;
                let number = digits.parse().ok().filter(|&port| port != 0);
                number.ok_or(UriError::Port)?
            }
        };
        Ok(Self { host, port })
    }
}

/// An IPv6 address with or without zone; `%25` is a zone's `%` in a URI (RFC
/// 6874), which few people write.
fn literal(text: &str) -> Result<String, UriError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| UriError::Host)?;
    match zone {
        None => Ok(address.to_string()),
        Some("") => Err(UriError::Host),
        Some(zone) if zone.chars().all(|char| char.is_ascii_graphic()) => {
            Ok(format!("{address}%{zone}"))
        }
        Some(_) => Err(UriError::Host),
    }
}

impl Target {
    /// The addresses of the host; may take as long as the resolver does.
    pub(super) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        // The system's resolver knows zones by the names of interfaces.
        let addresses = (self.host.as_str(), self.port).to_socket_addrs()?;
        Ok(addresses.collect())
    }
}

impl fmt::Display for Target {
    /// As a URI, without the default port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = printable(&self.host, MAX_HOST);
        match host.contains(':') {
            true => write!(f, "coap://[{host}]")?,
            false => write!(f, "coap://{host}")?,
        }
        match self.port {
            PORT => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        for (uri, shown) in [
            ("coap://node.example", "coap://node.example"),
            ("coap://node.example/", "coap://node.example"),
            ("COAP://node/rbpf", "coap://node"),
            ("coap://127.0.0.1:5683/", "coap://127.0.0.1"),
            ("coap://127.0.0.1:1234", "coap://127.0.0.1:1234"),
            ("coap://[::1]", "coap://[::1]"),
            ("coap://[::1]:99/", "coap://[::1]:99"),
            ("coap://[fe80:0::1%tap0]/", "coap://[fe80::1%tap0]"),
            ("coap://[fe80::1%25tap0]:1", "coap://[fe80::1%tap0]:1"),
        ] {
            let target: Target = uri.parse().expect(uri);
            assert_eq!(target.to_string(), shown);
        }
    }

    #[test]
    fn wrong_ones() {
        for (uri, error) in [
            ("", UriError::Scheme),
            ("node", UriError::Scheme),
            ("http://node", UriError::Scheme),
            ("coaps://node", UriError::Security),
            ("coap://", UriError::Host),
            ("coap://:5683", UriError::Host),
            ("coap://[::1", UriError::Host),
            ("coap://[tap0]", UriError::Host),
            ("coap://[fe80::1%]", UriError::Host),
            ("coap://[fe80::1%a\x1b]", UriError::Host),
            ("coap://a\x1b[2J", UriError::Host),
            ("coap://user@node", UriError::Host),
            ("coap://::1/", UriError::Host),
            ("coap://node:0", UriError::Port),
            ("coap://node:65536", UriError::Port),
            ("coap://[::1]x", UriError::Port),
            ("coap://node/sensor", UriError::Path),
        ] {
            assert_eq!(uri.parse::<Target>(), Err(error), "{uri:?}");
        }
        assert!(
            format!("coap://{}", "a".repeat(256))
                .parse::<Target>()
                .is_err()
        );
    }

    #[test]
    fn zones_are_resolved() {
        // Linux alone has an interface of this name everywhere.
        if cfg!(target_os = "linux") {
            let target: Target = "coap://[fe80::1%lo]/".parse().expect("sound");
            let addresses = target.addresses().expect("the loopback interface");
            let [SocketAddr::V6(address)] = addresses[..] else {
                panic!("{addresses:?}");
            };
            assert_ne!(address.scope_id(), 0);
        }
        let target: Target = "coap://[fe80::1%no-such0]/".parse().expect("sound");
        target.addresses().expect_err("no such interface");
    }
}
