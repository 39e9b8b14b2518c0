/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Counts how often each thread came to run
 *
 * Bound to `sched`. Its own store has the counts, by the numbers of threads, and under
 * 0, which no thread has, how many switches were lost.
 */
#include <rbpf/kv.h>

int switches(const rbpf_sched_ctx_t *event)
{
    if (event->lost > 0) {
        bpf_store_local(0, rbpf_local_get(0) + event->lost);
    }
    return bpf_store_local(event->to, rbpf_local_get(event->to) + 1);
}
