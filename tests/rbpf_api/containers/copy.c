/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Copies bytes from one address to another, as its context says
 */
#include <rbpf/types.h>

typedef struct {
    uint64_t from;
    uint64_t to;
    uint32_t count;
} context_t;

uint32_t copy(const context_t *context)
{
    const uint8_t *from = (const uint8_t *)context->from;
    uint8_t *to = (uint8_t *)context->to;

    for (uint32_t i = 0; i < context->count; i++) {
        to[i] = from[i] + 1;
    }
    return context->count;
}
