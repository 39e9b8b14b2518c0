/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Keeps the largest value of those that a sensor finds worth an event
 *
 * Bound to `saul:NAME`. The results are in its local store.
 */
#include <rbpf/kv.h>
#include <rbpf/saul.h>

/** How many events there were. */
#define KEY_EVENTS 0
/** The largest first dimension so far, and how it is scaled. */
#define KEY_LARGEST 1
#define KEY_SCALE 2
/** The unit of the last value. */
#define KEY_UNIT 3

int alert(const rbpf_saul_ctx_t *event)
{
    phydat_t value = event->value;
    uint32_t events = rbpf_local_get(KEY_EVENTS);

    /* Some events bring no value */
    if (event->dimensions == 0) {
        int dimensions = bpf_saul_reg_read((bpf_saul_reg_t *)(uintptr_t)event->device, &value);

        if (dimensions <= 0) {
            return dimensions;
        }
    }
    if (events == 0 || value.val[0] > (int32_t)rbpf_local_get(KEY_LARGEST)) {
        bpf_store_local(KEY_LARGEST, (uint32_t)value.val[0]);
        bpf_store_local(KEY_SCALE, (uint32_t)value.scale);
    }
    bpf_store_local(KEY_UNIT, value.unit);
    return bpf_store_local(KEY_EVENTS, events + 1);
}
