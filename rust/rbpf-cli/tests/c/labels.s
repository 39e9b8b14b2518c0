# SPDX-License-Identifier: MIT OR Apache-2.0
# Functions that are global labels without a type, and a value in data.
    .text
    .globl entry
entry:
    call add_five
    exit
    .globl add_five
add_five:
    r1 = value ll
    r0 = *(u32 *)(r1 + 0)
    r0 += 5
    exit
    .data
value:
    .long 0x1234
