/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Calls a helper of the application's own with numbers, so many times
 */
#include <rbpf/types.h>

static int64_t (*const _weigh)(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
    = (void *)0x8000;

int64_t value(const int64_t *context)
{
    int64_t sum = 0;

    for (int64_t i = 0; i < context[5]; i++) {
        sum += _weigh(context[0], context[1], context[2], context[3], context[4]);
    }
    return sum;
}
