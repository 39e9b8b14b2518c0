// SPDX-License-Identifier: MIT OR Apache-2.0
//! Helpers of the application's own, which containers call by number.
//!
//! A helper in C says what its arguments are, so that its function gets memory
//! that was checked: a pointer and a length. One in Rust gets the memory map.
//! As hooks, helpers are statics in a list that only grows.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use rbpf_abi::Capabilities;
use rbpf_abi::helpers::FIRST_APPLICATION_HELPER;
use rbpf_device::Status;
use rbpf_vm::{FaultKind, HelperCall, MemoryMap, Rights};

use crate::list::{List, Listed};

/// Arguments of a helper: r1 to r5.
const ARGUMENTS: usize = 5;

/// @brief   The argument is a number; all its 64 bits are passed on
pub const PARAMETER_VALUE: u8 = 0;
/// @brief   The argument is the address of memory that the helper reads
pub const PARAMETER_INPUT: u8 = 1;
/// @brief   The argument is the address of memory that the helper writes
pub const PARAMETER_OUTPUT: u8 = 2;
/// @brief   The argument is the address of memory that the helper reads and
///          writes
pub const PARAMETER_IN_OUT: u8 = 3;

/// @brief   What an argument of a helper is
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Parameter {
    /// One of `RBPF_PARAMETER_...`
    pub kind: u8,
    /// Bytes of the memory; 0 if the argument after this one says it
    pub length: u16,
}

/// @brief   An argument, as a helper in C gets it
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Argument {
    /// What the register holds
    pub value: u64,
    /// The memory at that address, `NULL` for a number. It is valid until the
    /// helper returns, and may overlap with that of another argument. It need
    /// not be aligned: use `memcpy` for anything larger than a byte
    pub data: *mut c_void,
    /// Bytes of the memory, 0 for a number
    pub length: usize,
}

/// @brief   The function of a helper
///
/// @param[in] arguments     r1 to r5, checked
/// @param[in] user          what the helper was registered with
///
/// @return  the result, r0
pub type HelperFunction =
    Option<unsafe extern "C" fn(arguments: *const Argument, user: *mut c_void) -> i64>;

/// The function of a helper in Rust: the call, whose cost it may raise, and
/// the memory of the container.
pub type RustHelper = fn(&mut HelperCall, &mut MemoryMap<'_>) -> Result<u64, FaultKind>;

/// @brief   A helper of the application's own
///
/// A static, initialised by @ref RBPF_HELPER_INIT and registered once.
#[derive(Debug)]
#[repr(C)]
pub struct Helper {
    /// The next of all helpers; private
    next: Cell<*const c_void>,
    /// Number by which containers call it, from @ref RBPF_HELPER_FIRST on
    id: u32,
    /// Capability that containers need: `RBPF_CAPABILITY_APPLICATION`, or
    /// another one that their image wants; 0 for none
    capability: u32,
    /// Instructions that a call is charged with, beside the call itself
    cost: u32,
    /// What its arguments are
    parameters: [Parameter; 5],
    /// What is called, with 5 arguments and @p user; its result is r0
    function: HelperFunction,
    /// Passed to @p function as it is
    user: *mut c_void,
}

// SAFETY: nothing but `next` changes, and that once, before the helper is in
// the list where others find it; `user` is the function's business, which is
// called by one thread, the worker.
unsafe impl Sync for Helper {}

// SAFETY: the cell is used for nothing else.
unsafe impl Listed for Helper {
    fn next(&self) -> &Cell<*const c_void> {
        &self.next
    }
}

/// All helpers; the newest is the first.
static HELPERS: List<Helper> = List::new();

impl Helper {
    /// A helper that containers with this capability may call by this number,
    /// from 0x8000 on.
    #[must_use]
    pub const fn new(id: u32, capability: Capabilities, function: RustHelper) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            id,
            capability: capability.bits(),
            cost: 0,
            parameters: [Parameter { kind: 0, length: 0 }; ARGUMENTS],
            // None stands for a function in Rust, which is in `user`.
            function: None,
            user: function as *mut c_void,
        }
    }

    /// Makes it known: containers that are installed from now on may call it.
    /// Threads and interrupts.
    ///
    /// # Errors
    ///
    /// `Invalid` for a number below 0x8000, a capability that is none, a
    /// parameter that is none, or memory whose length no argument says;
    /// `Taken` if there is a helper of that number.
    pub fn register(&'static self) -> Result<(), Status> {
        let known = Capabilities::from_bits(self.capability).is_some();
        let last = self.parameters.len() - 1;
        let sound = self
            .parameters
            .iter()
            .enumerate()
            .all(|(index, parameter)| {
                let sized = parameter.length > 0 || index < last;
                parameter.kind == PARAMETER_VALUE || (parameter.kind <= PARAMETER_IN_OUT && sized)
            });
        if self.id < FIRST_APPLICATION_HELPER.into() || !known || !sound {
            return Err(Status::Invalid);
        }
        HELPERS.add(self, || {
            if find(self.id).is_some() {
                return Err(Status::Taken);
            }
            Ok(())
        })
    }

    /// Whether it is one in C that lacks a function.
    pub(crate) fn is_empty(&self) -> bool {
        self.function.is_none()
    }

    /// The arguments for C, checked. They are written where they stay: copies
    /// would be on the stack while the helper runs.
    fn check(
        &self,
        arguments: &mut [Argument; ARGUMENTS],
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<(), FaultKind> {
        let parameters = self.parameters.iter();
        for (index, (argument, parameter)) in arguments.iter_mut().zip(parameters).enumerate() {
            let register = |index| call.arguments.get(index).copied().unwrap_or_default();
            argument.value = register(index);
            let access = match parameter.kind {
                PARAMETER_INPUT => Rights::Read,
                PARAMETER_OUTPUT => Rights::Write,
                PARAMETER_IN_OUT => Rights::ReadWrite,
                _ => continue,
            };
            let length = match parameter.length {
                0 => register(index + 1),
                length => length.into(),
            };
            call.address = argument.value;
            argument.data = memory.pointer(argument.value, length, access)?.cast();
            // It fits: a region is at most 16 MiB long.
            argument.length = length as usize;
        }
        call.address = 0;
        Ok(())
    }
}

fn find(id: u32) -> Option<&'static Helper> {
    HELPERS.iter().find(|helper| helper.id == id)
}

/// The capability that a helper needs, if there is one of that number.
pub(crate) fn capability(id: u32) -> Option<Capabilities> {
    find(id).map(|helper| Capabilities::from_bits_truncate(helper.capability))
}

/// Calls a helper. Not inlined: its arguments would be below every helper's
/// frame.
///
/// # Errors
///
/// A fault, if an argument is not what it must be.
#[inline(never)]
pub(crate) fn call(call: &mut HelperCall, memory: &mut MemoryMap<'_>) -> Result<u64, FaultKind> {
    let helper = find(call.id).ok_or(FaultKind::UnknownHelper)?;
    call.cost = call.cost.saturating_add(helper.cost);
    let Some(function) = helper.function else {
        // SAFETY: helpers without a function in C are made by `new` only,
        // which put one in Rust there; C's are refused at registration.
        let function = unsafe { core::mem::transmute::<*mut c_void, RustHelper>(helper.user) };
        return function(call, memory);
    };
    let mut arguments = [const {
        Argument {
            value: 0,
            data: ptr::null_mut(),
            length: 0,
        }
    }; ARGUMENTS];
    helper.check(&mut arguments, call, memory)?;
    // SAFETY: who registered it promises that it is a function of that type,
    // which keeps to the memory of its arguments; that was checked.
    Ok(unsafe { function(arguments.as_ptr(), helper.user) } as u64)
}
