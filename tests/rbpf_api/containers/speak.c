/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Writes the beginning of a line to the log
 */
#include <rbpf/helpers.h>

int speak(void)
{
    bpf_printf("half a line");
    return 0;
}
