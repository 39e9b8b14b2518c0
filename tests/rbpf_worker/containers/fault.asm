# SPDX-License-Identifier: MIT OR Apache-2.0
# Reads where nothing is mapped.
    mov %r1, 0
    ldxdw %r0, [%r1+0]
    exit
