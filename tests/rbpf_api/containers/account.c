/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Keeps the first 4 bytes of its contexts, summed up, in the global store
 */
#include <rbpf/kv.h>

int account(const uint32_t *context, size_t length)
{
    return bpf_store_global(1, rbpf_global_get(1) + (length < 4 ? 1 : *context));
}
