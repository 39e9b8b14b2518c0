/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Takes as long as its context says, and tells the application
 */
#include <rbpf/helpers.h>

static int64_t (*const _count)(void) = (void *)0x8000;

typedef struct {
    uint32_t microseconds;
    uint32_t tag;
    uint32_t runs;
} context_t;

uint32_t busy(context_t *context)
{
    uint32_t begin = bpf_ztimer_now();

    while (bpf_ztimer_now() - begin < context->microseconds) {}
    context->runs++;
    _count();
    return context->tag;
}
