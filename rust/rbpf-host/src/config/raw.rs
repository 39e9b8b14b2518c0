// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration as it is written, and the way from there to what it means.
//!
//! The structures are flat and keep where each value stands, because the
//! tagged and flattened ones of serde lose that, and with it the place in a
//! message.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rbpf_abi::Capabilities;
use rbpf_runtime::{Allowance, is_automatic, is_plain_path};
use serde::Deserialize;
use toml::Spanned;

use super::event::RawEvent;
use super::pin::RawPin;
use super::remote::RawRemote;
use super::sensor::RawSensor;
use super::{
    ApplicationConfig, CoapConfig, Config, ConfigError, Direction, EventConfig, GPIO_PREFIX,
    Methods, PinConfig, RemoteConfig, RuntimeConfig, TenantConfig,
};
use crate::device::{
    DEFAULT_BUDGET, DEFAULT_FAULT_LIMIT, DEFAULT_LOG_SIZE, MAX_APPLICATIONS, MAX_BINDINGS,
    MAX_LOG_SIZE, MAX_PAUSED, MAX_RESPONSE, MAX_TENANTS, MAX_VALUES, hook_names,
};
use crate::remotes::{DEFAULT_ANSWER_SIZE, MAX_ANSWER_SIZE};

const DEFAULT_LISTEN: [&str; 2] = ["[::1]:5683", "127.0.0.1:5683"];
const DEFAULT_BLOCK_SIZE: u32 = 1024;
const DEFAULT_MAX_UPLOAD: u32 = 16 * 1024;
/// Containers are told the length in 16 bits.
const LARGEST_UPLOAD: u32 = u16::MAX as u32;
const DEFAULT_TRANSFER_TIMEOUT: u32 = 30;
const DEFAULT_REQUEST_TIMEOUT: u32 = 5;
const LONGEST_TIMEOUT: u32 = 3600;
/// The longest Uri-Path segment of RFC 7252, section 5.10.
const MAX_SEGMENT: usize = 255;
/// Handles of devices are 16 bits wide, and 0 is none.
const MAX_SENSORS: usize = u16::MAX as usize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    coap: RawCoap,
    #[serde(default)]
    runtime: RawRuntime,
    #[serde(default)]
    tenant: Vec<Spanned<RawTenant>>,
    #[serde(default)]
    sensor: Vec<Spanned<RawSensor>>,
    #[serde(default)]
    pin: Vec<Spanned<RawPin>>,
    #[serde(default)]
    event: Vec<Spanned<RawEvent>>,
    #[serde(default)]
    remote: Vec<Spanned<RawRemote>>,
    #[serde(default)]
    application: Vec<Spanned<RawApplication>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCoap {
    listen: Option<Spanned<Vec<Spanned<String>>>>,
    block_size: Option<Spanned<u32>>,
    max_upload: Option<Spanned<u32>>,
    transfer_timeout: Option<Spanned<u32>>,
    request_timeout: Option<Spanned<u32>>,
    #[serde(default)]
    unsigned_install: bool,
    #[serde(default)]
    expose: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRuntime {
    budget: Option<Spanned<u32>>,
    response_size: Option<Spanned<u32>>,
    fault_limit: Option<Spanned<u32>>,
    pauses: Option<Spanned<u32>>,
    rate: Option<Spanned<u32>>,
    log_size: Option<Spanned<u32>>,
    answer_size: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTenant {
    name: Spanned<String>,
    allow: Option<Vec<Spanned<String>>>,
    slots: Option<Spanned<u32>>,
    bindings: Option<Spanned<u32>>,
    values: Option<Spanned<u32>>,
    paused: Option<Spanned<u32>>,
    rate: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    name: Spanned<String>,
    image: PathBuf,
    coap: Option<Spanned<String>>,
    methods: Option<Spanned<Vec<String>>>,
    every: Option<Spanned<u32>>,
    on: Option<Vec<Spanned<String>>>,
    allow: Option<Vec<Spanned<String>>>,
    tenant: Option<Spanned<String>>,
    budget: Option<Spanned<u32>>,
}

pub(super) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let raw: RawConfig = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => ConfigError::at(file, text, &span, error.message().trim()),
        None => ConfigError::whole(file, error.message().trim()),
    })?;
    Reader { file, text }.config(raw)
}

/// The text that is read, for messages, and its folder, for paths.
pub(super) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    pub(super) fn error(&self, span: &Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.text, span, message)
    }

    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.file
            .parent()
            .unwrap_or_else(|| Path::new(""))
            .join(path)
    }

    /// A number within limits, or its default.
    pub(super) fn number(
        &self,
        value: Option<&Spanned<u32>>,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        match value {
            None => Ok(default),
            Some(value) if range.contains(value.get_ref()) => Ok(*value.get_ref()),
            Some(value) => Err(self.error(
                &value.span(),
                format!(
                    "{} is out of range; write a number from {} to {}",
                    value.get_ref(),
                    range.start(),
                    range.end()
                ),
            )),
        }
    }

    fn config(&self, raw: RawConfig) -> Result<Config, ConfigError> {
        let coap = self.coap(&raw.coap)?;
        let budget = self.number(
            raw.runtime.budget.as_ref(),
            DEFAULT_BUDGET,
            1..=i32::MAX as u32,
        )?;
        let response_size = self.number(
            raw.runtime.response_size.as_ref(),
            MAX_RESPONSE as u32,
            64..=MAX_RESPONSE as u32,
        )?;
        let fault_limit = self.number(
            raw.runtime.fault_limit.as_ref(),
            DEFAULT_FAULT_LIMIT.into(),
            0..=u8::MAX.into(),
        )?;
        let pauses = self.number(raw.runtime.pauses.as_ref(), 0, 0..=u16::MAX.into())?;
        let rate = self.number(raw.runtime.rate.as_ref(), 0, 0..=i32::MAX as u32)?;
        let log_size = self.number(
            raw.runtime.log_size.as_ref(),
            DEFAULT_LOG_SIZE,
            0..=MAX_LOG_SIZE,
        )?;
        let answer_size = self.number(
            raw.runtime.answer_size.as_ref(),
            DEFAULT_ANSWER_SIZE,
            0..=MAX_ANSWER_SIZE as u32,
        )?;
        if let Some(excess) = raw.sensor.get(MAX_SENSORS) {
            return Err(self.error(&excess.span(), "too many sensors; remove this one"));
        }
        if let Some(excess) = raw.application.get(MAX_APPLICATIONS) {
            return Err(self.error(
                &excess.span(),
                format!("a device holds {MAX_APPLICATIONS} applications; remove this one"),
            ));
        }
        let mut tenants: Vec<TenantConfig> = Vec::new();
        for tenant in raw.tenant {
            let tenant = self.tenant(&tenant, &tenants)?;
            tenants.push(tenant);
        }
        let sensors = raw
            .sensor
            .into_iter()
            .map(|sensor| self.sensor(&sensor))
            .collect::<Result<_, _>>()?;
        let mut pins: Vec<PinConfig> = Vec::new();
        for pin in &raw.pin {
            pins.push(self.pin(pin, &pins)?);
        }
        let events = raw
            .event
            .iter()
            .map(|event| self.event(event))
            .collect::<Result<Vec<_>, _>>()?;
        let mut remotes: Vec<RemoteConfig> = Vec::new();
        for remote in &raw.remote {
            remotes.push(self.remote(remote, &remotes)?);
        }
        let hooks = hooks(&pins, &events);
        let mut applications: Vec<ApplicationConfig> = Vec::new();
        for application in raw.application {
            let application = application.into_inner();
            let tenant = self.tenant_of(&application, &tenants)?;
            let application =
                self.application(application, tenant, budget, &hooks, &applications)?;
            applications.push(application);
        }
        Ok(Config {
            coap,
            runtime: RuntimeConfig {
                budget,
                response_size: response_size as usize,
                fault_limit: fault_limit as u8,
                pauses: pauses as u16,
                rate,
                log_size: log_size as usize,
                answer_size: answer_size as usize,
            },
            tenants,
            sensors,
            pins,
            events,
            remotes,
            applications,
        })
    }

    fn coap(&self, raw: &RawCoap) -> Result<CoapConfig, ConfigError> {
        let listen = match &raw.listen {
            None => DEFAULT_LISTEN
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect(),
            Some(list) if list.get_ref().is_empty() => {
                return Err(self.error(
                    &list.span(),
                    "no address to listen on; write at least one, or leave the key out",
                ));
            }
            Some(list) => list
                .get_ref()
                .iter()
                .map(|address| {
                    address.get_ref().parse::<SocketAddr>().map_err(|_| {
                        self.error(
                            &address.span(),
                            format!(
                                "`{}` is not an address and port; write it as `[::1]:5683` or `127.0.0.1:5683`",
                                address.get_ref()
                            ),
                        )
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let block_size = self.number(raw.block_size.as_ref(), DEFAULT_BLOCK_SIZE, 16..=1024)?;
        if let Some(value) = &raw.block_size
            && !block_size.is_power_of_two()
        {
            return Err(self.error(
                &value.span(),
                "a block's size is a power of two; write 16, 32, 64, 128, 256, 512 or 1024",
            ));
        }
        let seconds = |value: &Option<Spanned<u32>>, default| {
            self.number(value.as_ref(), default, 1..=LONGEST_TIMEOUT)
                .map(|seconds| Duration::from_secs(seconds.into()))
        };
        Ok(CoapConfig {
            listen,
            block_size: block_size as usize,
            max_upload: self.number(
                raw.max_upload.as_ref(),
                DEFAULT_MAX_UPLOAD,
                16..=LARGEST_UPLOAD,
            )? as usize,
            transfer_timeout: seconds(&raw.transfer_timeout, DEFAULT_TRANSFER_TIMEOUT)?,
            request_timeout: seconds(&raw.request_timeout, DEFAULT_REQUEST_TIMEOUT)?,
            unsigned_install: raw.unsigned_install,
            expose: raw.expose,
        })
    }

    fn application(
        &self,
        raw: RawApplication,
        tenant: Option<String>,
        budget: u32,
        hooks: &[String],
        others: &[ApplicationConfig],
    ) -> Result<ApplicationConfig, ConfigError> {
        let name = self.name(&raw.name)?;
        if others.iter().any(|other| other.name == name) {
            return Err(self.error(
                &raw.name.span(),
                format!("there is an application `{name}` already; choose another name"),
            ));
        }
        if let Some(path) = &raw.coap {
            self.path(path, tenant.as_deref(), others)?;
        }
        let methods = match &raw.methods {
            None => Methods::ALL,
            Some(list) => {
                Methods::from_names(list.get_ref().iter().map(String::as_str)).map_err(|name| {
                    self.error(
                        &list.span(),
                        format!(
                            "there is no method `{name}`; use one of {}",
                            Methods::NAMES.join(", ")
                        ),
                    )
                })?
            }
        };
        let every = match &raw.every {
            None => None,
            every => Some(self.number(every.as_ref(), 1, 1..=rbpf_runtime::MAX_TIMER)?),
        };
        let mut on: Vec<String> = Vec::new();
        for target in raw.on.iter().flatten() {
            let name = target.get_ref();
            if !is_automatic(name) && !hooks.contains(name) {
                return Err(self.error(
                    &target.span(),
                    format!(
                        "there is no event `{name}`; use `every:MS`, `after:MS`, `alarm`, `kv:global:KEY`, `kv:tenant:KEY`, `kv:local:KEY`, `answer` or {}",
                        hooks.join(", ")
                    ),
                ));
            }
            on.push(name.clone());
        }
        Ok(ApplicationConfig {
            every,
            on,
            image: self.beside(&raw.image),
            coap: raw.coap.map(Spanned::into_inner),
            methods,
            allow: self.capabilities(raw.allow.as_deref())?,
            tenant,
            budget: self.number(raw.budget.as_ref(), budget, 1..=i32::MAX as u32)?,
            name,
        })
    }

    /// The name of an application or tenant.
    fn name(&self, name: &Spanned<String>) -> Result<String, ConfigError> {
        let text = name.get_ref();
        if rbpf_runtime::is_name(text) {
            return Ok(text.clone());
        }
        Err(self.error(
            &name.span(),
            format!("{}; choose another", rbpf_runtime::NAME_RULE),
        ))
    }

    /// The capabilities of these names; all if no names are given.
    fn capabilities(&self, names: Option<&[Spanned<String>]>) -> Result<Capabilities, ConfigError> {
        let Some(names) = names else {
            return Ok(Capabilities::all());
        };
        names.iter().try_fold(Capabilities::empty(), |set, name| {
            let capability = Capabilities::from_capability_name(name.get_ref());
            let capability = capability.ok_or_else(|| {
                let known: Vec<&str> = Capabilities::all().names().collect();
                self.error(
                    &name.span(),
                    format!(
                        "there is no capability `{}`; use one of {}",
                        name.get_ref(),
                        known.join(", ")
                    ),
                )
            })?;
            Ok(set | capability)
        })
    }

    fn tenant(
        &self,
        raw: &Spanned<RawTenant>,
        others: &[TenantConfig],
    ) -> Result<TenantConfig, ConfigError> {
        let span = raw.span();
        let raw = raw.get_ref();
        if others.len() == MAX_TENANTS {
            return Err(self.error(
                &span,
                format!("a device has at most {MAX_TENANTS} tenants; remove this one"),
            ));
        }
        let name = self.name(&raw.name)?;
        if others.iter().any(|other| other.name == name) {
            return Err(self.error(
                &raw.name.span(),
                format!("there is a tenant `{name}` already; choose another name"),
            ));
        }
        let promised: usize = others
            .iter()
            .map(|other| usize::from(other.allowance.paused))
            .sum();
        let paused = self.number(raw.paused.as_ref(), 1, 0..=MAX_PAUSED as u32)?;
        if promised + paused as usize > MAX_PAUSED {
            return Err(self.error(
                &raw.paused.as_ref().map_or(raw.name.span(), Spanned::span),
                format!("tenants are promised {MAX_PAUSED} paused runs at most, all together; `paused` may be {} here", MAX_PAUSED - promised),
            ));
        }
        let number = |value: &Option<Spanned<u32>>, most: usize| {
            let most = most as u32;
            self.number(value.as_ref(), most, 0..=most)
        };
        Ok(TenantConfig {
            name,
            allowance: Allowance {
                capabilities: self.capabilities(raw.allow.as_deref())?,
                slots: number(&raw.slots, MAX_APPLICATIONS)? as u8,
                bindings: number(&raw.bindings, MAX_BINDINGS)? as u8,
                values: number(&raw.values, MAX_VALUES)? as u16,
                paused: paused as u8,
                rate: self.number(raw.rate.as_ref(), 0, 0..=i32::MAX as u32)?,
            },
        })
    }

    /// The tenant of an application, if it has one.
    fn tenant_of(
        &self,
        raw: &RawApplication,
        tenants: &[TenantConfig],
    ) -> Result<Option<String>, ConfigError> {
        let Some(tenant) = &raw.tenant else {
            return Ok(None);
        };
        let name = tenant.get_ref();
        if tenants.iter().any(|known| known.name == *name) {
            return Ok(Some(name.clone()));
        }
        Err(self.error(
            &tenant.span(),
            format!("there is no tenant `{name}`; describe it in a section `[[tenant]]`"),
        ))
    }

    fn path(
        &self,
        path: &Spanned<String>,
        tenant: Option<&str>,
        others: &[ApplicationConfig],
    ) -> Result<(), ConfigError> {
        let text = path.get_ref();
        let error = |message: String| Err(self.error(&path.span(), message));
        let mut segments = text.split('/').skip(1);
        let are_sound = segments.all(|segment| (1..=MAX_SEGMENT).contains(&segment.len()));
        if !is_plain_path(text) || !are_sound {
            return error(format!(
                "`{text}` is not a path; write it as `/sensor` or `/sensor/temperature`"
            ));
        }
        if rbpf_device::is_reserved(text) {
            return error(format!(
                "the device itself answers on `{text}`; choose another path"
            ));
        }
        match others
            .iter()
            .filter(|other| other.coap.as_deref() == Some(text))
            .find(|other| other.tenant.as_deref() != tenant)
        {
            Some(other) => error(format!(
                "application `{}` of another tenant answers on `{text}`; choose another path",
                other.name
            )),
            None => Ok(()),
        }
    }
}

/// The names of the hooks of a device.
fn hooks(pins: &[PinConfig], events: &[EventConfig]) -> Vec<String> {
    let inputs = pins.iter().filter(|pin| pin.direction == Direction::Input);
    let edges = inputs.map(|pin| format!("{GPIO_PREFIX}{}", pin.name));
    let mut hooks: Vec<String> = hook_names().map(String::from).chain(edges).collect();
    for EventConfig { hook, .. } in events {
        if !hooks.contains(hook) {
            hooks.push(hook.clone());
        }
    }
    hooks
}
