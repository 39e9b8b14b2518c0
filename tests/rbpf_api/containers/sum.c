/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Sums up the bytes of its context
 */
#include <rbpf/types.h>

uint32_t sum(const uint8_t *context, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum += context[i];
    }
    return sum;
}
