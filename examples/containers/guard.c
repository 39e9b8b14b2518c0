/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Lets some requests through to the container behind it
 *
 * Bound to a path before another container, it answers all but `GET` with 4.05,
 * and counts them. By returning 0, and no response, it passes a request on.
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>

/** Where the number of those that were refused is kept in the local store. */
#define KEY_REFUSED 0

int guard(bpf_coap_ctx_t *gcoap)
{
    (void)gcoap;
    if (bpf_coap_get_method() == COAP_METHOD_GET) {
        return 0;
    }
    bpf_store_local(KEY_REFUSED, rbpf_local_get(KEY_REFUSED) + 1);
    return -COAP_CODE_METHOD_NOT_ALLOWED;
}
