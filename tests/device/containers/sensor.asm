# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with the value of the first device of the registry, as text.
    mov %r6, %r1
    mov %r1, 0
    call 0x30                # saul_reg_find_nth
    jeq %r0, 0, failed
    mov %r1, %r0
    mov %r2, %r10
    add %r2, -8
    call 0x32                # saul_reg_read
    jslt %r0, 0, failed
    mov %r1, %r6
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
    mov %r1, %r0
    ldxsh %r2, [%r10-8]
    ldxsb %r3, [%r10-1]
    call 0x50                # fmt_s16_dfp
    add %r0, %r7
    exit
failed:
    mov %r0, -0xa0           # 5.00
    exit
