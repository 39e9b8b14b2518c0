/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     examples
 * @{
 *
 * @file
 * @brief       The module alone: one container on one hook
 *
 * @}
 */

#include <inttypes.h>
#include <stdio.h>

#include "container.h"
#include "rbpf.h"

#include "smooth.rbpf.h"

/* As in the container. */
typedef struct {
    int32_t sample;
    int32_t average;
} smooth_ctx_t;

/* A place where the application lets others have a say. */
static rbpf_hook_t _hook = RBPF_HOOK_INIT("sample");

static const int16_t _samples[] = { 100, 100, 120, 80, 500, 100, 100, 100 };

static int _setup(void)
{
    int result = rbpf_hook_register(&_hook);
    if (result == 0) {
        result = rbpf_install("smooth", smooth_rbpf, sizeof(smooth_rbpf));
    }
    if (result == 0) {
        result = rbpf_bind("smooth", "sample");
    }
    return result;
}

int main(void)
{
    int result = _setup();
    if (result != 0) {
        printf("error: setup: %d\n", result);
        return 1;
    }

    smooth_ctx_t context = { .average = 100 * 16 };
    for (unsigned i = 0; i < ARRAY_SIZE(_samples); i++) {
        int64_t smoothed = _samples[i];
        context.sample = _samples[i];
        result = rbpf_hook_trigger(&_hook, &context, sizeof(context), NULL, 0, &smoothed);
        if (result < 0) {
            printf("error: trigger: %d\n", result);
            return 1;
        }
        printf("sample %d smoothed %d\n", _samples[i], (int)smoothed);
    }

    rbpf_info_t info;
    rbpf_find("smooth", &info);
    printf("smooth bytes %" PRIu32 " runs %" PRIu32 " faults %" PRIu32
           " instructions %" PRIu32 "\n",
           info.size, info.runs, info.faults, (uint32_t)info.instructions);

    return 0;
}
