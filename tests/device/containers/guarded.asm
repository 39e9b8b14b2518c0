# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with 200 letters `s` to the query `k`, and with 4.03 to all else.
    mov %r6, %r1
    mov %r1, %r10
    add %r1, -8
    mov %r2, 8
    call 0x46                # coap_get_query
    mov %r7, 0
    mov %r2, 0x83
    jne %r0, 1, start
    ldxb %r1, [%r10-8]
    jne %r1, 0x6b, start
    mov %r7, 200
    mov %r2, 0x45
start:
    mov %r1, %r6
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    mov %r8, %r0
    jeq %r7, 0, end
    mov %r1, %r6
    call 0x43                # coap_get_pdu
    mov %r1, 0
letter:
    mov %r3, %r0
    add %r3, %r1
    stb [%r3+0], 0x73
    add %r1, 1
    jlt %r1, 200, letter
end:
    mov %r0, %r8
    add %r0, %r7
    exit
