/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Counts what triggers it, by the length of the context
 */
#include <rbpf/kv.h>

int ticks(const void *context, size_t length)
{
    (void)context;
    return bpf_store_local(length, rbpf_local_get(length) + 1);
}
