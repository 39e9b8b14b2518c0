/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Writes to the log what would be lines of another, and command a terminal
 */
#include <rbpf/helpers.h>

int forge(void)
{
    bpf_printf("\ra: half a line\x1b[2K");
    bpf_printf("\xc2\x9b" "2J\xff\n%c\ta: half a line", 0x9b);
    return 0;
}
