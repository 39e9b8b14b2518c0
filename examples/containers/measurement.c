/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Answers with the value of the first sensor, as SenML in CBOR
 */
#include <rbpf/coap.h>
#include <rbpf/saul.h>

int measurement(bpf_coap_ctx_t *gcoap)
{
    phydat_t value;
    int dimensions = bpf_saul_reg_read(bpf_saul_reg_find_nth(0), &value);

    if (dimensions <= 0) {
        return -COAP_CODE_SERVICE_UNAVAILABLE;
    }
    bpf_gcoap_resp_init(gcoap, COAP_CODE_CONTENT);
    bpf_coap_add_format(gcoap, COAP_FORMAT_SENML_CBOR);

    ssize_t length = bpf_coap_opt_finish(gcoap, COAP_OPT_FINISH_PAYLOAD);
    if (length < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    uint8_t *payload = bpf_coap_get_pdu(gcoap);
    ssize_t written = bpf_fmt_senml(payload, gcoap->buf_len - length, "sensor", &value,
                                    dimensions);

    return (written < 0) ? -COAP_CODE_INTERNAL_SERVER_ERROR : length + written;
}
