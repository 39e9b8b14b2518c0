# SPDX-License-Identifier: MIT OR Apache-2.0
# Keeps a number in its stores, prints a word, and ends in a fault with another in
# a register: what no stranger is to see.
    mov %r1, 1
    mov %r2, 0x5ec2e75e
    call 0x10                # store_local
    mov %r1, 1
    mov %r2, 0x5ec2e75e
    call 0x11                # store_global
    mov %r1, 0x73696877      # whis
    stxw [%r10-8], %r1
    mov %r1, 0x726570        # per
    stxw [%r10-4], %r1
    mov %r1, %r10
    add %r1, -8
    call 0x01                # printf
    lddw %r7, 0x7e2ce57e2ce5
    mov %r1, 0
    ldxdw %r0, [%r1+0]
    exit
