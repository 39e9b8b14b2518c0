# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with the request's payload.
    mov %r6, %r1
    ldxdw %r1, [%r6+0]       # the packet
    ldxw %r8, [%r1+8]        # its payload
    ldxh %r9, [%r1+12]       # and that one's length
    mov %r1, %r6
    mov %r2, 0x44            # 2.04
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    mov %r2, 42              # octets
    call 0x42                # coap_add_format
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    mov %r7, %r0
    mov %r1, %r6
    call 0x43                # coap_get_pdu
    mov %r1, %r0
    mov %r2, %r8
    mov %r3, %r9
    call 0x02                # memcpy
    mov %r0, %r7
    add %r0, %r9
    exit
