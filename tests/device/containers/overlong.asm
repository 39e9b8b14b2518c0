# SPDX-License-Identifier: MIT OR Apache-2.0
# Claims a response longer than its buffer.
    mov %r6, %r1
    mov %r2, 0x45            # 2.05
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    ldxdw %r0, [%r6+16]      # the buffer's length
    add %r0, 1
    exit
