/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Counts the requests that it answers
 *
 * Data does not last from one run to the next; what is in the store does, here
 * also when another version takes its place.
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>
#include <rbpf/manifest.h>

RBPF_KEEP_VALUES;

/** Where the count is kept in the local store. */
#define KEY_COUNT 0

int count_requests(bpf_coap_ctx_t *gcoap)
{
    uint32_t count = rbpf_local_get(KEY_COUNT) + 1;

    if (bpf_store_local(KEY_COUNT, count) < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    char *payload;
    ssize_t length = rbpf_coap_start_text(gcoap, &payload);
    if (length < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }
    return length + bpf_fmt_u32_dec(payload, count);
}
