/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Answers a CoAP request with the value of a sensor, as text
 *
 * Returns the length of the response, or the negated code of an error
 * response.
 */
#include <rbpf/coap.h>
#include <rbpf/helpers.h>
#include <rbpf/saul.h>

/** Position of the sensor in the device's registry: the first. */
#define SENSOR 0

int coap_resp(bpf_coap_ctx_t *gcoap)
{
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(SENSOR);
    phydat_t m;

    if (!sensor || bpf_saul_reg_read(sensor, &m) < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    bpf_gcoap_resp_init(gcoap, COAP_CODE_CONTENT);
    bpf_coap_add_format(gcoap, COAP_FORMAT_TEXT);
    ssize_t pdu_len = bpf_coap_opt_finish(gcoap, COAP_OPT_FINISH_PAYLOAD);
    if (pdu_len < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    uint8_t *payload = bpf_coap_get_pdu(gcoap);
    return pdu_len + bpf_fmt_s16_dfp((char *)payload, m.val[0], m.scale);
}
