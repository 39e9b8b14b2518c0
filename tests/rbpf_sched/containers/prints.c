/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls a helper that may wait. */
#include <rbpf/helpers.h>

int prints(void)
{
    bpf_printf("switch\n");
    return 0;
}
