/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Samples a sensor by a timer, and keeps the lowest and highest value
 *
 * Bound to `every:1000`, it takes a reading each second. The values are in its
 * local store, in the sensor's own scale, where `rbpf kv` and
 * `GET /rbpf/kv/NAME/KEY` read them.
 */
#include <rbpf/kv.h>
#include <rbpf/saul.h>

/** How many readings were taken. */
#define KEY_TAKEN 0
/** The lowest reading. */
#define KEY_LOWEST 1
/** The highest reading. */
#define KEY_HIGHEST 2
/** How many times the timer was due and nobody came. */
#define KEY_MISSED 3

int sample(rbpf_timer_ctx_t *timer)
{
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(0);
    phydat_t reading;

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return -1;
    }

    uint32_t taken = rbpf_local_get(KEY_TAKEN);
    int32_t value = reading.val[0];
    if (taken == 0 || value < (int32_t)rbpf_local_get(KEY_LOWEST)) {
        bpf_store_local(KEY_LOWEST, (uint32_t)value);
    }
    if (taken == 0 || value > (int32_t)rbpf_local_get(KEY_HIGHEST)) {
        bpf_store_local(KEY_HIGHEST, (uint32_t)value);
    }
    bpf_store_local(KEY_MISSED, rbpf_local_get(KEY_MISSED) + timer->missed);
    return bpf_store_local(KEY_TAKEN, taken + 1);
}
