// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole: processor, chip, time, and the loop that runs them.
//!
//! Time is counted in cycles of the 64 MHz clock. It passes as instructions
//! cost it, and in jumps: while the processor sleeps, to the next deadline of a
//! peripheral; while flash is written or erased, by what that takes; while the
//! guest does nothing but wait for an event register, to the next deadline.

use std::sync::Arc;

use rsemu::cpu::arm::v7m::sys::Exception;
use rsemu::cpu::arm::v7m::{ArmV7m, Config, Regs};

use crate::bus::Bus;
use crate::devices::PAGES;
use crate::fault;
use crate::host::Host;
use crate::image::{Image, ImageError};
use crate::memory::Memory;
use crate::peripherals::clock::RESET_BY_SOFTWARE;
use crate::peripherals::{CYCLES_PER_SECOND, earliest};
use crate::soc::{Settings, Soc};
use crate::wfe;

/// Steps between two looks at sleep, lockup and reset.
const GLANCE: u64 = 16;
/// Steps between two looks at the host.
const SERVICE: u64 = 1024;
/// No instruction that is not an exception's entry costs less than this.
const ENTRY_COST: u64 = 12;
/// The bits of xPSR that say where in an IT block the processor is (ITSTATE).
const IT_STATE: u32 = 0x0600_fc00;
/// The bits of xPSR with the number of the exception.
const EXCEPTION: u32 = 0x1ff;
/// Bytes of an exception's frame, by whether it has floating-point registers
/// and whether it was aligned.
const FRAMES: [u32; 4] = [32, 36, 104, 108];
/// Where an exception's frame has the address to return to.
const FRAME_PC: u32 = 24;
/// Where it has xPSR.
const FRAME_XPSR: u32 = 28;
/// The bit of EXC_RETURN that says that the frame is on the process stack.
const FRAME_ON_PSP: u32 = 4;

/// When to stop, apart from the guest's own end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// After this much of the guest's time, in cycles.
    pub cycles: Option<u64>,
    /// After this many cycles in which the guest sleeps or talks to nobody,
    /// once all input of line 0 was read.
    pub idle: Option<u64>,
    /// When the guest asks for a reset.
    pub on_reset: bool,
    /// Tell about all faults, not only HardFaults.
    pub all_faults: bool,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The time was up.
    TimeLimit,
    /// All input was read, and nothing more came from the guest.
    Idle,
    /// The processor sleeps, and nothing can wake it.
    Asleep,
    /// The guest switched the chip off.
    SystemOff,
    /// The guest asked for a reset.
    Reset,
    /// The processor locked up: a fault within a fault.
    LockedUp,
    /// Nobody reads what the guest says.
    HostGone,
    /// The user ended it.
    Stopped,
}

/// What a run cost.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Instructions.
    pub instructions: u64,
    /// Cycles in which the processor slept.
    pub slept: u64,
    /// Cycles in which flash operations held the processor.
    pub stalled: u64,
    /// Cycles that were skipped while the guest waited for an event register.
    pub polled: u64,
    /// Entries into handlers of interrupts, by number.
    pub interrupts: Vec<u64>,
    /// Faults taken.
    pub faults: u64,
    /// Resets that the guest asked for.
    pub resets: u64,
}

/// A nRF52840 with an image.
#[derive(Debug)]
pub struct Machine {
    core: ArmV7m,
    bus: Arc<Bus>,
    memory: Memory,
    image: Image,
    now: u64,
    steps: u64,
    lines: u64,
    /// When a byte last went over a line.
    active: u64,
    statistics: Statistics,
}

/// Why a machine cannot be built.
#[derive(Debug)]
pub enum MachineError {
    /// The image does not fit.
    Image(ImageError),
    /// The memory map is refused by the emulator of the processor.
    Map(rsemu::core::Error),
}

impl std::fmt::Display for MachineError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MachineError::Image(error) => write!(formatter, "{error}"),
            MachineError::Map(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for MachineError {}

impl Machine {
    /// A machine with `image` in its memories, about to come out of reset.
    ///
    /// # Errors
    ///
    /// [`MachineError`] if the image does not fit.
    pub fn new(image: Image, settings: &Settings) -> Result<Self, MachineError> {
        let memory = Memory::new();
        image.load(&memory).map_err(MachineError::Image)?;
        let bus = Bus::new(Soc::new(memory.clone(), settings));
        let core = new_core(&bus, &memory).map_err(MachineError::Map)?;
        Ok(Machine {
            core,
            bus,
            memory,
            image,
            now: 0,
            steps: 0,
            lines: 0,
            active: 0,
            statistics: Statistics {
                interrupts: vec![0; PAGES],
                ..Statistics::default()
            },
        })
    }

    /// The guest's time, in cycles.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// The memories.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The image.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// The processor.
    #[must_use]
    pub const fn core(&self) -> &ArmV7m {
        &self.core
    }

    /// What the run has cost so far.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Looks at, or changes, the chip.
    pub fn chip<T>(&self, work: impl FnOnce(&mut Soc) -> T) -> T {
        self.bus.with(|soc, _| work(soc))
    }

    /// Runs until something ends it.
    pub fn run(&mut self, host: &mut Host, limits: &Limits) -> Outcome {
        if let Some((line, bytes)) = host.greet() {
            self.feed(line, &bytes);
        }
        let outcome = loop {
            if let Some(outcome) = self.step(host, limits) {
                break outcome;
            }
        };
        self.service(host);
        outcome
    }

    /// One instruction, or one jump in time.
    fn step(&mut self, host: &mut Host, limits: &Limits) -> Option<Outcome> {
        let glance = (self.steps + 1).is_multiple_of(GLANCE);
        let asleep = glance && self.core.is_asleep();
        let before = self.core.xpsr();
        let it_state = before & IT_STATE;
        let within = (it_state != 0).then(|| (self.core.pc(), it_state));
        let used = self.core.step();
        if within.is_some() && before & EXCEPTION != self.core.xpsr() & EXCEPTION {
            self.restore_it_state();
        }
        self.now += used;
        self.steps += 1;
        self.statistics.instructions += 1;
        if used >= ENTRY_COST {
            self.notice_exception(within, host, limits);
        }
        let due = self.bus.set_time(self.now);
        if due && let Some(outcome) = self.attend() {
            return Some(outcome);
        }
        if !glance {
            return None;
        }
        if self.steps.is_multiple_of(SERVICE) {
            self.service(host);
            host.keep_pace(self.now);
            if let Some(outcome) = end_by_host(host) {
                return Some(outcome);
            }
        }
        if self.core.is_locked_up() {
            let pc = self.core.regs();
            host.tell(&format!(
                "the processor locked up (msp {:#010x}, psp {:#010x})",
                pc.msp, pc.psp
            ));
            return Some(Outcome::LockedUp);
        }
        if self.core.reset_requested() {
            return self.reset(host, limits);
        }
        if limits.cycles.is_some_and(|limit| self.now >= limit) {
            return Some(Outcome::TimeLimit);
        }
        // An interrupt that had come when it fell asleep, or comes just now, wakes
        // it only with the next step.
        if asleep && !due && self.core.is_asleep() {
            self.sleep(host, limits)
        } else {
            None
        }
    }

    /// Applies what the chip wants of the processor.
    fn attend(&mut self) -> Option<Outcome> {
        let before = self.lines;
        let (lines, stall, off, skip_to) = self.bus.attend(|soc, _| {
            // An interrupt that comes now ends the guest's waiting.
            let skip_to = if soc.take_poll_skip() && soc.interrupts() == before {
                soc.next()
            } else {
                None
            };
            (
                soc.interrupts(),
                std::mem::take(&mut soc.effects.stall),
                soc.effects.system_off,
                skip_to,
            )
        });
        let changed = lines ^ self.lines;
        self.lines = lines;
        for line in (0..PAGES).filter(|line| changed >> line & 1 == 1) {
            self.core.set_irq(line as u16, lines >> line & 1 == 1);
        }
        if stall > 0 {
            self.statistics.stalled += stall;
            self.jump(stall, true);
        }
        if let Some(cycles) = skip_to
            .map(|time| time.saturating_sub(self.now))
            .filter(|cycles| *cycles > 0)
        {
            self.statistics.polled += cycles;
            self.jump(cycles, true);
        }
        off.then_some(Outcome::SystemOff)
    }

    /// Lets time pass in which the processor executes nothing. Its cycle
    /// counter runs on while it is `awake`.
    fn jump(&mut self, cycles: u64, awake: bool) {
        self.now += cycles;
        self.core.with_sys(|sys| {
            if awake {
                sys.tick_cyccnt(cycles);
            }
            if sys.tick_systick(cycles) && sys.syst_csr & 2 != 0 {
                sys.set_pending(Exception::SYSTICK, true);
            }
        });
        self.bus.set_time(self.now);
    }

    /// Completes the entry into a handler, counts it, and reports a fault.
    /// `within` has the address and the ITSTATE of the instruction that would
    /// have been next, if in an IT block.
    fn notice_exception(&mut self, within: Option<(u32, u32)>, host: &mut Host, limits: &Limits) {
        let registers = self.core.regs();
        let exception = registers.xpsr & 0x1ff;
        // The first instruction of a handler, with EXC_RETURN in the link
        // register: nothing else looks like that.
        let vector = self.core.vtor().wrapping_add(exception * 4);
        let handler = self.memory.word(vector).unwrap_or_default() & !1;
        if exception == 0 || registers.r[14] < 0xffff_ffe0 || registers.r[15] != handler {
            return;
        }
        if let Some((address, it_state)) = within {
            self.keep_it_state(&registers, address, it_state);
        }
        self.statistics.instructions -= 1;
        if let Some(count) = exception
            .checked_sub(16)
            .and_then(|line| self.statistics.interrupts.get_mut(line as usize))
        {
            *count += 1;
        }
        if fault::is_fault(exception) {
            self.statistics.faults += 1;
            if exception == fault::HARD_FAULT || limits.all_faults {
                self.service(host);
                let seconds = seconds(self.now);
                host.tell(&format!(
                    "{seconds:.6} s: {}",
                    fault::report(&self.core, &self.memory, &self.image, exception)
                ));
            }
        }
    }

    /// Puts ITSTATE into the frame of an exception that came instead of the
    /// instruction at `address`. rsemu 0.0.7 stacks xPSR without it, so that the
    /// rest of the IT block would be executed whatever its condition (DDI 0403
    /// B1.5.6). Frames with another address are left alone: those of exceptions
    /// that a handler's end chained to, and of SVC, whose block has gone on.
    fn keep_it_state(&self, registers: &Regs, address: u32, it_state: u32) {
        let frame = if registers.r[14] & FRAME_ON_PSP != 0 {
            registers.psp
        } else {
            registers.msp
        };
        let place = frame.wrapping_add(FRAME_XPSR);
        if self.memory.word(frame.wrapping_add(FRAME_PC)) == Some(address)
            && let Some(xpsr) = self.memory.word(place)
        {
            // Only RAM takes it; on a stack elsewhere the frame was lost anyway.
            let _ = self.memory.write(place, &(xpsr | it_state).to_le_bytes());
        }
    }

    /// Reads ITSTATE from the frame of an exception whose handler has ended with
    /// an instruction in an IT block, such as the `popeq {r4, pc}` of RIOT's
    /// isr_pendsv. rsemu 0.0.7 restores it, and then advances it as if the
    /// block were that of the handler. If it is the entry into another one, no
    /// frame below has that address.
    fn restore_it_state(&mut self) {
        let registers = self.core.regs();
        let frames = FRAMES.map(|length| registers.r[13].wrapping_sub(length));
        let frame = frames
            .into_iter()
            .find(|frame| self.memory.word(frame.wrapping_add(FRAME_PC)) == Some(registers.r[15]));
        let xpsr = frame.and_then(|frame| self.memory.word(frame.wrapping_add(FRAME_XPSR)));
        if let Some(xpsr) = xpsr {
            let other = registers.xpsr & !IT_STATE;
            self.core.set_xpsr(other | xpsr & IT_STATE);
        }
    }

    fn reset(&mut self, host: &mut Host, limits: &Limits) -> Option<Outcome> {
        self.service(host);
        self.statistics.resets += 1;
        if limits.on_reset {
            return Some(Outcome::Reset);
        }
        self.bus.with(|soc, now| {
            soc.devices.clock.add_reset_reason(RESET_BY_SOFTWARE);
            soc.reset(now);
        });
        // A new core: the emulator's own reset keeps NVIC, MPU and FPU.
        match new_core(&self.bus, &self.memory) {
            Ok(core) => self.core = core,
            Err(_) => return Some(Outcome::Reset),
        }
        self.lines = 0;
        None
    }

    /// Carries bytes between the lines and the host, and tells what there is
    /// to tell.
    fn service(&mut self, host: &mut Host) {
        while let Some((line, bytes)) = host.poll() {
            self.feed(line, &bytes);
        }
        let (outputs, notes, changes) = self.bus.with(|soc, _| {
            let outputs = soc
                .devices
                .lines
                .each_mut()
                .map(crate::peripherals::uarte::Uarte::take_output);
            (
                outputs,
                soc.effects.notes.take(),
                soc.devices.gpio.take_changes(),
            )
        });
        for (line, bytes) in outputs
            .iter()
            .enumerate()
            .filter(|(_, bytes)| !bytes.is_empty())
        {
            self.active = self.now;
            host.send(line, bytes);
        }
        for change in changes {
            let time = seconds(change.time);
            host.tell(&format!(
                "{time:.6} s: P{}.{:02} {}",
                change.port,
                change.pin,
                u8::from(change.high)
            ));
        }
        for note in notes {
            host.tell(&note);
        }
    }

    fn feed(&mut self, line: usize, bytes: &[u8]) {
        self.active = self.now;
        self.bus.with(|soc, now| {
            if let Some(uarte) = soc.devices.lines.get_mut(line) {
                uarte.feed(bytes);
            }
            soc.settle(now);
        });
    }

    /// The processor sleeps: time jumps to what may wake it.
    fn sleep(&mut self, host: &mut Host, limits: &Limits) -> Option<Outcome> {
        if let Some(cycles) = wfe::wake(&self.core, &self.memory) {
            self.now += cycles;
            return None;
        }
        self.service(host);
        if let Some(outcome) = end_by_host(host) {
            return Some(outcome);
        }
        let deadline = earliest(self.bus.with(|soc, _| soc.next()), self.systick_deadline());
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            self.bus.set_time(self.now);
            return self.attend();
        }
        if let Some(outcome) = self.end_of_sleep(host, limits, deadline) {
            return Some(outcome);
        }
        let (woken, input) = host.sleep(self.now, earliest(deadline, limits.cycles));
        if woken != u64::MAX {
            let cycles = woken.saturating_sub(self.now);
            self.statistics.slept += cycles;
            self.jump(cycles, false);
        }
        if let Some((line, bytes)) = input {
            self.feed(line, &bytes);
        }
        self.attend()
    }

    /// Whether this sleep is the end of the run.
    fn end_of_sleep(&self, host: &Host, limits: &Limits, deadline: Option<u64>) -> Option<Outcome> {
        let heard = !host.is_open(0) && self.bus.with(|soc, _| soc.devices.lines[0].waiting() == 0);
        if let (true, Some(idle)) = (heard, limits.idle) {
            let end = self.active.saturating_add(idle);
            if self.now >= end || deadline.is_none_or(|deadline| deadline > end) {
                return Some(Outcome::Idle);
            }
        }
        (deadline.is_none() && !host.any_open() && limits.cycles.is_none())
            .then_some(Outcome::Asleep)
    }

    /// When SysTick next interrupts, if it runs.
    fn systick_deadline(&self) -> Option<u64> {
        self.core.with_sys(|sys| {
            let left = if sys.syst_cvr == 0 {
                sys.syst_rvr + 1
            } else {
                sys.syst_cvr
            };
            (sys.syst_csr & 3 == 3 && sys.syst_rvr != 0).then(|| self.now + u64::from(left))
        })
    }
}

/// Whether the host ends the run.
fn end_by_host(host: &Host) -> Option<Outcome> {
    if host.is_stopped() {
        Some(Outcome::Stopped)
    } else {
        (!host.is_alive()).then_some(Outcome::HostGone)
    }
}

/// A processor about to come out of reset.
fn new_core(bus: &Arc<Bus>, memory: &Memory) -> Result<ArmV7m, rsemu::core::Error> {
    // The nRF52840's Cortex-M4F is built without bit-banding.
    let core = ArmV7m::new(Config::CORTEX_M4F.with_bit_band(false));
    core.attach_space(bus.address_space(memory)?);
    Ok(core)
}

/// Cycles as seconds.
#[must_use]
pub fn seconds(cycles: u64) -> f64 {
    cycles as f64 / CYCLES_PER_SECOND as f64
}
