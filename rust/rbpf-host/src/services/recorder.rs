// SPDX-License-Identifier: MIT OR Apache-2.0
//! Services that write down what containers ask of others.

use std::sync::{Arc, Mutex, PoisonError};

use rbpf_abi::context::Phydat;
use rbpf_abi::{Capabilities, Errno};
use rbpf_runtime::{AppId, CoapRequest, FaultEntry, FaultReport, Pin, Remote, Sensor, Services};
use rbpf_vm::{FaultKind, HelperCall, MemoryMap};

/// Calls beyond this are not recorded.
const MAX_CALLS: usize = 65_536;

/// A call of a service, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `now_ms`.
    NowMs(u32),
    /// `now_us`.
    NowUs(u32),
    /// `random`.
    Random(u32),
    /// `log`: the container, the text.
    Log(String, Vec<u8>),
    /// `saul_find_nth`: the position.
    FindNth(u32, Option<Sensor>),
    /// `saul_find_type`: the class.
    FindType(u8, Option<Sensor>),
    /// `saul_read`.
    Read(Sensor, Result<(Phydat, u8), Errno>),
    /// `saul_write`: the value.
    Write(Sensor, Phydat, Result<u8, Errno>),
    /// `gpio_find`: the name.
    FindPin(Vec<u8>, Result<Pin, Errno>),
    /// `gpio_read`.
    ReadPin(Pin, Result<bool, Errno>),
    /// `gpio_write`: whether to high.
    WritePin(Pin, bool, Result<(), Errno>),
    /// `coap_changed`: the container.
    Changed(AppId, Result<(), Errno>),
    /// `find_remote`: the name.
    FindRemote(Vec<u8>, Result<Remote, Errno>),
    /// `request`: the method's code, path and payload.
    Request(Remote, u8, String, Vec<u8>, Result<u32, Errno>),
    /// `call_application_helper`: the id, the arguments.
    Application(u32, [u64; 5], Result<u64, FaultKind>),
}

/// The calls so far, readable while the services are in use; its clones are
/// the same recording.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Mutex<Vec<Call>>>);

impl Recording {
    /// Takes the calls out.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, call: Call) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() < MAX_CALLS {
            calls.push(call);
        }
    }
}

/// Passes every call on, and records it.
#[derive(Debug)]
pub struct Recorder<S> {
    inner: S,
    recording: Recording,
}

impl<S> Recorder<S> {
    /// Records the calls of these services.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            recording: Recording::default(),
        }
    }

    /// What is recorded.
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }
}

impl<S: Services> Services for Recorder<S> {
    const WRITES_SENML: bool = S::WRITES_SENML;
    const HAS_CLIENT: bool = S::HAS_CLIENT;
    const SPEED: u32 = S::SPEED;

    fn begin_us(&mut self) -> u32 {
        self.inner.begin_us()
    }

    fn elapsed_us(&mut self, begun: u32) -> u32 {
        self.inner.elapsed_us(begun)
    }

    fn forget(&mut self, app: AppId) {
        self.inner.forget(app);
    }

    fn now_ms(&mut self) -> u32 {
        let result = self.inner.now_ms();
        self.recording.push(Call::NowMs(result));
        result
    }

    fn now_us(&mut self) -> u32 {
        let result = self.inner.now_us();
        self.recording.push(Call::NowUs(result));
        result
    }

    fn random(&mut self) -> u32 {
        let result = self.inner.random();
        self.recording.push(Call::Random(result));
        result
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        let result = self.inner.log(container, text);
        self.recording
            .push(Call::Log(container.to_owned(), text.to_owned()));
        result
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        let result = self.inner.saul_find_nth(position);
        self.recording.push(Call::FindNth(position, result));
        result
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        let result = self.inner.saul_find_type(class);
        self.recording.push(Call::FindType(class, result));
        result
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        let result = self.inner.saul_read(sensor);
        self.recording.push(Call::Read(sensor, result));
        result
    }

    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        let result = self.inner.saul_write(sensor, value);
        self.recording.push(Call::Write(sensor, *value, result));
        result
    }

    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        let result = self.inner.gpio_find(name);
        self.recording.push(Call::FindPin(name.to_owned(), result));
        result
    }

    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        let result = self.inner.gpio_read(pin);
        self.recording.push(Call::ReadPin(pin, result));
        result
    }

    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        let result = self.inner.gpio_write(pin, high);
        self.recording.push(Call::WritePin(pin, high, result));
        result
    }

    fn senml(
        &mut self,
        out: &mut [u8],
        name: &str,
        value: &Phydat,
        dimensions: u8,
    ) -> Result<usize, Errno> {
        self.inner.senml(out, name, value, dimensions)
    }

    fn coap_changed(&mut self, app: AppId) -> Result<(), Errno> {
        let result = self.inner.coap_changed(app);
        self.recording.push(Call::Changed(app, result));
        result
    }

    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        let result = self.inner.find_remote(name);
        self.recording
            .push(Call::FindRemote(name.to_owned(), result));
        result
    }

    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        let result = self.inner.request(app, remote, request);
        self.recording.push(Call::Request(
            remote,
            request.code,
            request.path.to_owned(),
            request.payload.to_owned(),
            result,
        ));
        result
    }

    fn faulted(&mut self, report: &FaultReport<'_>) {
        self.inner.faulted(report);
    }

    fn fault(&self, position: usize) -> Option<&FaultEntry> {
        self.inner.fault(position)
    }

    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        self.inner.digest(image)
    }

    fn application_helper(&self, id: u32) -> Option<Capabilities> {
        self.inner.application_helper(id)
    }

    fn call_application_helper(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let HelperCall { id, arguments, .. } = *call;
        let result = self.inner.call_application_helper(call, memory);
        self.recording
            .push(Call::Application(id, arguments, result));
        result
    }
}
