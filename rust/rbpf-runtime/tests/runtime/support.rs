// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests have in common: a device, its services, and containers.

use std::num::NonZeroU16;

use rbpf_abi::context::Phydat;
use rbpf_abi::image::{Function, ImageParts};
use rbpf_abi::{Capabilities, Errno};
use rbpf_isa::assemble;
use rbpf_runtime::{AppId, CoapRequest, Memory, Pin, Remote, RunError, Runtime, Sensor, Services};
use rbpf_vm::{Fault, FaultKind, HelperCall, MemoryMap};
use zerocopy::IntoBytes;

/// A service that was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    NowMs,
    NowUs,
    Random,
    Log(String, Vec<u8>),
    FindNth(u32),
    FindType(u8),
    Read(u16),
    Write(u16, Phydat),
    FindPin(Vec<u8>),
    ReadPin(u16),
    WritePin(u16, bool),
    Senml(String, Phydat, u8),
    Changed(u8),
    FindRemote(Vec<u8>),
    Request(Request),
    Application(u32, [u64; 5]),
}

/// A request of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The container's.
    pub(crate) slot: u8,
    pub(crate) remote: u16,
    pub(crate) code: u8,
    pub(crate) path: Vec<Vec<u8>>,
    pub(crate) query: Vec<Vec<u8>>,
    pub(crate) payload: Vec<u8>,
}

/// Services that write down their calls.
#[derive(Debug, Default)]
pub(crate) struct Recording(pub(crate) Vec<Call>);

impl Recording {
    /// Takes the calls out.
    pub(crate) fn take(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.0)
    }

    /// Takes the calls out; all that was logged, and nothing else.
    pub(crate) fn logged(&mut self) -> String {
        let text = self.take().into_iter().flat_map(|call| match call {
            Call::Log(_, text) => text,
            other => panic!("{other:?}"),
        });
        String::from_utf8(text.collect()).expect("the tests log text")
    }
}

/// A sensor with two dimensions.
pub(crate) const THERMOMETER: u16 = 1;
/// An actuator with one dimension.
pub(crate) const LAMP: u16 = 2;
/// A sensor that does not answer.
pub(crate) const BROKEN: u16 = 3;

/// An input, which is high; its name is `hello`.
pub(crate) const BUTTON: u16 = 0;
/// An output.
pub(crate) const LED: u16 = 0xffff;

/// A remote; its name is `hello`.
pub(crate) const COLLECTOR: u16 = 2;
/// The number of all requests to it.
pub(crate) const NUMBER: u32 = 7;
/// A remote whose request is never sent.
pub(crate) const UNREACHABLE: u16 = 0xffff;

pub(crate) fn reading() -> Phydat {
    Phydat {
        val: [2345.into(), (-2).into(), 0.into()],
        unit: 2,
        scale: -2,
    }
}

/// The helpers of the application.
pub(crate) mod application {
    use rbpf_abi::Capabilities;

    /// Returns twice the first argument.
    pub(crate) const TWICE: u32 = 0x8000;
    /// Returns the sum of as many bytes as the second argument says, at the
    /// first.
    pub(crate) const SUM: u32 = 0x8001;
    /// Needs no capability; returns 0.
    pub(crate) const FREE: u32 = 0x8002;
    /// Charges the first argument; returns 0.
    pub(crate) const CHARGING: u32 = 0x8003;
    /// Is not there when it is called.
    pub(crate) const BROKEN: u32 = 0x8004;
    /// Is there as often as [`FICKLE_ANSWERS`] says; returns 0.
    pub(crate) const FICKLE: u32 = 0x8005;
    /// Returns -1.
    pub(crate) const LAST: u32 = 0xffff;

    thread_local! {
        pub(crate) static FICKLE_ANSWERS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }

    pub(super) fn needs(id: u32) -> Option<Capabilities> {
        assert!((0x8000..=0xffff).contains(&id), "{id:#x} is no such helper");
        match id {
            SUM => Some(Capabilities::APPLICATION | Capabilities::SENSOR),
            FREE => Some(Capabilities::CORE),
            FICKLE => {
                let left = FICKLE_ANSWERS.get().checked_sub(1)?;
                FICKLE_ANSWERS.set(left);
                Some(Capabilities::CORE)
            }
            TWICE | CHARGING | BROKEN | LAST => Some(Capabilities::APPLICATION),
            _ => None,
        }
    }
}

thread_local! {
    /// How long each helper takes that may wait.
    pub(crate) static WAITED_US: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

const fn sensor(number: u16) -> Option<Sensor> {
    match NonZeroU16::new(number) {
        Some(number) => Some(Sensor(number)),
        None => None,
    }
}

impl Services for Recording {
    const WRITES_SENML: bool = true;
    const HAS_CLIENT: bool = true;

    fn now_ms(&mut self) -> u32 {
        self.0.push(Call::NowMs);
        0xffff_fff0
    }

    fn begin_us(&mut self) -> u32 {
        0
    }

    fn elapsed_us(&mut self, _: u32) -> u32 {
        WAITED_US.get()
    }

    fn now_us(&mut self) -> u32 {
        self.0.push(Call::NowUs);
        0xffff_fff1
    }

    fn random(&mut self) -> u32 {
        self.0.push(Call::Random);
        0xffff_fff2
    }

    fn log(&mut self, container: &str, text: &[u8]) -> usize {
        self.0.push(Call::Log(container.into(), text.into()));
        text.len()
    }

    fn saul_find_nth(&mut self, position: u32) -> Option<Sensor> {
        self.0.push(Call::FindNth(position));
        sensor(*[THERMOMETER, LAMP, BROKEN].get(position as usize)?)
    }

    fn saul_find_type(&mut self, class: u8) -> Option<Sensor> {
        self.0.push(Call::FindType(class));
        match class {
            0x82 => sensor(THERMOMETER),
            _ => None,
        }
    }

    fn saul_read(&mut self, sensor: Sensor) -> Result<(Phydat, u8), Errno> {
        self.0.push(Call::Read(sensor.0.get()));
        match sensor.0.get() {
            THERMOMETER => Ok((reading(), 2)),
            LAMP => Err(Errno::NotSupported),
            BROKEN => Err(Errno::InputOutput),
            _ => Err(Errno::NoDevice),
        }
    }

    fn saul_write(&mut self, sensor: Sensor, value: &Phydat) -> Result<u8, Errno> {
        self.0.push(Call::Write(sensor.0.get(), *value));
        match sensor.0.get() {
            LAMP => Ok(1),
            THERMOMETER => Err(Errno::NotSupported),
            _ => Err(Errno::NoDevice),
        }
    }

    fn gpio_find(&mut self, name: &[u8]) -> Result<Pin, Errno> {
        self.0.push(Call::FindPin(name.into()));
        match name {
            b"hello" => Ok(Pin(BUTTON)),
            b"hell" => Ok(Pin(LED)),
            _ => Err(Errno::NoDevice),
        }
    }

    fn gpio_read(&mut self, pin: Pin) -> Result<bool, Errno> {
        self.0.push(Call::ReadPin(pin.0));
        match pin.0 {
            BUTTON => Ok(true),
            LED => Ok(false),
            _ => Err(Errno::NoDevice),
        }
    }

    fn gpio_write(&mut self, pin: Pin, high: bool) -> Result<(), Errno> {
        self.0.push(Call::WritePin(pin.0, high));
        match pin.0 {
            LED => Ok(()),
            BUTTON => Err(Errno::NotSupported),
            _ => Err(Errno::NoDevice),
        }
    }

    fn senml(
        &mut self,
        out: &mut [u8],
        name: &str,
        value: &Phydat,
        dimensions: u8,
    ) -> Result<usize, Errno> {
        self.0.push(Call::Senml(name.into(), *value, dimensions));
        let pack = [0x9f, dimensions, 0xff];
        let room = out.get_mut(..pack.len()).ok_or(Errno::NoSpace)?;
        room.copy_from_slice(&pack);
        Ok(pack.len())
    }

    fn coap_changed(&mut self, app: AppId) -> Result<(), Errno> {
        self.0.push(Call::Changed(app.slot()));
        Ok(())
    }

    fn find_remote(&mut self, name: &[u8]) -> Result<Remote, Errno> {
        self.0.push(Call::FindRemote(name.into()));
        match name {
            b"hello" => Ok(Remote(COLLECTOR)),
            b"hell" => Ok(Remote(UNREACHABLE)),
            _ => Err(Errno::NoDevice),
        }
    }

    fn request(
        &mut self,
        app: AppId,
        remote: Remote,
        request: &CoapRequest<'_>,
    ) -> Result<u32, Errno> {
        self.0.push(Call::Request(Request {
            slot: app.slot(),
            remote: remote.0,
            code: request.code,
            path: request.segments().map(Vec::from).collect(),
            query: request.parameters().map(Vec::from).collect(),
            payload: request.payload.into(),
        }));
        match remote.0 {
            COLLECTOR => Ok(NUMBER),
            UNREACHABLE => Err(Errno::InputOutput),
            _ => Err(Errno::NoDevice),
        }
    }

    fn application_helper(&self, id: u32) -> Option<Capabilities> {
        application::needs(id)
    }

    fn call_application_helper(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        self.0.push(Call::Application(call.id, call.arguments));
        let [first, second, ..] = call.arguments;
        match call.id {
            application::TWICE => Ok(first.wrapping_mul(2)),
            application::SUM => {
                call.address = first;
                let bytes = memory.read(first, second)?;
                Ok(bytes.iter().map(|&byte| u64::from(byte)).sum())
            }
            application::FREE | application::FICKLE => Ok(0),
            application::CHARGING => {
                call.cost = first as u32;
                Ok(0)
            }
            application::LAST => Ok(u64::MAX),
            _ => Err(FaultKind::UnknownHelper),
        }
    }
}

/// Values that each slot owns, and the host.
pub(crate) const SHARE: usize = 12;

/// Three slots, three bindings, and four shares of values.
pub(crate) type Device = Runtime<'static, Recording, 3, 3, { 4 * SHARE }>;

/// The device's memory, in bytes.
pub(crate) struct Sizes {
    pub(crate) images: [usize; 3],
    pub(crate) stack: usize,
    pub(crate) data: usize,
    pub(crate) response: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            images: [4096; 3],
            stack: 512,
            data: 64,
            response: 64,
        }
    }
}

/// Memory for the rest of the test; it is not clean.
pub(crate) fn buffer(length: usize) -> &'static mut [u8] {
    vec![0xdd; length].leak()
}

impl Sizes {
    pub(crate) fn device<const KV: usize>(self) -> Runtime<'static, Recording, 3, 3, KV> {
        let memory = Memory {
            images: self.images.map(buffer),
            stack: buffer(self.stack),
            data: buffer(self.data),
            response: buffer(self.response),
        };
        Runtime::new(Recording::default(), memory)
    }
}

pub(crate) fn device() -> Device {
    Sizes::default().device()
}

/// What an image is made of.
pub(crate) struct App<'a> {
    pub(crate) source: &'a str,
    /// Entries and frames.
    pub(crate) functions: &'a [(u16, u16)],
    pub(crate) rodata: &'a [u8],
    pub(crate) data: &'a [u8],
    pub(crate) bss: u16,
    pub(crate) stack: u16,
    pub(crate) wants: Capabilities,
    pub(crate) helpers: &'a [u16],
}

/// An app of a single function that wants all that there is.
pub(crate) fn app(source: &str) -> App<'_> {
    App {
        source,
        functions: &[(0, 64)],
        rodata: &[],
        data: &[],
        bss: 0,
        stack: 0,
        wants: Capabilities::all(),
        helpers: &[],
    }
}

impl App<'_> {
    pub(crate) fn image(&self) -> Vec<u8> {
        let text = assemble(self.source).unwrap_or_else(|error| panic!("{error}\n{}", self.source));
        let functions: Vec<Function> = self
            .functions
            .iter()
            .map(|&(entry, frame)| Function::new(entry, frame))
            .collect();
        ImageParts {
            stack_size: self.stack,
            capabilities: self.wants,
            text: text.as_slice().as_bytes(),
            functions: &functions,
            helpers: self.helpers,
            rodata: self.rodata,
            data: self.data,
            bss_len: self.bss,
            keep_values: false,
            version: None,
        }
        .write()
        .expect("the test's image is sound")
    }

    /// Installs the app with all that it wants.
    pub(crate) fn install<const KV: usize>(
        &self,
        device: &mut Runtime<'static, Recording, 3, 3, KV>,
        name: &str,
    ) -> AppId {
        device
            .install(name, &self.image(), Capabilities::all())
            .unwrap_or_else(|error| panic!("{error:?}\n{}", self.source))
    }
}

/// Runs an app without a context.
pub(crate) fn run<const KV: usize>(
    device: &mut Runtime<'static, Recording, 3, 3, KV>,
    app: AppId,
) -> Result<u64, RunError> {
    device.run(app, &mut [], &mut [], 10_000)
}

/// Installs an app on a device of its own, and runs it once.
pub(crate) fn run_once(app: &App<'_>) -> Result<u64, RunError> {
    let mut device = device();
    let id = app.install(&mut device, "app");
    run(&mut device, id)
}

/// A request for what is at a path.
pub(crate) const fn get(path: &str) -> CoapRequest<'_> {
    CoapRequest {
        code: 1,
        path,
        query: &[],
        observe: None,
        payload: &[],
    }
}

/// A fault, as the end of a run.
pub(crate) fn fault<T>(kind: FaultKind, pc: u32, address: u64) -> Result<T, RunError> {
    Err(RunError::Fault(Fault { kind, pc, address }))
}

/// What a guest sees of an error.
pub(crate) fn errno(error: Errno) -> u64 {
    i64::from(error.to_guest()) as u64
}

/// Loads r1 and those that follow; each takes two slots.
pub(crate) fn arguments(values: &[u64]) -> String {
    (1..)
        .zip(values)
        .map(|(register, value)| format!("lddw %r{register}, {value:#x}\n"))
        .collect()
}

/// Guest addresses of the regions.
pub(crate) mod at {
    pub(crate) const STACK: u64 = 0x100_0000;
    pub(crate) const CONTEXT: u64 = 0x200_0000;
    pub(crate) const RODATA: u64 = 0x300_0000;
    pub(crate) const DATA: u64 = 0x400_0000;
    pub(crate) const GRANTED: u64 = 0x500_0000;
    pub(crate) const UNMAPPED: u64 = 0x700_0000;
}
