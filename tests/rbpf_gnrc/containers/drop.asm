# SPDX-License-Identifier: MIT OR Apache-2.0
# Drops every packet.
    mov %r0, 1
    exit
