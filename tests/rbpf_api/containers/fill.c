/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Stores values under keys from 0 on, until it may not
 */
#include <rbpf/kv.h>

/** Stores that are filled, one after the other. */
typedef struct {
    int32_t local;      /**< number of values, then what the last call said */
    int32_t global;
} context_t;

int fill(context_t *context)
{
    for (int key = 0; context->local >= 0 && key < 100; key++) {
        int stored = bpf_store_local(key, key);
        if (stored < 0) {
            context->local = stored;
            break;
        }
        context->local++;
    }
    for (int key = 100; context->global >= 0 && key < 200; key++) {
        int stored = bpf_store_global(key, key);
        if (stored < 0) {
            context->global = stored;
            break;
        }
        context->global++;
    }
    return 0;
}
