// SPDX-License-Identifier: MIT OR Apache-2.0
//! Division and byte swaps, the operations too large to be inlined.
//!
//! RFC 9669, section 4.1: division by zero gives 0, the remainder by zero
//! leaves the destination as it is, and the smallest integer divided by -1
//! wraps.

use rbpf_isa::Slot;

/// Quotient and remainder of unsigned 64-bit division by a divisor that is
/// not zero.
#[cfg(not(target_pointer_width = "32"))]
fn unsigned(dividend: u64, divisor: u64) -> (u64, u64) {
    (dividend / divisor, dividend % divisor)
}

/// Quotient and remainder of unsigned 64-bit division by a divisor that is
/// not zero.
///
/// The compiler's own routine takes 470 to 796 bytes on a Cortex-M; this one
/// a bit at a time, after the common case of two 32-bit operands.
#[cfg(target_pointer_width = "32")]
fn unsigned(dividend: u64, divisor: u64) -> (u64, u64) {
    if let (Ok(n), Ok(d)) = (u32::try_from(dividend), u32::try_from(divisor)) {
        if let (Some(quotient), Some(remainder)) = (n.checked_div(d), n.checked_rem(d)) {
            return (u64::from(quotient), u64::from(remainder));
        }
    }
    let (mut quotient, mut remainder) = (dividend, 0u64);
    for _ in 0..64 {
        let carry = remainder >> 63 != 0;
        remainder = remainder << 1 | quotient >> 63;
        quotient <<= 1;
        if carry || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    (quotient, remainder)
}

/// Which of the two results of a division is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    Quotient,
    Remainder,
}

/// Whether a division is signed: its offset says so.
fn is_signed(slot: &Slot) -> bool {
    slot.offset != 0
}

/// 64-bit division or remainder.
#[inline(never)]
pub(crate) fn divide(what: Division, slot: &Slot, dividend: u64, divisor: u64) -> u64 {
    let signed = is_signed(slot);
    if divisor == 0 {
        return match what {
            Division::Quotient => 0,
            Division::Remainder => dividend,
        };
    }
    let magnitude = |value: u64| {
        if signed && (value as i64) < 0 {
            value.wrapping_neg()
        } else {
            value
        }
    };
    let (quotient, remainder) = unsigned(magnitude(dividend), magnitude(divisor));
    // The remainder has the sign of the dividend (RFC 9669, section 4.1).
    let (result, negative) = match what {
        Division::Quotient => (quotient, (dividend ^ divisor) >> 63 != 0),
        Division::Remainder => (remainder, dividend >> 63 != 0),
    };
    if signed && negative {
        result.wrapping_neg()
    } else {
        result
    }
}

/// 32-bit division or remainder.
#[inline(never)]
pub(crate) fn divide32(what: Division, slot: &Slot, dividend: u32, divisor: u32) -> u32 {
    let signed = is_signed(slot);
    let widen = |value: u32| {
        if signed {
            value as i32 as u64
        } else {
            u64::from(value)
        }
    };
    divide(what, slot, widen(dividend), widen(divisor)) as u32
}

/// Cuts a value to 16, 32 or 64 bits, with its bytes reversed or not.
#[inline(never)]
pub(crate) fn swap(value: u64, width: i32, reverse: bool) -> u64 {
    let cut = match width {
        16 => u64::from(value as u16),
        32 => u64::from(value as u32),
        _ => value,
    };
    if reverse {
        cut.swap_bytes() >> (64u32.wrapping_sub(width as u32) & 63)
    } else {
        cut
    }
}

/// Left shift of 64 bits; the amount counts modulo 64.
///
/// Written for 32-bit machines: one branch is cheaper there than both cases.
#[inline(always)]
pub(crate) fn shift_left(value: u64, amount: u32) -> u64 {
    if cfg!(target_pointer_width = "32") && amount & 32 != 0 {
        u64::from((value as u32).wrapping_shl(amount)) << 32
    } else {
        value.wrapping_shl(amount)
    }
}

/// Right shift of 64 bits; the amount counts modulo 64.
#[inline(always)]
pub(crate) fn shift_right(value: u64, amount: u32) -> u64 {
    if cfg!(target_pointer_width = "32") && amount & 32 != 0 {
        u64::from(((value >> 32) as u32).wrapping_shr(amount))
    } else {
        value.wrapping_shr(amount)
    }
}
