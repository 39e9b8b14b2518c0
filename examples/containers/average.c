/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Moving average over the last readings of a temperature sensor
 *
 * Each request takes a reading, and is answered with the average, as text. The
 * average is also published in the global store for other containers.
 */
#include <rbpf/coap.h>
#include <rbpf/kv.h>
#include <rbpf/saul.h>

/** How many readings the average is over. */
#define READINGS 8

/** Local store: keys 0 to READINGS - 1 are a ring of readings. */
#define KEY_RING 0
/** Local store: how many readings were ever taken. */
#define KEY_TAKEN READINGS
/** Global store: the average, in the sensor's own scale. */
#define KEY_AVERAGE 0x100

int average(bpf_coap_ctx_t *gcoap)
{
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_type(SAUL_SENSE_TEMP);
    phydat_t reading;

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    uint32_t taken = rbpf_local_get(KEY_TAKEN);
    if (bpf_store_local(KEY_RING + taken % READINGS, (uint32_t)reading.val[0]) < 0 ||
        bpf_store_local(KEY_TAKEN, taken + 1) < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }

    int32_t count = taken + 1 < READINGS ? (int32_t)taken + 1 : READINGS;
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += (int32_t)rbpf_local_get(KEY_RING + i);
    }
    int16_t mean = sum / count;
    bpf_store_global(KEY_AVERAGE, (uint32_t)mean);

    char *payload;
    ssize_t length = rbpf_coap_start_text(gcoap, &payload);
    if (length < 0) {
        return -COAP_CODE_INTERNAL_SERVER_ERROR;
    }
    return length + bpf_fmt_s16_dfp(payload, mean, reading.scale);
}
