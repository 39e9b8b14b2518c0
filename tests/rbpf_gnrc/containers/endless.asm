# SPDX-License-Identifier: MIT OR Apache-2.0
# Never ends by itself.
again:
    add %r0, 1
    ja again
    exit
