/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Counts a timer, and tells who observes it
 *
 * Bound to `every:1000` and to a path. A `GET` there with the option Observe is
 * answered with the count now, and with each that follows, until the observer
 * has enough.
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>

/** Where the count is kept in the local store. */
#define KEY_COUNT 0

/** Answers with the count, which may be observed. */
static ssize_t answer(bpf_coap_ctx_t *gcoap)
{
    if (bpf_gcoap_resp_init(gcoap, COAP_CODE_CONTENT) < 0 ||
        bpf_coap_add_observe(gcoap) < 0 ||
        bpf_coap_add_format(gcoap, COAP_FORMAT_TEXT) < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }
    ssize_t length = bpf_coap_opt_finish(gcoap, COAP_OPT_FINISH_PAYLOAD);
    if (length < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }
    return length + bpf_fmt_u32_dec((char *)bpf_coap_get_pdu(gcoap), rbpf_local_get(KEY_COUNT));
}

int tick(bpf_coap_ctx_t *gcoap)
{
    /* No request: it is the timer. */
    if (bpf_coap_get_method() == 0) {
        bpf_store_local(KEY_COUNT, rbpf_local_get(KEY_COUNT) + 1);
        return bpf_coap_notify();
    }
    return answer(gcoap);
}
