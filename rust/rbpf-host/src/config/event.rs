// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[event]]` as it is written, and the way from there to what it means.

use rbpf_runtime::{MAX_TARGET, MAX_TIMER, is_automatic};
use serde::Deserialize;
use toml::Spanned;

use super::raw::Reader;
use super::{ConfigError, EventConfig, When};
use crate::device::packet_hook_names;

/// The longest context, in bytes.
const MAX_CONTEXT: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    hook: Spanned<String>,
    at_ms: Option<Spanned<u32>>,
    every_ms: Option<Spanned<u32>>,
    context: Option<Spanned<Vec<u8>>>,
}

impl Reader<'_> {
    pub(super) fn event(&self, event: &Spanned<RawEvent>) -> Result<EventConfig, ConfigError> {
        let raw = event.get_ref();
        let hook = raw.hook.get_ref();
        let visible = hook.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=MAX_TARGET).contains(&hook.len())
            || !visible
            || hook.starts_with('/')
            || is_automatic(hook)
            || packet_hook_names().any(|name| name == hook)
        {
            return Err(self.error(
                &raw.hook.span(),
                format!(
                    "`{hook}` is no hook for events: a name of 1 to {MAX_TARGET} visible ASCII characters, such as `saul:thermometer`, and no path, timer, value or packet"
                ),
            ));
        }
        let when = match (&raw.at_ms, &raw.every_ms) {
            (at @ Some(_), None) => When::Once(self.number(at.as_ref(), 0, 0..=MAX_TIMER)?),
            (None, every @ Some(_)) => {
                When::Every(self.number(every.as_ref(), 1, 1..=MAX_TIMER)?)
            }
            _ => {
                return Err(self.error(
                    &event.span(),
                    "an event happens once or over and over; write either `at_ms` or `every_ms`",
                ));
            }
        };
        let context = match &raw.context {
            None => Vec::new(),
            Some(context) if context.get_ref().len() <= MAX_CONTEXT => context.get_ref().clone(),
            Some(context) => {
                return Err(self.error(
                    &context.span(),
                    format!("a context has at most {MAX_CONTEXT} bytes; write fewer"),
                ));
            }
        };
        Ok(EventConfig {
            hook: hook.clone(),
            when,
            context,
        })
    }
}
