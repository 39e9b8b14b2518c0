# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with the sum of the payload's bytes, as its result: text.
    ldxdw %r1, [%r1+0]       # the packet
    ldxw %r2, [%r1+8]        # its payload
    ldxh %r3, [%r1+12]       # and that one's length
    mov %r0, 0
    jeq %r3, 0, done
    add %r3, %r2
next:
    ldxb %r4, [%r2+0]
    add %r0, %r4
    add %r2, 1
    jlt %r2, %r3, next
done:
    exit
