/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Watches a value, and keeps its largest change
 *
 * Bound to `kv:global:256`, it watches what average.c publishes. The results are
 * in its local store.
 */
#include <rbpf/kv.h>
#include <rbpf/manifest.h>

/* To see values of the global store */
RBPF_WANTS(RBPF_CAPABILITY_KV_GLOBAL);

/** How often the value has changed. */
#define KEY_CHANGES 0
/** The largest change, up or down. */
#define KEY_LARGEST 1

int changed(const rbpf_change_ctx_t *change)
{
    int32_t by = (int32_t)change->value - (int32_t)change->before;
    uint32_t jump = by < 0 ? -(uint32_t)by : (uint32_t)by;

    if (jump > rbpf_local_get(KEY_LARGEST)) {
        bpf_store_local(KEY_LARGEST, jump);
    }
    return bpf_store_local(KEY_CHANGES, rbpf_local_get(KEY_CHANGES) + 1);
}
