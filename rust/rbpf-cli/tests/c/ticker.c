/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints a line with a number each time that it runs, and stores the next. */
#include <rbpf/helpers.h>

uint32_t tick(void *context)
{
    uint32_t count;

    bpf_fetch_local(0, &count);
    bpf_store_local(0, count + 1);
    bpf_printf("tick %u\n", count, 0, 0, 0);
    return count;
}
