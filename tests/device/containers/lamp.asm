# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes 1 to the first on/off switch; answers with what saul_reg_write says.
    mov %r1, 0x44            # SAUL_ACT_SWITCH
    call 0x31                # saul_reg_find_type
    mov %r1, %r0
    mov %r2, 1
    stxdw [%r10-8], %r2
    mov %r2, %r10
    add %r2, -8
    call 0x33                # saul_reg_write
    exit
