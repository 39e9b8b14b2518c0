/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Has a right to helpers that may wait, and calls none. */
#include <rbpf/manifest.h>

RBPF_WANTS(RBPF_CAPABILITY_APPLICATION);

int waits(void)
{
    return 0;
}
