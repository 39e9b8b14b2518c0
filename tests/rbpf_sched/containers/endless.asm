# SPDX-License-Identifier: MIT OR Apache-2.0
# Never ends by itself.
again:
    ja again
    exit
