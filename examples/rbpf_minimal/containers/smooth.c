/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Smooths a series of samples
 *
 * The average moves by a quarter of the way to each sample. It is kept by the
 * application, in the context, so nothing is stored here.
 */
#include <stdint.h>

/** As in the application. */
typedef struct {
    int32_t sample;     /**< in */
    int32_t average;    /**< in and out, in sixteenths */
} smooth_ctx_t;

int64_t smooth(smooth_ctx_t *context)
{
    context->average += context->sample * 4 - context->average / 4;
    return context->average / 16;
}
