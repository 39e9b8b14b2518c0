/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any number of arguments up to four; the test adds one with -DFIVE, and one
 * that does not fit its format with -DMISMATCH. */
#include <rbpf/helpers.h>

int log_all(const char *name)
{
    bpf_printf("none\n");
    bpf_printf("%s\n", name);
    bpf_printf("%d %u\n", -1, 2u);
    bpf_printf("%d %c %x\n", 1, 'c', 3u);
    bpf_printf("%d %d %d %lu\n", 1, 2, 3, (uint64_t)1 << 40);
#ifdef FIVE
    bpf_printf("%d %d %d %d %d\n", 1, 2, 3, 4, 5);
#endif
#ifdef MISMATCH
    bpf_printf("%s\n", 1);
#endif
    return 0;
}
