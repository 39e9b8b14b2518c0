# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes a line without an end to the log, and answers with nothing.
    mov %r1, 0x6f6c6c65      # ello
    stxw [%r10-7], %r1
    mov %r1, 0x48            # H
    stxb [%r10-8], %r1
    mov %r1, 0
    stxb [%r10-3], %r1
    mov %r1, %r10
    add %r1, -8
    call 0x01                # printf
    mov %r0, -0x84           # 4.04
    exit
