# SPDX-License-Identifier: MIT OR Apache-2.0
# Reads the byte behind the region, and would drop the packet.
    ldxdw %r3, [%r1+0]
    ldxw %r4, [%r1+12]
    add %r3, %r4
    ldxb %r0, [%r3+0]
    mov %r0, 1
    exit
