/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Native does not sleep through a signal
 *
 * RIOT's native (2026.07, cpu/native/periph/pm.c) announces that it sleeps and
 * then calls pause(). A signal in between is put off until the next one: if it
 * was the timer's and no other is to come, that is never. Here sleep ends by
 * itself after a while, and RIOT looks for signals again.
 *
 * @}
 */

#include <time.h>

#include "auto_init_utils.h"

/* Of native's syscalls.h, which lacks includes of its own */
extern int (*real_pause)(void);

#define LONGEST_NS (10 * 1000 * 1000L)

static int _pause(void)
{
    struct timespec longest = { .tv_nsec = LONGEST_NS };

    return nanosleep(&longest, NULL);
}

static void _init(void)
{
    real_pause = _pause;
}

AUTO_INIT(_init, 0);
