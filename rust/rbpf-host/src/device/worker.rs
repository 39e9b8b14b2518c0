// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime and its memory, as the device's thread owns them.

use std::collections::BTreeMap;

use rbpf_runtime::{AppId, CoapError, CoapRequest, Memory, RunError, Runtime, Services};
use rbpf_vm::FaultKind;

use super::pages::{self, ApplicationStatus, CORE_PATH, LIST_PATH};
use super::{DeviceError, Reply, Request, code};
use crate::config::{ApplicationConfig, Methods};

/// Applications that a device holds.
pub const MAX_APPLICATIONS: usize = 32;
/// Instructions for one event, where the configuration does not say:
/// some tens of milliseconds.
pub const DEFAULT_BUDGET: u32 = 1_000_000;

/// Key-value entries that an application may own.
pub const KV_SHARE: usize = 64;
/// Bytes for a response; on most devices a few hundred.
pub const MAX_RESPONSE: usize = 4096;

/// Key-value entries: an equal share for each application, and for the host.
const KV: usize = KV_SHARE * (MAX_APPLICATIONS + 1);
/// Bytes for an image, and for its alignment.
const IMAGE: usize = 128 * 1024;
/// Bytes of the stack that containers share. That of most devices is 512.
const STACK: usize = 4096;
/// Bytes for the data and bss of the container that runs.
const DATA: usize = 64 * 1024;

/// What the runtime works in.
pub(super) struct Buffers {
    images: Vec<Vec<u8>>,
    stack: Vec<u8>,
    data: Vec<u8>,
    response: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            images: vec![vec![0; IMAGE]; MAX_APPLICATIONS],
            stack: vec![0; STACK],
            data: vec![0; DATA],
            response: vec![0; MAX_RESPONSE],
        }
    }

    pub(super) fn lend(&mut self) -> Memory<'_, MAX_APPLICATIONS> {
        let mut images = self.images.iter_mut();
        Memory {
            // There are as many as slots.
            images: std::array::from_fn(|_| {
                images.next().map(Vec::as_mut_slice).unwrap_or_default()
            }),
            stack: &mut self.stack,
            data: &mut self.data,
            response: &mut self.response,
        }
    }
}

/// What the configuration says about a bound path.
#[derive(Clone, Copy)]
struct Route {
    methods: Methods,
    budget: u32,
}

/// The runtime, its applications and paths.
pub(super) struct Worker<'m, S> {
    runtime: Runtime<'m, S, MAX_APPLICATIONS, MAX_APPLICATIONS, KV>,
    routes: BTreeMap<String, Route>,
}

impl<'m, S: Services> Worker<'m, S> {
    pub(super) fn new(
        services: S,
        memory: Memory<'m, MAX_APPLICATIONS>,
        applications: &[ApplicationConfig],
    ) -> Result<Self, DeviceError> {
        let mut worker = Self {
            runtime: Runtime::new(services, memory),
            routes: BTreeMap::new(),
        };
        for application in applications {
            worker.install(application)?;
        }
        Ok(worker)
    }

    fn install(&mut self, application: &ApplicationConfig) -> Result<(), DeviceError> {
        let ApplicationConfig { name, image, .. } = application;
        let bytes = std::fs::read(image).map_err(|error| DeviceError::Read {
            name: name.clone(),
            image: image.clone(),
            error,
        })?;
        let app = self
            .runtime
            .install(name, &bytes, application.allow)
            .map_err(|error| DeviceError::Install {
                name: name.clone(),
                image: image.clone(),
                error,
            })?;
        let Some(path) = &application.coap else {
            return Ok(());
        };
        self.runtime
            .bind(path, app)
            .map_err(|error| DeviceError::Bind {
                name: name.clone(),
                path: path.clone(),
                error,
            })?;
        let route = Route {
            methods: application.methods,
            budget: application.budget,
        };
        self.routes.insert(path.clone(), route);
        Ok(())
    }

    /// Answers a request: the device's own pages, or a container.
    pub(super) fn answer(&mut self, request: &Request) -> Reply {
        let route = self.routes.get(&request.path).copied();
        let methods = match (route, request.path.as_str()) {
            (Some(route), _) => route.methods,
            (None, CORE_PATH | LIST_PATH) => Methods::GET,
            (None, _) => return Reply::error(code::NOT_FOUND, pages::NOT_FOUND),
        };
        if !methods.contains(request.code) {
            return Reply::error(code::METHOD_NOT_ALLOWED, "method not allowed here");
        }
        match (route, request.path.as_str()) {
            (Some(route), _) => self.run(request, route.budget),
            (None, CORE_PATH) => pages::core(self.routes.keys()),
            (None, _) => pages::list(&self.applications()),
        }
    }

    /// Lets the container that is bound to the path answer.
    fn run(&mut self, request: &Request, budget: u32) -> Reply {
        self.runtime.set_budget(budget);
        let app = self.runtime.bound(&request.path);
        let before = self.instructions(app);
        let reply = self.runtime.coap(&CoapRequest {
            code: request.code,
            path: &request.path,
            payload: &request.payload,
        });
        let mut reply = match reply {
            Ok(reply) => Reply::new(reply.code, reply.content_format, reply.payload),
            Err(error) => refusal(&error),
        };
        reply.instructions = self.instructions(app).wrapping_sub(before);
        reply
    }

    /// Instructions that a container has executed.
    fn instructions(&self, app: Option<AppId>) -> u64 {
        self.runtime
            .apps()
            .find(|info| Some(info.id) == app)
            .map_or(0, |info| info.counters.instructions)
    }

    /// The applications, by slot.
    pub(super) fn applications(&self) -> Vec<ApplicationStatus> {
        self.runtime
            .apps()
            .map(|info| ApplicationStatus {
                name: info.name.to_owned(),
                path: self
                    .runtime
                    .bindings()
                    .find(|&(_, app)| app == info.id)
                    .map(|(path, _)| path.to_owned()),
                size: info.size,
                granted: info.granted,
                counters: info.counters,
                last_fault: info.last_fault,
            })
            .collect()
    }
}

/// The reply in place of one that a container failed to give.
fn refusal(error: &CoapError) -> Reply {
    let (code, text) = match error {
        CoapError::NotFound => (code::NOT_FOUND, pages::NOT_FOUND.to_owned()),
        CoapError::Run(_, RunError::Fault(fault)) => match fault.kind {
            FaultKind::BudgetExhausted => (code::SERVICE_UNAVAILABLE, pages::fault(fault)),
            _ => (code::INTERNAL_SERVER_ERROR, pages::fault(fault)),
        },
        CoapError::Run(_, RunError::UnknownApp) => (
            code::INTERNAL_SERVER_ERROR,
            "the application is gone".to_owned(),
        ),
        CoapError::Run(_, RunError::Grant) => (
            code::INTERNAL_SERVER_ERROR,
            "the request's memory cannot be granted".to_owned(),
        ),
    };
    Reply::error(code, text)
}
