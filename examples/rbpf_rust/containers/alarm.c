/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Watches a channel of the application's for readings above a limit
 *
 * The channel is read by a helper that the application defines itself.
 */
#include <stdint.h>

/** The application's helper: what a channel reads, or a negative number. */
static int64_t (*const read_channel)(uint32_t channel) = (void *)0x8000;

/** As in the application. */
typedef struct {
    uint32_t limit;     /**< in */
    uint32_t alarms;    /**< in and out: readings above the limit */
} alarm_ctx_t;

int64_t alarm(alarm_ctx_t *context)
{
    int64_t reading = read_channel(0);

    if (reading > context->limit) {
        context->alarms++;
    }
    return reading;
}
