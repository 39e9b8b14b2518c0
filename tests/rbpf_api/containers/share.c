/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Counts in the store of its tenant, under as many keys as it may
 */
#include <rbpf/kv.h>

/** What it found, and what it could do. */
typedef struct {
    uint32_t count;     /**< runs of all who share that store */
    int32_t stored;     /**< keys stored, then what the last call said */
} context_t;

int share(context_t *context)
{
    bpf_fetch_tenant(0, &context->count);
    for (int key = 0; key < 100; key++) {
        int stored = bpf_store_tenant(key, context->count + 1);
        if (stored < 0) {
            return stored;
        }
        context->stored = key + 1;
    }
    return 0;
}
