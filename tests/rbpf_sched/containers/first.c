/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps what its first event was. */
#include <rbpf/kv.h>

int first(const rbpf_sched_ctx_t *event, uint64_t length)
{
    if (rbpf_local_get(2) != 0) {
        return 0;
    }
    bpf_store_local(0, event->from);
    bpf_store_local(1, event->to);
    bpf_store_local(2, length);
    bpf_store_local(3, event->lost);
    bpf_store_local(4, event->time_us);
    return 0;
}
