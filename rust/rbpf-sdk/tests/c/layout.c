/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C structures against the layouts in rbpf-abi, which the test passes as
 * macros SIZE_... and OFFSET_... */
#include <rbpf/coap.h>
#include <rbpf/errno.h>
#include <rbpf/kv.h>
#include <rbpf/packet.h>
#include <rbpf/saul.h>

#define IS(what, value) _Static_assert((what) == (value), #what)

IS(sizeof(bpf_coap_ctx_t), SIZE_CONTEXT);
IS(offsetof(bpf_coap_ctx_t, buf), OFFSET_BUFFER);
IS(offsetof(bpf_coap_ctx_t, buf_len), OFFSET_BUFFER_LEN);
IS(sizeof(bpf_coap_pkt_t), SIZE_PACKET);
IS(offsetof(bpf_coap_pkt_t, token_p), OFFSET_TOKEN);
IS(offsetof(bpf_coap_pkt_t, payload_p), OFFSET_PAYLOAD);
IS(offsetof(bpf_coap_pkt_t, payload_len), OFFSET_PAYLOAD_LEN);
IS(offsetof(bpf_coap_pkt_t, options_len), OFFSET_OPTIONS_LEN);
IS(sizeof(rbpf_words_ctx_t), SIZE_WORDS);
IS(offsetof(rbpf_words_ctx_t, words), OFFSET_WORDS);
IS(sizeof(rbpf_timer_ctx_t), SIZE_TIMER);
IS(offsetof(rbpf_timer_ctx_t, period_ms), OFFSET_PERIOD);
IS(offsetof(rbpf_timer_ctx_t, missed), OFFSET_MISSED);
IS(sizeof(rbpf_change_ctx_t), SIZE_CHANGE);
IS(offsetof(rbpf_change_ctx_t, value), OFFSET_VALUE);
IS(sizeof(rbpf_gpio_ctx_t), SIZE_GPIO);
IS(offsetof(rbpf_gpio_ctx_t, level), OFFSET_LEVEL);
IS(sizeof(rbpf_saul_ctx_t), SIZE_SAUL);
IS(offsetof(rbpf_saul_ctx_t, dimensions), OFFSET_DIMENSIONS);
IS(offsetof(rbpf_saul_ctx_t, value), OFFSET_SAUL_VALUE);
IS(sizeof(rbpf_sched_ctx_t), SIZE_SCHED);
IS(offsetof(rbpf_sched_ctx_t, to), OFFSET_TO);
IS(offsetof(rbpf_sched_ctx_t, lost), OFFSET_LOST);
IS(offsetof(rbpf_sched_ctx_t, time_us), OFFSET_TIME);
IS(sizeof(rbpf_packet_ctx_t), SIZE_PACKET_CONTEXT);
IS(offsetof(rbpf_packet_ctx_t, length), OFFSET_LENGTH);
IS(offsetof(rbpf_packet_ctx_t, available), OFFSET_AVAILABLE);
IS(offsetof(rbpf_packet_ctx_t, interface), OFFSET_INTERFACE);
IS(offsetof(rbpf_packet_ctx_t, direction), OFFSET_DIRECTION);
IS(offsetof(rbpf_packet_ctx_t, type), OFFSET_TYPE);
IS(sizeof(rbpf_answer_ctx_t), SIZE_ANSWER);
IS(offsetof(rbpf_answer_ctx_t, length), OFFSET_ANSWER_LENGTH);
IS(offsetof(rbpf_answer_ctx_t, request), OFFSET_REQUEST);
IS(offsetof(rbpf_answer_ctx_t, code), OFFSET_CODE);
IS(offsetof(rbpf_answer_ctx_t, truncated), OFFSET_TRUNCATED);
IS(sizeof(phydat_t), SIZE_PHYDAT);
IS(offsetof(phydat_t, unit), OFFSET_UNIT);
IS(offsetof(phydat_t, scale), OFFSET_SCALE);

IS(COAP_CODE_CONTENT, 0x45);
IS(-COAP_CODE_INTERNAL_SERVER_ERROR, -160);
IS(SAUL_SENSE_TEMP, 0x82);
IS(ENOSPC, 28);
