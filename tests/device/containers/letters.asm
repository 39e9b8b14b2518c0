# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with 200 letters, a to z over and over.
    mov %r6, %r1
    mov %r2, 0x45            # 2.05
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    mov %r2, 0               # text
    call 0x42                # coap_add_format
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    mov %r7, %r0
    mov %r1, %r6
    call 0x43                # coap_get_pdu
    mov %r1, 0
letter:
    mov %r2, %r1
    mod %r2, 26
    add %r2, 97
    mov %r3, %r0
    add %r3, %r1
    stxb [%r3+0], %r2
    add %r1, 1
    jlt %r1, 200, letter
    mov %r0, %r7
    add %r0, 200
    exit
