/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Sends the readings of a sensor to another device
 *
 * Bound to `every:MS` or `after:MS` and to `answer`. By the timer it reads the
 * first sensor and POSTs the value to `/readings` of the remote `collector`; of the
 * answer it keeps the code. What it keeps is in its local store.
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>
#include <rbpf/saul.h>

/** How many requests were sent. */
#define KEY_SENT 0
/** How many have ended, and how the last one did. */
#define KEY_ENDED 1
#define KEY_CODE 2
/** The number of that request. */
#define KEY_REQUEST 3
/** Bytes of the last answer, whether there were more, and the first of them. */
#define KEY_LENGTH 4
#define KEY_TRUNCATED 5
#define KEY_FIRST 6
/** The last error of a request that was not sent, and how many there were. */
#define KEY_ERROR 7
#define KEY_REFUSED 8

static void count(uint32_t key)
{
    bpf_store_local(key, rbpf_local_get(key) + 1);
}

static int ended(const rbpf_answer_ctx_t *answer)
{
    bpf_store_local(KEY_CODE, (uint32_t)answer->code);
    bpf_store_local(KEY_REQUEST, answer->request);
    bpf_store_local(KEY_LENGTH, answer->length);
    bpf_store_local(KEY_TRUNCATED, answer->truncated);
    if (answer->length > 0) {
        bpf_store_local(KEY_FIRST, answer->payload[0]);
    }
    count(KEY_ENDED);
    return 0;
}

static int send(void)
{
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(0);
    phydat_t reading;
    char text[16];

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return -1;
    }

    size_t length = bpf_fmt_s16_dfp(text, reading.val[0], reading.scale);
    int remote = bpf_coap_find_remote("collector", sizeof("collector") - 1);
    int request = remote;
    if (remote >= 0) {
        request = bpf_coap_request((uint32_t)remote, COAP_METHOD_POST, "/readings?unit=degC", text,
                                   length);
    }
    if (request < 0) {
        bpf_store_local(KEY_ERROR, (uint32_t)request);
        count(KEY_REFUSED);
        return request;
    }
    count(KEY_SENT);
    return 0;
}

/* Timer and answer differ in the length of their contexts */
int forward(const void *context, uint32_t length)
{
    return length == sizeof(rbpf_answer_ctx_t) ? ended(context) : send();
}
