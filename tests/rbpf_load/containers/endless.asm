# SPDX-License-Identifier: MIT OR Apache-2.0
# Never ends by itself.
    add %r0, 1
    ja -2
    exit
