/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Publishes one more with each request, and answers with that
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>

/** What jumps.c watches. */
#define KEY_PUBLISHED 0x100

int publish(bpf_coap_ctx_t *gcoap)
{
    uint32_t value = rbpf_global_get(KEY_PUBLISHED) + 1;
    char *payload;

    bpf_store_global(KEY_PUBLISHED, value);
    ssize_t length = rbpf_coap_start_text(gcoap, &payload);
    return length < 0 ? length : length + bpf_fmt_u32_dec(payload, value);
}
