// SPDX-License-Identifier: MIT OR Apache-2.0
//! What riot-wrappers lacks: RIOT's functions with safe signatures.
//!
//! Data that threads share is behind [`Shared`] instead of its `Mutex`, whose
//! `lock` panics in an interrupt. Clocks are read without `ztimer::Clock::acquire`, whose release in
//! riot-wrappers 0.9.2 acquires once more; SAUL without `saul::Phydat`, which
//! trusts the number of dimensions that a driver returns.

use core::cell::{Cell, UnsafeCell};
use core::ffi::{CStr, c_char};

use riot_wrappers::mutex::Mutex;
use riot_wrappers::thread::InThread;

/// Whether this is an interrupt, which must not wait.
pub(crate) fn in_interrupt() -> bool {
    // SAFETY: no preconditions.
    unsafe { riot_sys::irq_is_in() }
}

/// The thread that runs.
pub(crate) fn thread() -> i16 {
    // SAFETY: no preconditions.
    unsafe { riot_sys::inline::thread_getpid() as i16 }
}

/// Data that threads and interrupts share, each for a moment in which no
/// other runs.
pub(crate) struct Shared<T> {
    is_in_use: Cell<bool>,
    data: UnsafeCell<T>,
}

// SAFETY: both cells are touched by `with` only, where interrupts are off, and
// so by one context at a time; the data goes from one to the other.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) const fn new(data: T) -> Self {
        Self {
            is_in_use: Cell::new(false),
            data: UnsafeCell::new(data),
        }
    }

    /// Has the data looked at, with interrupts off; `None` within another
    /// look at the same data.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let interrupts = enter(&self.is_in_use)?;
        // SAFETY: nobody else looks at the data: it was not in use, and until
        // `leave` no other context runs.
        let result = look(unsafe { &mut *self.data.get() });
        leave(&self.is_in_use, interrupts);
        Some(result)
    }
}

/// Begins to use what is shared; `None` if it is in use. Returns what
/// interrupts were like before.
#[inline(never)]
fn enter(is_in_use: &Cell<bool>) -> Option<u32> {
    // SAFETY: no preconditions; each caller restores them.
    let interrupts = unsafe { riot_sys::irq_disable() };
    if is_in_use.replace(true) {
        // SAFETY: as they were.
        unsafe { riot_sys::irq_restore(interrupts) };
        return None;
    }
    Some(interrupts)
}

/// Ends that.
#[inline(never)]
fn leave(is_in_use: &Cell<bool>, interrupts: u32) {
    is_in_use.set(false);
    // SAFETY: as they were.
    unsafe { riot_sys::irq_restore(interrupts) };
}

/// Milliseconds since start; wraps.
pub(crate) fn now_ms() -> u32 {
    // SAFETY: ZTIMER_MSEC is set up before threads run, and never changes;
    // reading a clock is allowed anywhere.
    unsafe { riot_sys::inline::ztimer_now(riot_sys::ZTIMER_MSEC.cast()) as u32 }
}

/// Microseconds since start; wraps.
pub(crate) fn now_us() -> u32 {
    // SAFETY: as in `now_ms`.
    unsafe { riot_sys::inline::ztimer_now(riot_sys::ZTIMER_USEC.cast()) as u32 }
}

/// What other programs have taken of the processor, on native; on boards, there are none,
/// and threads that are more urgent count.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
#[derive(Debug)]
pub(crate) struct Interruptions;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
impl Interruptions {
    pub(crate) fn now() -> Self {
        Self
    }

    /// Microseconds that have gone by since, without those that others had.
    pub(crate) fn without(&self, elapsed: u32) -> u32 {
        elapsed
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) use native::Interruptions;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod native {
    use core::ffi::c_int;

    /// `struct rusage` of `getrusage(2)`, on 64 bits.
    #[derive(Clone, Copy, Default)]
    #[repr(C)]
    struct Usage {
        /// Seconds and microseconds, in the program and in the system.
        times: [i64; 4],
        others: [i64; 13],
        /// How often the processor was given to another.
        involuntary: i64,
    }

    unsafe extern "C" {
        fn getrusage(who: c_int, usage: *mut Usage) -> c_int;
    }

    /// What others of the workstation have taken of the processor: a process that is
    /// interrupted seems to wait for milliseconds where it does not.
    #[derive(Debug)]
    pub(crate) struct Interruptions {
        count: i64,
        /// Microseconds that this process has had of a processor; wraps.
        had: u32,
    }

    impl Interruptions {
        pub(crate) fn now() -> Self {
            let mut usage = Usage::default();
            // SAFETY: 0 is this process, and the structure is as long as that of the
            // system.
            unsafe { getrusage(0, &mut usage) };
            let [seconds, microseconds, system_seconds, system_microseconds] = usage.times;
            let seconds = seconds.wrapping_add(system_seconds);
            let microseconds = microseconds.wrapping_add(system_microseconds);
            Self {
                count: usage.involuntary,
                had: seconds.wrapping_mul(1_000_000).wrapping_add(microseconds) as u32,
            }
        }

        /// Microseconds that have gone by since, without those that others had. What
        /// measuring takes is measured, too.
        pub(crate) fn without(&self, elapsed: u32) -> u32 {
            let now = Self::now();
            let had = now.had.wrapping_sub(self.had);
            match now.count == self.count {
                true => elapsed.max(had),
                false => elapsed.min(had),
            }
        }
    }
}

/// A number from RIOT's random module.
pub(crate) fn random() -> u32 {
    // SAFETY: no preconditions; the module is a dependency, and initialised
    // before this one.
    unsafe { riot_sys::random_uint32() }
}

/// Whether the board has a source of numbers that nobody can guess.
#[cfg(feature = "gcoap")]
pub(crate) const HAS_SECRETS: bool = cfg!(riot_periph_hwrng);

/// A number that nobody can guess, if there are such: containers and peers see numbers of
/// RIOT's random module, which by default tell all others of it (`random.h`).
#[cfg(feature = "gcoap")]
pub(crate) fn secret() -> u32 {
    let mut bytes = [0; size_of::<u32>()];
    #[cfg(riot_periph_hwrng)]
    // SAFETY: the buffer is so long; the driver was initialised before this module.
    unsafe {
        riot_sys::hwrng_read(bytes.as_mut_ptr().cast(), bytes.len() as _);
    }
    u32::from_ne_bytes(bytes)
}

/// Writes bytes to the standard output, as they are.
pub(crate) fn write(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer is valid for so many bytes, and only read from.
        let written = unsafe { riot_sys::stdio_write(bytes.as_ptr().cast(), bytes.len() as _) };
        match usize::try_from(written).ok().and_then(|n| bytes.get(n..)) {
            Some(rest) if written > 0 => bytes = rest,
            // Nobody to tell.
            _ => return,
        }
    }
}

/// Writes text to the standard output.
pub(crate) fn print(text: &str) {
    write(text.as_bytes());
}

/// A text of C's; `None` for none. All that is looked for here is ASCII, so other
/// texts are `None`, too.
///
/// # Safety
///
/// It is null, or points to a string that ends, and stays as it is while it is in use.
pub(crate) unsafe fn text<'t>(text: *const c_char) -> Option<&'t str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    // SAFETY: ASCII is UTF-8.
    let text = || unsafe { core::str::from_utf8_unchecked(bytes) };
    bytes.iter().all(u8::is_ascii).then(text)
}

/// Data that threads share, each for as long as it takes.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(data: T) -> Self {
        Self(Mutex::new(data))
    }

    /// Has the data looked at, once no other thread does; `None` in an
    /// interrupt, which can't wait.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let thread = InThread::new().ok()?;
        Some(look(&mut thread.promote(&self.0).lock()))
    }
}

/// Something that one thread waits for and another, or an interrupt, sends.
///
/// A binary semaphore: sending twice before anyone waits is sending once. It
/// is a mutex that is born locked and unlocked to send, which RIOT allows
/// from any context.
pub(crate) struct Signal(UnsafeCell<riot_sys::inline::mutex_t>);

// SAFETY: the mutex is touched only through RIOT's functions, which do so
// with interrupts off.
unsafe impl Sync for Signal {}

impl Signal {
    /// A signal; nothing is sent before somebody has called `reset`.
    pub(crate) const fn new() -> Self {
        // SAFETY: a C initialiser without side effects.
        Self(UnsafeCell::new(unsafe { riot_sys::macro_MUTEX_INIT() }))
    }

    /// Forgets what was sent.
    pub(crate) fn reset(&self) {
        // SAFETY: the mutex is initialised; trying never blocks.
        let _ = unsafe { riot_sys::mutex_trylock(self.0.get().cast()) };
    }

    /// Wakes who waits, now or later.
    pub(crate) fn send(&self) {
        // SAFETY: the mutex is initialised; RIOT allows any thread and any
        // interrupt to unlock it, locked or not.
        unsafe { riot_sys::mutex_unlock(self.0.get().cast()) }
    }

    /// Waits. Threads only.
    pub(crate) fn wait(&self) {
        // SAFETY: the mutex is initialised, and callers are threads.
        unsafe { riot_sys::mutex_lock(self.0.get().cast()) }
    }

    /// Waits so many milliseconds; `false` if nothing was sent. Threads only.
    pub(crate) fn wait_for(&self, milliseconds: u32) -> bool {
        // SAFETY: clock and mutex are initialised, and callers are threads.
        let result = unsafe {
            riot_sys::ztimer_mutex_lock_timeout(
                riot_sys::ZTIMER_MSEC,
                self.0.get().cast(),
                milliseconds,
            )
        };
        result == 0
    }
}

/// The SHA-256 of bytes (`hashes/sha256.h`).
#[cfg(feature = "digest")]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    // SAFETY: the input is so long, and the digest as long as the function
    // writes.
    unsafe {
        riot_sys::sha256(
            bytes.as_ptr().cast(),
            bytes.len() as _,
            digest.as_mut_ptr().cast(),
        );
    }
    digest
}

/// The SAUL registry.
#[cfg(feature = "saul")]
pub(crate) mod saul {
    /// A device of the registry.
    pub(crate) struct Device(*mut riot_sys::saul_reg_t);

    impl Device {
        /// The device at a position, from 0.
        pub(crate) fn nth(position: u16) -> Option<Self> {
            // SAFETY: walks RIOT's list; any position is allowed.
            let device = unsafe { riot_sys::saul_reg_find_nth(position.into()) };
            (!device.is_null()).then_some(Self(device))
        }

        /// Where it stands in the registry, if it does.
        pub(crate) fn position(wanted: *const riot_sys::saul_reg_t) -> Option<u16> {
            (0..=u16::MAX)
                .map_while(|position| Some((position, Self::nth(position)?)))
                .find(|(_, device)| core::ptr::eq(device.0, wanted))
                .map(|(position, _)| position)
        }

        /// Its class.
        pub(crate) fn class(&self) -> u8 {
            // SAFETY: entries are static, as are their drivers: RIOT's
            // registry has no removal that leaves users behind.
            unsafe { (*(*self.0).driver).type_ }
        }

        /// Reads it; how many dimensions it has, or a negated `errno`.
        pub(crate) fn read(&self, value: &mut riot_sys::phydat_t) -> i32 {
            // SAFETY: the device is of the registry, the value writable.
            unsafe { riot_sys::saul_reg_read(self.0, value) }
        }

        /// Writes to it; how many dimensions it took, or a negated `errno`.
        pub(crate) fn write(&self, value: &mut riot_sys::phydat_t) -> i32 {
            // SAFETY: the device is of the registry; drivers may even write
            // to the value, which is exclusively borrowed.
            unsafe { riot_sys::saul_reg_write(self.0, value) }
        }
    }
}

/// Writes a measurement of up to 3 dimensions as SenML, and returns how many bytes it
/// has: more than there is room for, if it did not fit.
#[cfg(feature = "senml")]
pub(crate) fn senml(
    out: &mut [u8],
    name: &CStr,
    value: &riot_sys::phydat_t,
    dimensions: u8,
) -> usize {
    unsafe extern "C" {
        // pkg/rbpf_senml/rbpf_senml.c
        fn rbpf_senml_write(
            out: *mut u8,
            room: usize,
            name: *const c_char,
            value: *const riot_sys::phydat_t,
            dimensions: u8,
        ) -> usize;
    }
    // SAFETY: there is so much room, the name ends, and a value has 3 dimensions.
    unsafe {
        rbpf_senml_write(
            out.as_mut_ptr(),
            out.len(),
            name.as_ptr(),
            value,
            dimensions.min(3),
        )
    }
}

/// Pins.
#[cfg(feature = "gpio")]
pub(crate) mod gpio {
    use core::ffi::c_void;
    use core::ptr;

    use riot_sys::{gpio_flank_t, gpio_mode_t, gpio_t};

    /// What is called in an interrupt.
    type Callback = unsafe extern "C" fn(*mut c_void);

    /// Whether it is a pin at all, as far as RIOT knows.
    pub(crate) fn is_valid(pin: gpio_t) -> bool {
        // SAFETY: compares numbers.
        unsafe { riot_sys::gpio_is_valid(pin) != 0 }
    }

    /// Makes it an input or output; `false` if the hardware can't.
    pub(crate) fn init(pin: gpio_t, mode: gpio_mode_t) -> bool {
        // SAFETY: the application has said that the pin is containers'; RIOT
        // knows what its hardware does.
        unsafe { riot_sys::gpio_init(pin, mode) == 0 }
    }

    /// Makes it an input that calls a function with something static at edges;
    /// `false` if the hardware can't.
    pub(crate) fn init_with_edges<T: Sync>(
        pin: gpio_t,
        mode: gpio_mode_t,
        edges: gpio_flank_t,
        callback: Callback,
        user: &'static T,
    ) -> bool {
        let user = ptr::from_ref(user).cast_mut().cast();
        // SAFETY: as in `init`; what is called later is a function, and what it
        // gets is static.
        unsafe { riot_sys::gpio_init_int(pin, mode, edges, Some(callback), user) == 0 }
    }

    /// Whether it is high; from any context.
    pub(crate) fn read(pin: gpio_t) -> bool {
        // SAFETY: the pin has been set up.
        unsafe { riot_sys::gpio_read(pin) }
    }

    /// Sets it.
    pub(crate) fn write(pin: gpio_t, high: bool) {
        // SAFETY: the pin has been set up as an output.
        unsafe { riot_sys::gpio_write(pin, high) }
    }
}

/// Time that passes.
#[cfg(any(feature = "observe", feature = "sched"))]
pub(crate) mod alarm {
    use core::cell::UnsafeCell;
    use core::ffi::c_void;
    use core::ptr;

    use riot_sys::{ztimer_base_t, ztimer_t};

    /// Calls a function in an interrupt, a little later.
    pub(crate) struct Alarm(UnsafeCell<ztimer_t>);

    // SAFETY: the timer is touched by RIOT's functions only, which do so with
    // interrupts off.
    unsafe impl Sync for Alarm {}

    impl Alarm {
        pub(crate) const fn new(ring: extern "C" fn(*mut c_void)) -> Self {
            Self(UnsafeCell::new(ztimer_t {
                base: ztimer_base_t {
                    next: ptr::null_mut(),
                    offset: 0,
                },
                callback: Some(ring),
                arg: ptr::null_mut(),
            }))
        }

        /// Has it ring once, after so many milliseconds, and not as was set before.
        /// From any context.
        pub(crate) fn set(&'static self, milliseconds: u32) {
            // SAFETY: clock and timer are initialised, and static.
            unsafe { riot_sys::ztimer_set(riot_sys::ZTIMER_MSEC, self.0.get(), milliseconds) };
        }
    }
}

/// The scheduler.
#[cfg(feature = "sched")]
pub(crate) mod sched {
    use riot_sys::kernel_pid_t;

    /// What the scheduler calls, with interrupts off.
    pub(crate) type Callback = unsafe extern "C" fn(kernel_pid_t, kernel_pid_t);

    #[cfg(riot_schedstatistics)]
    unsafe extern "C" {
        /// The callback of RIOT's statistics, in whose place ours stands.
        fn sched_statistics_cb(active: kernel_pid_t, next: kernel_pid_t);
    }

    /// Has the scheduler call a function, or what it called before. Threads only.
    pub(crate) fn watch(callback: Option<Callback>) {
        #[cfg(riot_schedstatistics)]
        let callback = callback.or(Some(sched_statistics_cb));
        // SAFETY: stores a pointer, which the scheduler reads when no thread runs; what
        // it calls is a function.
        unsafe { riot_sys::sched_register_cb(callback) }
    }

    /// Passes a call of the scheduler on to whom it called before.
    pub(crate) fn pass_on(active: kernel_pid_t, next: kernel_pid_t) {
        #[cfg(riot_schedstatistics)]
        // SAFETY: as the scheduler calls it.
        unsafe {
            sched_statistics_cb(active, next)
        }
        let _ = (active, next);
    }
}
