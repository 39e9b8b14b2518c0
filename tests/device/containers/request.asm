# SPDX-License-Identifier: MIT OR Apache-2.0
# Answers with the request: method, path, `?` and query. Of a query longer than
# 16 bytes it says the error.
    mov %r6, %r1
    mov %r2, 0x45            # 2.05
    call 0x40                # gcoap_resp_init
    mov %r1, %r6
    mov %r2, 1
    call 0x41                # coap_opt_finish
    mov %r7, %r0
    mov %r1, %r6
    call 0x43                # coap_get_pdu
    mov %r8, %r0
    call 0x44                # coap_get_method
    add %r0, 48              # a digit
    stxb [%r8], %r0
    add %r8, 1
    add %r7, 1
    mov %r1, %r8
    mov %r2, 32
    call 0x45                # coap_get_path
    jslt %r0, 0, +12
    add %r8, %r0
    add %r7, %r0
    stb [%r8], 63
    add %r8, 1
    add %r7, 1
    mov %r1, %r8
    mov %r2, 16
    call 0x46                # coap_get_query
    jslt %r0, 0, +3
    add %r7, %r0
    mov %r0, %r7
    exit
    neg %r0
    mov %r1, %r8
    mov %r2, %r0
    call 0x51                # fmt_u32_dec
    add %r0, %r7
    exit
