/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes to its context, and keeps what it found there. */
#include <rbpf/helpers.h>
#include <rbpf/manifest.h>

/* To be bound to a pin */
RBPF_WANTS(RBPF_CAPABILITY_GPIO);

int spoil(rbpf_gpio_ctx_t *edge, uint64_t length)
{
    bpf_store_local(0, edge->pin);
    bpf_store_local(1, edge->level);
    bpf_store_local(2, length);
    edge->pin = 99;
    edge->level = !edge->level;
    return 0;
}
