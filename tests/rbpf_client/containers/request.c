/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sends what the hook says, and keeps what comes of it. */
#include <rbpf/helpers.h>
#include <rbpf/kv.h>

#include "request.h"

static const uint8_t payload[200] = { 'p' };

int request(const void *context, uint32_t length)
{
    if (length != sizeof(rbpf_answer_ctx_t)) {
        const send_t *send = context;

        return bpf_coap_request(send->remote, send->method, send->path, payload, send->length);
    }

    const rbpf_answer_ctx_t *answer = context;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < answer->length; i++) {
        sum += answer->payload[i];
    }
    bpf_store_local(KEY_CODE, (uint32_t)answer->code);
    bpf_store_local(KEY_NUMBER, answer->request);
    bpf_store_local(KEY_LENGTH, answer->length);
    bpf_store_local(KEY_TRUNCATED, answer->truncated);
    bpf_store_local(KEY_SUM, sum);
    bpf_store_local(KEY_ENDED, rbpf_local_get(KEY_ENDED) + 1);
    return 0;
}
