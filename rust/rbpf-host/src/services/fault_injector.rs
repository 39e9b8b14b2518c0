// SPDX-License-Identifier: MIT OR Apache-2.0
//! Services that fail, on purpose and always the same way.

use std::num::NonZeroU32;
use std::time::Duration;

use rbpf_abi::context::Phydat;
use rbpf_abi::{Capabilities, Errno};
use rbpf_runtime::{AppId, CoapRequest, FaultEntry, FaultReport, Pin, Remote, Sensor, Services};
use rbpf_vm::{FaultKind, HelperCall, MemoryMap};

/// Which calls fail. By default none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Every n-th read of a sensor or pin has this error.
    pub read: Option<(NonZeroU32, Errno)>,
    /// Every n-th write to an actuator or pin, or request, has this error.
    pub write: Option<(NonZeroU32, Errno)>,
    /// Every n-th search finds nothing.
    pub find: Option<NonZeroU32>,
    /// Reads and writes claim this number of dimensions, as a wrong driver would.
    pub dimensions: Option<u8>,
    /// Reads of sensors take so much longer.
    pub read_delay: Duration,
    /// Added to the clock, in milliseconds: lets it wrap soon.
    pub clock_offset_ms: u32,
}

/// Passes calls on to other services, but for those that are to fail.
#[derive(Debug)]
pub struct FaultInjector<S> {
    inner: S,
    faults: Faults,
    reads: u32,
    writes: u32,
    searches: u32,
}

impl<S> FaultInjector<S> {
    /// Injects these faults into the services.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self {
            inner,
            faults,
            reads: 0,
            writes: 0,
            searches: 0,
        }
    }

    fn search_fails(&mut self) -> bool {
        self.faults
            .find
            .is_some_and(|every| due(&mut self.searches, every))
    }
}

/// Counts a call: whether it is one of those that fail.
fn due(count: &mut u32, every: NonZeroU32) -> bool {
    *count = (*count + 1) % every;
    *count == 0
}

impl<S: Services> Services for FaultInjector<S> {
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
        self.inner
            .now_ms()
            .wrapping_add(self.faults.clock_offset_ms)
    }

    fn now_us(&mut self) -> u32 {
        self.inner
            .now_us()
            .wrapping_add(self.faults.clock_offset_ms.wrapping_mul(1000))
    }

    fn random(&mut self) -> u32 {
        self.inner.random()
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        self.inner.log(container, text)
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        if self.search_fails() {
            return None;
        }
        self.inner.saul_find_nth(position)
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        if self.search_fails() {
            return None;
        }
        self.inner.saul_find_type(class)
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        std::thread::sleep(self.faults.read_delay);
        if let Some((every, error)) = self.faults.read
            && due(&mut self.reads, every)
        {
            return Err(error);
        }
        let (value, dimensions) = self.inner.saul_read(sensor)?;
        Ok((value, self.faults.dimensions.unwrap_or(dimensions)))
    }

    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        if let Some((every, error)) = self.faults.write
            && due(&mut self.writes, every)
        {
            return Err(error);
        }
        let dimensions = self.inner.saul_write(sensor, value)?;
        Ok(self.faults.dimensions.unwrap_or(dimensions))
    }

    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        if self.search_fails() {
            return Err(Errno::NoDevice);
        }
        self.inner.gpio_find(name)
    }

    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        if let Some((every, error)) = self.faults.read
            && due(&mut self.reads, every)
        {
            return Err(error);
        }
        self.inner.gpio_read(pin)
    }

    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        if let Some((every, error)) = self.faults.write
            && due(&mut self.writes, every)
        {
            return Err(error);
        }
        self.inner.gpio_write(pin, high)
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
        self.inner.coap_changed(app)
    }

    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        if self.search_fails() {
            return Err(Errno::NoDevice);
        }
        self.inner.find_remote(name)
    }

    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        if let Some((every, error)) = self.faults.write
            && due(&mut self.writes, every)
        {
            return Err(error);
        }
        self.inner.request(app, remote, request)
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
        self.inner.call_application_helper(call, memory)
    }
}
