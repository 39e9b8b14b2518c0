// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[remote]]` as it is written, and the way from there to what it means.

use std::time::Duration;

use rbpf_runtime::MAX_TARGET;
use serde::Deserialize;
use toml::Spanned;

use super::raw::Reader;
use super::{ConfigError, RemoteConfig};

/// Indices of remotes are 16 bits wide.
const MAX_REMOTES: usize = 1 << 16;
/// MAX_TRANSMIT_WAIT of RFC 7252, in milliseconds: when a sender that retransmits
/// gives up.
const DEFAULT_TIMEOUT: u32 = 93_000;
/// An hour.
const LONGEST_TIMEOUT: u32 = 3_600_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRemote {
    name: Spanned<String>,
    uri: Spanned<String>,
    timeout_ms: Option<Spanned<u32>>,
}

impl Reader<'_> {
    pub(super) fn remote(
        &self,
        remote: &Spanned<RawRemote>,
        others: &[RemoteConfig],
    ) -> Result<RemoteConfig, ConfigError> {
        if others.len() == MAX_REMOTES {
            return Err(self.error(&remote.span(), "too many remotes; remove this one"));
        }
        let RawRemote {
            name,
            uri,
            timeout_ms,
        } = remote.get_ref();
        let text = name.get_ref();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=MAX_TARGET).contains(&text.len()) || !visible {
            return Err(self.error(
                &name.span(),
                format!(
                    "a remote's name has 1 to {MAX_TARGET} visible ASCII characters; choose another"
                ),
            ));
        }
        if others.iter().any(|other| other.name == *text) {
            return Err(self.error(
                &name.span(),
                format!("there is a remote `{text}` already; choose another name"),
            ));
        }
        let target = uri.get_ref().parse();
        let timeout = self.number(timeout_ms.as_ref(), DEFAULT_TIMEOUT, 1..=LONGEST_TIMEOUT)?;
        Ok(RemoteConfig {
            name: text.clone(),
            target: target.map_err(|error| {
                self.error(&uri.span(), format!("`{}`: {error}", uri.get_ref()))
            })?,
            timeout: Duration::from_millis(timeout.into()),
        })
    }
}
