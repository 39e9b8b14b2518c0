// SPDX-License-Identifier: MIT OR Apache-2.0
//! The helpers: from five registers to a service and back.
//!
//! The dispatcher is derived from the table in `rbpf-abi`: a helper without
//! an implementation here is a compile error. Guest addresses are turned into
//! slices here, by the memory map, and nowhere else; services see slices,
//! numbers and handles. Only the helpers of the host's application get the
//! registers as they are, with the map.
//!
//! # Cost
//!
//! A helper charges the budget with what it takes, in instructions: each call
//! [`COST_CALL`], and what is written at it beside; a copy one for each
//! [`BYTES_PER_INSTRUCTION`] bytes, the log [`COST_LOG_BYTE`] for each byte that is
//! written, prefix included. Those that [may wait](Capabilities::MAY_WAIT), and
//! `random`, are measured by the host's clock, and charged at least with the instructions that
//! [could have been executed](Services::SPEED) in that time. So nobody holds the
//! processor longer by calling helpers than by computing, but for the last call.

use core::num::NonZeroU16;

use heapless::String;
use rbpf_abi::context::Phydat;
use rbpf_abi::helpers::is_application_helper;
use rbpf_abi::{Capabilities, Errno, Helper, for_each_helper};
use rbpf_vm::{FaultKind, HelperCall, Host, MemoryMap};
use zerocopy::{FromBytes, IntoBytes};

use crate::coap::{CoapExchange, CoapRequest};
use crate::format::{self, Piece};
use crate::kv::{KvScope, KvStore};
use crate::run::Account;
use crate::timer::{MAX_TIMER, Timer};
use crate::{MAX_SENML_NAME, Pin, Remote, Sensor, Services};

/// What the host's clock measures: what [may wait](Capabilities::MAY_WAIT), and random
/// numbers, whose source may be a slow one.
const MEASURED: Capabilities = Capabilities::MAY_WAIT.union(Capabilities::RANDOM);

/// Instructions charged for each call.
const COST_CALL: u32 = 8;
/// Instructions charged for looking into a store.
const COST_STORE: u32 = 8;
/// Entries of the stores that are passed over in the time of one instruction.
const ENTRIES_PER_INSTRUCTION: u32 = 4;
/// Instructions charged for a piece of a format.
const COST_PIECE: u32 = 8;
/// Instructions charged for a random number.
const COST_RANDOM: u32 = 20;
/// Instructions charged for reading a clock.
const COST_CLOCK: u32 = 24;
/// Instructions charged for a number that is written out.
const COST_NUMBER: u32 = 40;
/// Bytes that are logged before it is looked whether the budget is used up.
const LOG_PIECE: usize = 32;
/// Instructions charged for reading or writing a device.
const COST_SENSOR: u32 = 100;
/// Instructions charged for finding, reading or writing a pin.
const COST_PIN: u32 = 10;
/// Instructions charged for a record of SenML.
const COST_RECORD: u32 = 50;
/// Instructions charged for looking who is to be told of a change.
const COST_NOTIFY: u32 = 200;
/// Instructions charged for finding a remote.
const COST_REMOTE: u32 = 10;
/// Instructions charged for a request: about what the network stack takes for it.
const COST_REQUEST: u32 = 1000;
/// Bytes that a copy moves in the time of one instruction.
const BYTES_PER_INSTRUCTION: u32 = 16;
/// Characters of a string that are looked at in the time of one instruction.
const CHARACTERS_PER_INSTRUCTION: u32 = 4;
/// Instructions charged for a byte of log.
const COST_LOG_BYTE: u32 = 8;

/// A guest address in an argument.
#[derive(Clone, Copy)]
struct Address(u64);

/// A fault, and the guest address that it is about.
struct Refused(FaultKind, u64);

impl From<FaultKind> for Refused {
    fn from(kind: FaultKind) -> Self {
        Self(kind, 0)
    }
}

type HelperResult<T> = Result<T, Refused>;

/// Everything that the helpers of one run may touch besides its memory.
pub(crate) struct HelperHost<'r, 'q, S, const KV: usize> {
    pub(crate) services: &'r mut S,
    pub(crate) kv: &'r mut KvStore<KV>,
    /// Who pays for what is stored, and what it may set.
    pub(crate) account: Account<'r>,
    /// The container's name, for the log.
    pub(crate) name: &'r str,
    /// The request, if one triggered the run.
    pub(crate) coap: Option<&'r mut CoapExchange<'q>>,
    /// Charged for the helper that is being called.
    pub(crate) cost: u32,
    /// What was left of the budget when it was called.
    pub(crate) budget: u32,
    /// When it began, by the host's clock, if it may wait.
    pub(crate) begun: Option<u32>,
}

macro_rules! argument {
    (u32 $register:ident) => {
        $register as u32
    };
    (i32 $register:ident) => {
        $register as u32 as i32
    };
    (i16 $register:ident) => {
        $register as u16 as i16
    };
    (u64 $register:ident) => {
        $register
    };
    (handle $register:ident) => {
        u16::try_from($register)
            .ok()
            .and_then(NonZeroU16::new)
            .map(Sensor)
    };
    // The host does not follow it.
    (context $register:ident) => {{
        let _ = $register;
    }};
    ($address:ident $register:ident) => {
        Address($register)
    };
}

macro_rules! result {
    (i32 $value:expr) => {{
        let value: i32 = $value;
        i64::from(value) as u64
    }};
    (u32 $value:expr) => {{
        let value: u32 = $value;
        u64::from(value)
    }};
    (handle $value:expr) => {{
        let value: Option<Sensor> = $value;
        value.map_or(0, |sensor| u64::from(sensor.0.get()))
    }};
    (none $value:expr) => {{
        let () = $value;
        0
    }};
    ($other:ident $value:expr) => {{
        let value: u64 = $value;
        value
    }};
}

macro_rules! define_dispatch {
    ($(
        $(#[doc = $doc:literal])* $id:literal $variant:ident $name:ident $capability:ident (
            $($argument:ident: $kind:ident $(($length:ident))? $([$size:literal])? $(as $c:literal)?),*
        ) -> $result:ident $(as $result_c:literal)?;
    )*) => {
        impl<S: Services, const KV: usize> HelperHost<'_, '_, S, KV> {
            fn dispatch(
                &mut self,
                call: &HelperCall,
                memory: &mut MemoryMap<'_>,
            ) -> HelperResult<u64> {
                match call.id {
                    $($id => {
                        #[allow(unused_mut, reason = "some helpers have no arguments")]
                        let mut registers = call.arguments.iter().copied();
                        $(let $argument = registers.next().unwrap_or_default();)*
                        let _ = registers;
                        Ok(result!($result self.$name(memory, $(argument!($kind $argument)),*)?))
                    })*
                    _ => Err(FaultKind::UnknownHelper.into()),
                }
            }
        }
    };
}

for_each_helper!(define_dispatch);

impl<S: Services, const KV: usize> Host for HelperHost<'_, '_, S, KV> {
    // Not inlined in the engine, which is built for speed.
    #[inline(never)]
    fn call(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        self.cost = COST_CALL;
        self.budget = call.budget;
        let waits = Helper::capability_of(call.id).is_none_or(|needed| needed.intersects(MEASURED));
        self.begun = waits.then(|| self.services.begin_us());
        let result = if is_application_helper(call.id) {
            self.services.call_application_helper(call, memory)
        } else {
            self.dispatch(call, memory)
                .map_err(|Refused(kind, address)| {
                    call.address = address;
                    kind
                })
        };
        call.cost = call.cost.saturating_add(self.cost).max(self.waited());
        result
    }
}

fn read<'m>(memory: &'m MemoryMap<'_>, from: Address, length: u32) -> HelperResult<&'m [u8]> {
    memory
        .read(from.0, length.into())
        .map_err(|kind| Refused(kind, from.0))
}

fn write(memory: &mut MemoryMap<'_>, to: Address, bytes: &[u8]) -> HelperResult<()> {
    memory
        .write(to.0, bytes.len() as u64)
        .map_err(|kind| Refused(kind, to.0))?
        .copy_from_slice(bytes);
    Ok(())
}

/// The bytes of a string, without its NUL.
fn string<'m>(memory: &'m MemoryMap<'_>, from: Address) -> HelperResult<&'m [u8]> {
    let rest = memory
        .readable_from(from.0)
        .map_err(|kind| Refused(kind, from.0))?;
    let end = rest
        .iter()
        .position(|&byte| byte == 0)
        .ok_or(Refused(FaultKind::UnterminatedString, from.0))?;
    Ok(rest.get(..end).unwrap_or_default())
}

/// Bytes of the first piece of a text that is logged: no character is cut apart.
fn log_piece(text: &[u8]) -> usize {
    let is_inside = |&length: &usize| text.get(length).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut lengths = (LOG_PIECE - 3..=LOG_PIECE).rev();
    let length = lengths.find(|length| !is_inside(length));
    length.unwrap_or(LOG_PIECE).min(text.len())
}

/// What is charged for a string that is looked at, however long it is.
fn text_cost(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX) / CHARACTERS_PER_INSTRUCTION
}

/// The name of a measurement, if it is one.
fn senml_name(name: &[u8]) -> Option<String<MAX_SENML_NAME>> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-:./_".contains(byte);
    if !(1..=MAX_SENML_NAME).contains(&name.len()) || !name.iter().all(allowed) {
        return None;
    }
    String::try_from(str::from_utf8(name).ok()?).ok()
}

/// A small count as a guest sees it, or an error as a negative number.
fn count(result: Result<usize, Errno>) -> i32 {
    match result {
        Ok(count) => i32::try_from(count).unwrap_or(i32::MAX),
        Err(errno) => errno.to_guest(),
    }
}

/// Lets something happen to the pin of an index; there is none beyond 16 bits.
fn with_pin<T>(index: u32, action: impl FnOnce(Pin) -> Result<T, Errno>) -> Result<T, Errno> {
    action(Pin(u16::try_from(index).map_err(|_| Errno::NoDevice)?))
}

impl<S: Services, const KV: usize> HelperHost<'_, '_, S, KV> {
    fn charge(&mut self, cost: u32) {
        self.cost = self.cost.saturating_add(cost);
    }

    /// What the helper's time so far is worth, if it may wait.
    fn waited(&mut self) -> u32 {
        let Some(begun) = self.begun else {
            return 0;
        };
        let microseconds = self.services.elapsed_us(begun);
        let instructions = u64::from(microseconds) * u64::from(S::SPEED) / 1000;
        u32::try_from(instructions).unwrap_or(u32::MAX)
    }

    /// Logs text, or as much of it as there is budget for: the run ends here then, or is
    /// paused.
    fn log(&mut self, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() && self.cost.max(self.waited()) < self.budget {
            let (piece, after) = rest.split_at(log_piece(rest));
            let written = self.services.log(self.name, piece);
            let written = u32::try_from(written).unwrap_or(u32::MAX);
            self.charge(written.saturating_mul(COST_LOG_BYTE));
            rest = after;
        }
    }

    /// Not inlined: its buffers would be below every helper's frame.
    #[inline(never)]
    fn printf(
        &mut self,
        memory: &mut MemoryMap<'_>,
        fmt: Address,
        a: u64,
        b: u64,
        c: u64,
        d: u64,
    ) -> HelperResult<()> {
        let text = string(memory, fmt)?;
        // Refuse before the first byte is written: what is not known, and
        // more directives than there are arguments.
        let mut values = [a, b, c, d].into_iter();
        let directives = format::pieces(text).filter(|piece| !matches!(piece, Piece::Literal(_)));
        let mut spare = values.len();
        for piece in directives {
            if piece == Piece::Unsupported || spare == 0 {
                return Err(Refused(FaultKind::InvalidFormat, fmt.0));
            }
            spare -= 1;
        }
        self.charge(text_cost(text));
        for piece in format::pieces(text) {
            self.charge(COST_PIECE);
            if let Piece::Literal(literal) = piece {
                self.log(literal);
                continue;
            }
            let value = values.next().unwrap_or_default();
            let narrow = u64::from(value as u32);
            match piece {
                Piece::Signed { long: true } => self.log(&format::signed(value as i64)),
                Piece::Signed { long: false } => {
                    self.log(&format::signed(i64::from(value as u32 as i32)));
                }
                Piece::Unsigned { long } => {
                    self.log(&format::digits(if long { value } else { narrow }, 10));
                }
                Piece::Hex { long } => {
                    self.log(&format::digits(if long { value } else { narrow }, 16));
                }
                Piece::Pointer => {
                    self.log(b"0x");
                    self.log(&format::digits(value, 16));
                }
                Piece::Character => self.log(&[value as u8]),
                Piece::String => self.log(string(memory, Address(value))?),
                Piece::Literal(_) | Piece::Unsupported => {}
            }
        }
        Ok(())
    }

    fn memcpy(
        &mut self,
        memory: &mut MemoryMap<'_>,
        dest: Address,
        src: Address,
        len: u32,
    ) -> HelperResult<u64> {
        self.charge(len / BYTES_PER_INSTRUCTION);
        memory
            .copy(dest.0, src.0, len.into())
            .map_err(|(kind, address)| Refused(kind, address))?;
        Ok(dest.0)
    }

    fn store(&mut self, scope: KvScope, key: u32, value: u32) -> i32 {
        // A new key is counted against the share, and moves others aside.
        self.charge(COST_STORE + self.kv.len() / ENTRIES_PER_INSTRUCTION);
        let Account { app, quota, .. } = &self.account;
        let stored = self.kv.store(scope, app.slot, *quota, key, value);
        count(stored.map(|()| 0))
    }

    fn store_local(&mut self, _: &mut MemoryMap<'_>, key: u32, value: u32) -> HelperResult<i32> {
        Ok(self.store(KvScope::Local(self.account.app.slot), key, value))
    }

    fn store_global(&mut self, _: &mut MemoryMap<'_>, key: u32, value: u32) -> HelperResult<i32> {
        Ok(self.store(KvScope::Global, key, value))
    }

    fn store_tenant(&mut self, _: &mut MemoryMap<'_>, key: u32, value: u32) -> HelperResult<i32> {
        Ok(self.store(KvScope::Tenant(self.account.tenant), key, value))
    }

    fn fetch(
        &mut self,
        memory: &mut MemoryMap<'_>,
        scope: KvScope,
        key: u32,
        to: Address,
    ) -> HelperResult<i32> {
        self.charge(COST_STORE);
        let value = self.kv.fetch(scope, key).unwrap_or(0);
        write(memory, to, &value.to_le_bytes())?;
        Ok(0)
    }

    fn fetch_local(
        &mut self,
        memory: &mut MemoryMap<'_>,
        key: u32,
        value: Address,
    ) -> HelperResult<i32> {
        self.fetch(memory, KvScope::Local(self.account.app.slot), key, value)
    }

    fn fetch_global(
        &mut self,
        memory: &mut MemoryMap<'_>,
        key: u32,
        value: Address,
    ) -> HelperResult<i32> {
        self.fetch(memory, KvScope::Global, key, value)
    }

    fn fetch_tenant(
        &mut self,
        memory: &mut MemoryMap<'_>,
        key: u32,
        value: Address,
    ) -> HelperResult<i32> {
        self.fetch(memory, KvScope::Tenant(self.account.tenant), key, value)
    }

    fn now_ms(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<u32> {
        self.charge(COST_CLOCK);
        Ok(self.services.now_ms())
    }

    fn timer_set(&mut self, _: &mut MemoryMap<'_>, ms: u32) -> HelperResult<i32> {
        self.charge(COST_CLOCK);
        let Some(alarm) = &mut self.account.alarm else {
            return Ok(Errno::NoEntry.to_guest());
        };
        if ms > MAX_TIMER {
            return Ok(Errno::Range.to_guest());
        }
        let now = self.services.now_ms();
        **alarm = (ms != 0).then(|| Timer::once(ms, now));
        Ok(0)
    }

    fn ztimer_now(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<u32> {
        self.charge(COST_CLOCK);
        Ok(self.services.now_us())
    }

    fn random(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<u32> {
        self.charge(COST_RANDOM);
        Ok(self.services.random())
    }

    fn saul_reg_find_nth(
        &mut self,
        _: &mut MemoryMap<'_>,
        pos: i32,
    ) -> HelperResult<Option<Sensor>> {
        let position = u32::try_from(pos).ok();
        Ok(position.and_then(|position| self.services.saul_find_nth(position)))
    }

    fn saul_reg_find_type(
        &mut self,
        _: &mut MemoryMap<'_>,
        class: u32,
    ) -> HelperResult<Option<Sensor>> {
        let class = u8::try_from(class).ok();
        Ok(class.and_then(|class| self.services.saul_find_type(class)))
    }

    fn saul_reg_read(
        &mut self,
        memory: &mut MemoryMap<'_>,
        sensor: Option<Sensor>,
        reading: Address,
    ) -> HelperResult<i32> {
        self.charge(COST_SENSOR);
        let Some(sensor) = sensor else {
            return Ok(Errno::NoDevice.to_guest());
        };
        match self.services.saul_read(sensor) {
            Ok((value, dimensions)) => {
                write(memory, reading, value.as_bytes())?;
                Ok(dimensions.into())
            }
            Err(errno) => Ok(errno.to_guest()),
        }
    }

    fn saul_reg_write(
        &mut self,
        memory: &mut MemoryMap<'_>,
        actuator: Option<Sensor>,
        value: Address,
    ) -> HelperResult<i32> {
        self.charge(COST_SENSOR);
        let bytes = read(memory, value, size_of::<Phydat>() as u32)?;
        let (Some(actuator), Ok(value)) = (actuator, Phydat::read_from_bytes(bytes)) else {
            return Ok(Errno::NoDevice.to_guest());
        };
        Ok(count(
            self.services.saul_write(actuator, &value).map(usize::from),
        ))
    }

    /// Lets a step of the response happen, if a request triggered the run.
    fn with_response(
        &mut self,
        memory: &mut MemoryMap<'_>,
        step: impl FnOnce(
            &mut CoapExchange<'_>,
            &mut MemoryMap<'_>,
        ) -> Result<Result<usize, Errno>, FaultKind>,
    ) -> HelperResult<i32> {
        match &mut self.coap {
            Some(exchange) => Ok(count(step(exchange, memory)?)),
            None => Ok(Errno::NotSupported.to_guest()),
        }
    }

    fn gcoap_resp_init(
        &mut self,
        memory: &mut MemoryMap<'_>,
        (): (),
        code: u32,
    ) -> HelperResult<i32> {
        self.with_response(memory, |exchange, memory| {
            Ok(exchange.start(memory, code)?.map(|()| 0))
        })
    }

    fn coap_opt_finish(
        &mut self,
        memory: &mut MemoryMap<'_>,
        (): (),
        flags: u32,
    ) -> HelperResult<i32> {
        self.with_response(memory, |exchange, memory| exchange.finish(memory, flags))
    }

    fn coap_add_format(
        &mut self,
        memory: &mut MemoryMap<'_>,
        (): (),
        format: u32,
    ) -> HelperResult<i32> {
        self.with_response(memory, |exchange, memory| {
            exchange.add_format(memory, format)
        })
    }

    fn coap_get_pdu(&mut self, _: &mut MemoryMap<'_>, (): ()) -> HelperResult<u64> {
        Ok(self.coap.as_ref().map_or(0, |exchange| exchange.payload()))
    }

    fn coap_add_observe(&mut self, memory: &mut MemoryMap<'_>, (): ()) -> HelperResult<i32> {
        self.with_response(memory, |exchange, memory| exchange.add_observe(memory))
    }

    fn coap_get_observe(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<i32> {
        let exchange = self.coap.as_ref().ok_or(Errno::NotSupported);
        let option = exchange.and_then(|exchange| exchange.request.observe.ok_or(Errno::NoEntry));
        Ok(count(option.map(usize::from)))
    }

    fn coap_notify(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<i32> {
        self.charge(COST_NOTIFY);
        let told = self.services.coap_changed(self.account.app);
        Ok(count(told.map(|()| 0)))
    }

    fn coap_get_method(&mut self, _: &mut MemoryMap<'_>) -> HelperResult<u32> {
        let exchange = self.coap.as_ref();
        Ok(exchange.map_or(0, |exchange| exchange.request.code.into()))
    }

    fn coap_get_path(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        len: u32,
    ) -> HelperResult<i32> {
        self.copy_of_request(memory, out, len, |request| request.path.as_bytes())
    }

    fn coap_get_query(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        len: u32,
    ) -> HelperResult<i32> {
        self.copy_of_request(memory, out, len, |request| request.query)
    }

    /// Copies a part of the request to where there is room for so many bytes.
    fn copy_of_request(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        len: u32,
        part: for<'q> fn(&CoapRequest<'q>) -> &'q [u8],
    ) -> HelperResult<i32> {
        let out = memory
            .write(out.0, len.into())
            .map_err(|kind| Refused(kind, out.0))?;
        let Some(exchange) = &self.coap else {
            return Ok(Errno::NotSupported.to_guest());
        };
        let part = part(&exchange.request);
        let Some(out) = out.get_mut(..part.len()) else {
            return Ok(Errno::NoSpace.to_guest());
        };
        out.copy_from_slice(part);
        // Both are shorter than a message.
        let length = part.len() as u32;
        self.charge(length / BYTES_PER_INSTRUCTION);
        Ok(length as i32)
    }

    fn coap_find_remote(
        &mut self,
        memory: &mut MemoryMap<'_>,
        name: Address,
        length: u32,
    ) -> HelperResult<i32> {
        self.charge(COST_REMOTE + length / BYTES_PER_INSTRUCTION);
        let name = read(memory, name, length)?;
        let found = self.services.find_remote(name);
        Ok(count(found.map(|Remote(index)| index.into())))
    }

    fn coap_request(
        &mut self,
        memory: &mut MemoryMap<'_>,
        remote: u32,
        method: u32,
        path: Address,
        payload: Address,
        length: u32,
    ) -> HelperResult<i32> {
        self.charge(COST_REQUEST + length / BYTES_PER_INSTRUCTION);
        let path = string(memory, path)?;
        self.charge(text_cost(path));
        let payload = read(memory, payload, length)?;
        if !S::HAS_CLIENT {
            return Ok(Errno::NotSupported.to_guest());
        }
        let sent = CoapRequest::outgoing(method, path, payload).and_then(|request| {
            let remote = u16::try_from(remote).map_err(|_| Errno::NoDevice)?;
            self.services
                .request(self.account.app, Remote(remote), &request)
        });
        Ok(count(sent.map(|number| number as usize)))
    }

    fn fmt_s16_dfp(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        value: i16,
        digits: i32,
    ) -> HelperResult<u32> {
        self.charge(COST_NUMBER);
        let text = format::fixed_point(value, digits);
        write(memory, out, &text)?;
        Ok(text.len() as u32)
    }

    fn fmt_u32_dec(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        value: u32,
    ) -> HelperResult<u32> {
        self.charge(COST_NUMBER);
        let text = format::digits(value.into(), 10);
        write(memory, out, &text)?;
        Ok(text.len() as u32)
    }

    /// Not inlined, as [`printf`](Self::printf).
    #[inline(never)]
    fn fmt_senml(
        &mut self,
        memory: &mut MemoryMap<'_>,
        out: Address,
        len: u32,
        name: Address,
        value: Address,
        dimensions: u32,
    ) -> HelperResult<i32> {
        if !S::WRITES_SENML {
            return Ok(Errno::NotSupported.to_guest());
        }
        let name = string(memory, name)?;
        self.charge(COST_RECORD * dimensions.min(3) + text_cost(name));
        let name = senml_name(name);
        let bytes = read(memory, value, size_of::<Phydat>() as u32)?;
        let value = Phydat::read_from_bytes(bytes).ok();
        let out = memory
            .write(out.0, len.into())
            .map_err(|kind| Refused(kind, out.0))?;
        let (Some(name), Some(value), Ok(dimensions @ 1..=3)) =
            (name, value, u8::try_from(dimensions))
        else {
            return Ok(Errno::Invalid.to_guest());
        };
        let written = self.services.senml(out, &name, &value, dimensions);
        Ok(count(written))
    }

    fn gpio_find(
        &mut self,
        memory: &mut MemoryMap<'_>,
        name: Address,
        length: u32,
    ) -> HelperResult<i32> {
        self.charge(COST_PIN + length / BYTES_PER_INSTRUCTION);
        let name = read(memory, name, length)?;
        let found = self.services.gpio_find(name);
        Ok(count(found.map(|Pin(index)| index.into())))
    }

    fn gpio_read(&mut self, _: &mut MemoryMap<'_>, pin: u32) -> HelperResult<i32> {
        self.charge(COST_PIN);
        let level = with_pin(pin, |pin| self.services.gpio_read(pin));
        Ok(count(level.map(usize::from)))
    }

    fn gpio_write(&mut self, _: &mut MemoryMap<'_>, pin: u32, level: u32) -> HelperResult<i32> {
        self.charge(COST_PIN);
        let written = with_pin(pin, |pin| self.services.gpio_write(pin, level != 0));
        Ok(count(written.map(|()| 0)))
    }
}
