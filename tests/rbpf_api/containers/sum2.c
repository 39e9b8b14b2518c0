/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       As sum.c, and adds 1000: another version of it
 */
#include <rbpf/types.h>

uint32_t sum(const uint8_t *context, size_t length)
{
    uint32_t sum = 1000;

    for (size_t i = 0; i < length; i++) {
        sum += context[i];
    }
    return sum;
}
