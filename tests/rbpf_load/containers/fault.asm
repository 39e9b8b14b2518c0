# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes where nothing is mapped.
    mov %r1, 0
    stdw [%r1+0], 1
    exit
