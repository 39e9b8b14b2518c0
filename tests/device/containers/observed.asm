# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with how many requests have not been GET, which may be observed, and says
# so with each of them.
    mov %r6, %r1
    mov %r1, 1
    mov %r2, %r10
    add %r2, -4
    call 0x12                # fetch_local
    ldxw %r7, [%r10-4]
    call 0x44                # coap_get_method
    jeq %r0, 1, answer
    add %r7, 1
    mov %r1, 1
    mov %r2, %r7
    call 0x10                # store_local
    call 0x4b                # coap_notify
answer:
    mov %r1, %r6
    mov %r2, 0x45            # 2.05
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    call 0x48                # coap_add_observe
    mov %r1, %r6
    mov %r2, 0               # text
    call 0x42                # coap_add_format
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    mov %r8, %r0
    mov %r1, %r6
    call 0x43                # coap_get_pdu
    mov %r1, %r0
    mov %r2, %r7
    call 0x51                # fmt_u32_dec
    add %r0, %r8
    exit
