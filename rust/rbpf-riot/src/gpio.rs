// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pins that the application has for containers, by name and index.
//!
//! A pin is a static of the application's, in a list that only grows, as hooks
//! are; nobody else's pins can be reached. An input whose edges are events has
//! a [hook](crate::hooks) `gpio:NAME`. Its interrupt looks whether containers are bound to
//! it, and leaves pin and level for the worker.

// The header has what is `cfg` here where the module is in use.
use core::cell::Cell;
use core::ffi::{CStr, c_void};
use core::ptr;

use rbpf_abi::context::GpioContext;
use rbpf_abi::{Capabilities, Errno};
use rbpf_device::Status;
use rbpf_runtime::{Pin as Index, Policy};

use crate::config::EVENT_SIZE;
use crate::containers::Error;
use crate::hooks::{self, Hook};
use crate::list::{List, Listed};
use crate::sys;

/// @brief   The pin's edges are no events
pub const EDGE_NONE: u8 = 0;
/// @brief   An event when the pin becomes high
pub const EDGE_RISING: u8 = 1;
/// @brief   An event when the pin becomes low
pub const EDGE_FALLING: u8 = 2;
/// @brief   An event whenever the pin changes
pub const EDGE_BOTH: u8 = 3;

const _: () = assert!(
    size_of::<GpioContext>() <= EVENT_SIZE as usize,
    "rbpf_gpio needs a CONFIG_RBPF_EVENT_SIZE of 8 or more"
);

/// What the names of hooks begin with.
const PREFIX: &str = "gpio:";

/// @brief   A pin that containers may use
///
/// A static, initialised by @ref RBPF_PIN_INIT or @ref RBPF_PIN_INIT_EDGES and
/// registered once.
#[cfg(feature = "gpio")]
#[derive(Debug)]
#[repr(C)]
pub struct Pin {
    /// What its edges trigger, and, after `gpio:`, its name; private
    hook: Hook,
    /// The next of all pins; private
    next: Cell<*const c_void>,
    /// The pin
    pin: riot_sys::gpio_t,
    /// `GPIO_IN`, `GPIO_IN_PD` or `GPIO_IN_PU` for an input; `GPIO_OUT`,
    /// `GPIO_OD` or `GPIO_OD_PU` for an output
    mode: riot_sys::gpio_mode_t,
    /// Index by which containers know it; private
    index: Cell<u16>,
    /// Edges of an input that are events: `RBPF_EDGE_...`
    edges: u8,
}

// SAFETY: `next` and `index` are set once, before the pin is in the list where
// others find it; the rest never changes, but for the hook, which is one.
unsafe impl Sync for Pin {}

// SAFETY: the cell is used for nothing else.
unsafe impl Listed for Pin {
    fn next(&self) -> &Cell<*const c_void> {
        &self.next
    }
}

/// All pins; the newest is the first.
static PINS: List<Pin> = List::new();

impl Pin {
    /// A pin of this name, which stands behind `gpio:`, in one of RIOT's modes; the
    /// edges of an input that are events are one of `EDGE_…`.
    ///
    /// The name has 1 to 27 visible characters of ASCII.
    #[must_use]
    pub const fn new(
        name: &'static CStr,
        pin: riot_sys::gpio_t,
        mode: riot_sys::gpio_mode_t,
        edges: u8,
    ) -> Self {
        Self {
            hook: Hook::with_rights(name, Policy::Last, Capabilities::GPIO, Capabilities::CORE),
            next: Cell::new(ptr::null()),
            pin,
            mode,
            index: Cell::new(0),
            edges,
        }
    }

    /// Its name.
    fn name(&self) -> &'static str {
        self.hook.name().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// Whether it is an output; `None` for a mode that is none.
    fn is_output(&self) -> Option<bool> {
        // Not a match: some boards have two of the same number.
        let is = |modes: [riot_sys::gpio_mode_t; 3]| modes.contains(&self.mode);
        if is([
            riot_sys::gpio_mode_t_GPIO_IN,
            riot_sys::gpio_mode_t_GPIO_IN_PD,
            riot_sys::gpio_mode_t_GPIO_IN_PU,
        ]) {
            return Some(false);
        }
        is([
            riot_sys::gpio_mode_t_GPIO_OUT,
            riot_sys::gpio_mode_t_GPIO_OD,
            riot_sys::gpio_mode_t_GPIO_OD_PU,
        ])
        .then_some(true)
    }

    /// Sets the pin up, and makes it known to containers, and its hook if it has edges that are events.
    /// Threads only. Its index is how many were known before. An output keeps its level as far as the hardware does.
    ///
    /// # Errors
    ///
    /// `Interrupt` in an interrupt; `Invalid` for a pin, mode or name that is none, and
    /// edges that are none or those of an output; `Taken` if there is a pin of
    /// that name, or the pin is in use here; `Full` beyond 65536 pins; `Method` if the
    /// hardware can't do that.
    pub fn register(&'static self) -> Result<(), Error> {
        if sys::in_interrupt() {
            return Err(Error::Interrupt);
        }
        let flank = match (self.edges, self.is_output()) {
            (EDGE_NONE, Some(_)) => None,
            (EDGE_RISING, Some(false)) => Some(riot_sys::gpio_flank_t_GPIO_RISING),
            (EDGE_FALLING, Some(false)) => Some(riot_sys::gpio_flank_t_GPIO_FALLING),
            (EDGE_BOTH, Some(false)) => Some(riot_sys::gpio_flank_t_GPIO_BOTH),
            _ => return Err(Status::Invalid.into()),
        };
        if self.name().is_empty() || !self.hook.is_sound() || !sys::gpio::is_valid(self.pin) {
            return Err(Status::Invalid.into());
        }
        // Nobody gets its events before it is whole, either.
        PINS.add(self, || {
            let is_other = |pin: &Self| pin.name() != self.name() && pin.pin != self.pin;
            if !PINS.iter().all(is_other)
                || hooks::all().any(|hook| hook.name() == self.hook.name())
            {
                return Err(Status::Taken);
            }
            let index = PINS.next_index()?;
            let set_up = match flank {
                Some(flank) => {
                    sys::gpio::init_with_edges(self.pin, self.mode, flank, on_edge, self)
                }
                None => sys::gpio::init(self.pin, self.mode),
            };
            if !set_up {
                return Err(Status::Method);
            }
            if flank.is_some() {
                self.hook.register()?;
            }
            self.index.set(index);
            Ok(())
        })?;
        Ok(())
    }

    /// An edge that containers are bound to; from any context. Not inlined: where
    /// there are none, the interrupt makes no stack frame.
    #[inline(never)]
    fn edge(&'static self) {
        let context = GpioContext {
            pin: u32::from(self.index.get()).into(),
            level: u32::from(sys::gpio::read(self.pin)).into(),
        };
        // Where too many wait, it is counted.
        let _ = self.hook.post(context.bytes());
    }
}

/// What RIOT calls in the interrupt.
unsafe extern "C" fn on_edge(pin: *mut c_void) {
    // SAFETY: `register` has RIOT pass a static on.
    let pin = unsafe { pin.cast::<Pin>().as_ref::<'static>() };
    if let Some(pin) = pin
        && pin.hook.bound() != 0
    {
        pin.edge();
    }
}

/// The pin at an index.
fn nth(Index(index): Index) -> Result<&'static Pin, Errno> {
    PINS.iter()
        .find(|pin| pin.index.get() == index)
        .ok_or(Errno::NoDevice)
}

/// The index of the pin of this name.
pub(crate) fn find(name: &[u8]) -> Result<Index, Errno> {
    PINS.iter()
        .find(|pin| pin.name().as_bytes() == name)
        .map(|pin| Index(pin.index.get()))
        .ok_or(Errno::NoDevice)
}

/// Whether the pin is high.
pub(crate) fn read(pin: Index) -> Result<bool, Errno> {
    Ok(sys::gpio::read(nth(pin)?.pin))
}

/// Sets an output.
pub(crate) fn write(pin: Index, high: bool) -> Result<(), Errno> {
    let pin = nth(pin)?;
    if pin.is_output() != Some(true) {
        return Err(Errno::NotSupported);
    }
    sys::gpio::write(pin.pin, high);
    Ok(())
}
