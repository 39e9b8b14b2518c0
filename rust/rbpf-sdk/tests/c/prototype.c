/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handler in the manner of the original prototype: its include, its own
 * definitions of what its headers lacked, nothing of rbpf/. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

#define COAP_OPT_FINISH_PAYLOAD  (0x0001)
#define COAP_CODE_CONTENT        ((2 << 5) | 5)

typedef struct {
    uint32_t hdr_p;
    uint32_t token_p;
    uint32_t payload_p;
    uint16_t payload_len;
    uint16_t options_len;
} bpf_coap_pkt_t;

int coap_resp(bpf_coap_ctx_t *gcoap)
{
    bpf_coap_pkt_t *pkt = gcoap->pkt;
    uint8_t *request = (uint8_t *)(intptr_t)(pkt->payload_p);
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(1);
    phydat_t m;

    if (!sensor || bpf_saul_reg_read(sensor, &m) < 0) {
        return -(5 << 5);
    }
    bpf_printf("%d %s\n", m.val[0], pkt->payload_len ? (char *)request : "none");

    bpf_gcoap_resp_init(gcoap, COAP_CODE_CONTENT);
    bpf_coap_add_format(gcoap, 0);
    ssize_t pdu_len = bpf_coap_opt_finish(gcoap, COAP_OPT_FINISH_PAYLOAD);
    uint8_t *payload = bpf_coap_get_pdu(gcoap);
    return pdu_len + bpf_fmt_s16_dfp((char *)payload, m.val[0], m.scale);
}
