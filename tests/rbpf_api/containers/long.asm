# SPDX-License-Identifier: MIT OR Apache-2.0
# Takes two and a half times the budget of a run, and stores the first number of
# its context under key 0.
    mov %r7, %r1
    mov %r6, 125000
    sub %r6, 1
    jne %r6, 0, -2
    mov %r1, 0
    ldxw %r2, [%r7]
    call 0x10                # store_local
    exit
