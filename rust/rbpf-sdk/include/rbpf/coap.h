/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       CoAP: the request, and responses with text
 *
 * Not part of rbpf/helpers.h, because sources of the original prototype define
 * the request's structure themselves.
 */
#ifndef RBPF_COAP_H
#define RBPF_COAP_H

#include <rbpf/coap_codes.h>
#include <rbpf/helpers.h>

/**
 * @brief   The request, behind the `pkt` of a @ref bpf_coap_ctx_t
 *
 * Addresses have 32 bits here: `(uint8_t *)(intptr_t)pkt->payload_p`.
 */
typedef struct {
    uint32_t hdr_p;         /**< address of the header */
    uint32_t token_p;       /**< address of the token */
    uint32_t payload_p;     /**< address of the payload */
    uint16_t payload_len;   /**< length of the payload, in bytes */
    uint16_t options_len;   /**< number of options */
} bpf_coap_pkt_t;

/**
 * @brief   Starts a 2.05 response with a text.
 *
 * The container writes the text to `*payload`, and returns the sum of this
 * function's result and the text's length.
 *
 * @param[in]  gcoap    the container's context
 * @param[out] payload  where the text goes
 * @return  length of the response before the text, in bytes
 * @return  a negative error, to be returned by the container as it is
 */
static inline ssize_t rbpf_coap_start_text(bpf_coap_ctx_t *gcoap, char **payload)
{
    ssize_t error = bpf_gcoap_resp_init(gcoap, COAP_CODE_CONTENT);
    if (error < 0) {
        return error;
    }
    error = bpf_coap_add_format(gcoap, COAP_FORMAT_TEXT);
    if (error < 0) {
        return error;
    }
    ssize_t length = bpf_coap_opt_finish(gcoap, COAP_OPT_FINISH_PAYLOAD);
    *payload = (char *)bpf_coap_get_pdu(gcoap);
    return length;
}

#endif /* RBPF_COAP_H */
/** @} */
