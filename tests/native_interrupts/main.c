/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       What an interrupted thread has in registers and in the red zone
 *
 * Without dist/modules/native_interrupts, nearly every interrupt that leads to
 * another thread has both wrong.
 *
 * @}
 */

#include <stdint.h>
#include <stdio.h>

#include "mutex.h"
#include "thread.h"
#include "ztimer.h"

#define MARK UINT64_C(0x1234567890abcdef)
#define PERIOD_US 300
#define INTERRUPTS 200

static void _tick(void *arg);

static ztimer_t _timer = { .callback = _tick };
static volatile unsigned _interrupts;
static mutex_t _wake = MUTEX_INIT_LOCKED;
static char _stack[THREAD_STACKSIZE_DEFAULT];

static void _tick(void *arg)
{
    (void)arg;
    _interrupts++;
    mutex_unlock(&_wake);
    ztimer_set(ZTIMER_USEC, &_timer, PERIOD_US);
}

/* More urgent than main: interrupts lead here, and from here back */
static void *_other(void *arg)
{
    while (1) {
        mutex_lock(&_wake);
        __asm__ volatile("pxor %%xmm0, %%xmm0\n"
                         "pxor %%xmm7, %%xmm7\n"
                         "pxor %%xmm15, %%xmm15\n"
                         ::: "xmm0", "xmm7", "xmm15");
    }
    return arg;
}

int main(void)
{
    unsigned zone = 0;
    unsigned vector = 0;

    thread_create(_stack, sizeof(_stack), THREAD_PRIORITY_MAIN - 1, 0, _other, NULL, "other");
    ztimer_set(ZTIMER_USEC, &_timer, PERIOD_US);
    while (_interrupts < INTERRUPTS) {
        uint64_t near = MARK;
        uint64_t far = 0;
        uint64_t kept = 0;
        unsigned rounds = 20000;

        /* Long enough to be interrupted somewhere in the middle */
        __asm__ volatile("movq %0, %%xmm7\n"
                         "movq %0, -8(%%rsp)\n"
                         "movq %0, -128(%%rsp)\n"
                         "1: decl %3\n"
                         "jnz 1b\n"
                         "movq -8(%%rsp), %0\n"
                         "movq -128(%%rsp), %1\n"
                         "movq %%xmm7, %2\n"
                         : "+&r" (near), "=&r" (far), "=&r" (kept), "+&r" (rounds)
                         :: "xmm7", "memory", "cc");
        zone += near != MARK || far != MARK;
        vector += kept != MARK;
    }
    printf("%u interrupts, wrong: red zone %u, vector register %u\n",
           _interrupts, zone, vector);

    return 0;
}
