/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Threads of all priorities ask at once, and give up waiting
 *
 * Whoever is told that something was done must find it done, once; whoever is
 * told that it was not, must not find it done later. What they lend to the
 * worker lies on their stacks.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "busy.rbpf.h"
#include "checks.h"
#include "mutex.h"
#include "rbpf.h"
#include "thread.h"
#include "ztimer.h"

#define ROUNDS 150

/* As in containers/busy.c */
typedef struct {
    uint32_t microseconds;
    uint32_t tag;
    uint32_t runs;
} _context_t;

/* A thread, and what it was told */
typedef struct {
    uint8_t priority;
    uint32_t seed;
    uint32_t executed;      /* images that ran */
    uint32_t calls;
    uint32_t busy;          /* answers -EBUSY */
    uint32_t late;          /* answers -ETIMEDOUT */
    uint32_t wrong;         /* what should not be */
    uint32_t stored;        /* what its value should be */
    mutex_t done;
} _caller_t;

/* The worker has 8 */
static _caller_t _callers[] = {
    { .priority = 5 }, { .priority = 6 }, { .priority = 8 }, { .priority = 9 },
};
#define CALLERS (sizeof(_callers) / sizeof(_callers[0]))

static char _stacks[CALLERS][THREAD_STACKSIZE_DEFAULT];

/* Runs as the worker counts them */
static uint32_t _runs;

static int64_t _count(const rbpf_argument_t *arguments, void *user)
{
    (void)arguments;
    (void)user;
    _runs++;
    return 0;
}

static rbpf_helper_t _helper = RBPF_HELPER_INIT(RBPF_HELPER_FIRST, RBPF_CAPABILITY_APPLICATION, 0,
                                                _count, NULL, RBPF_VALUE);

static uint32_t _random(_caller_t *caller)
{
    caller->seed = caller->seed * 1664525 + 1013904223;
    return caller->seed >> 8;
}

/* Counts an answer; whether it was done */
static bool _told(_caller_t *caller, int result)
{
    caller->calls++;
    switch (result) {
    case 0:
        return true;
    case -EBUSY:
        caller->busy++;
        return false;
    case -ETIMEDOUT:
        caller->late++;
        return false;
    default:
        printf("strange answer: %d\n", result);
        caller->wrong++;
        return false;
    }
}

static void _execute(_caller_t *caller, uint32_t microseconds)
{
    _context_t context = { microseconds, _random(caller), 0 };
    int64_t result = -1;
    int told = rbpf_execute(busy_rbpf, sizeof(busy_rbpf), &context, sizeof(context), NULL, 0,
                            UINT32_MAX, &result);

    if (_told(caller, told)) {
        caller->executed++;
    }
    if (context.runs != (told == 0) || result != (told == 0 ? (int64_t)context.tag : -1)) {
        printf("answer %d, but %" PRIu32 " runs and result %" PRId32 "\n", told, context.runs,
               (int32_t)result);
        caller->wrong++;
    }
}

static void _store(_caller_t *caller)
{
    uint32_t key = caller - _callers;
    uint32_t value = _random(caller);

    if (_told(caller, rbpf_kv_store(NULL, key, value))) {
        caller->stored = value;
    }
}

static void *_crowd(void *arg)
{
    _caller_t *caller = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (_random(caller) % 2) {
            _execute(caller, _random(caller) % 1500);
        }
        else {
            _store(caller);
        }
        ztimer_sleep(ZTIMER_USEC, _random(caller) % 2000);
    }
    mutex_unlock(&caller->done);
    return NULL;
}

/* Gives up at about the moment when the answer comes, and asks again at once */
static void *_edge(void *arg)
{
    _caller_t *caller = arg;

    for (uint32_t microseconds = 400; microseconds < 1200; microseconds += 2) {
        _execute(caller, microseconds);
        _store(caller);
    }
    mutex_unlock(&caller->done);
    return NULL;
}

/* One run that takes long. On a workstation the worker may be kept from
 * beginning it in time. */
static void *_long(void *arg)
{
    _caller_t *caller = arg;

    while (!caller->executed && !caller->wrong) {
        _execute(caller, 100000);
    }
    mutex_unlock(&caller->done);
    return NULL;
}

static void _launch(_caller_t *caller, void *(*function)(void *))
{
    mutex_init_locked(&caller->done);
    thread_create(_stacks[caller - _callers], sizeof(_stacks[0]), caller->priority, 0, function,
                  caller, "caller");
}

static void _sum_up(const char *name, unsigned callers, void *(*function)(void *))
{
    rbpf_stats_t before;
    rbpf_stats_t after;
    _caller_t sum = { 0 };
    uint32_t runs = _runs;
    bool stored = true;

    rbpf_stats(&before);
    for (unsigned i = 0; i < callers; i++) {
        _caller_t *caller = &_callers[i];

        caller->executed = caller->calls = caller->busy = caller->late = caller->wrong = 0;
        caller->seed = i;
        _launch(caller, function);
    }
    for (unsigned i = 0; i < callers; i++) {
        mutex_lock(&_callers[i].done);
        /* Threads end before their stacks are used again */
        ztimer_sleep(ZTIMER_MSEC, 2);
    }
    rbpf_stats(&after);
    for (unsigned i = 0; i < callers; i++) {
        _caller_t *caller = &_callers[i];
        uint32_t value = 0;
        int result;

        do {
            result = rbpf_kv_fetch(NULL, i, &value);
        } while (result == -ETIMEDOUT);
        stored = stored && (value == caller->stored);
        sum.executed += caller->executed;
        sum.calls += caller->calls;
        sum.busy += caller->busy;
        sum.late += caller->late;
        sum.wrong += caller->wrong;
    }
    printf("%s: %" PRIu32 " calls, %" PRIu32 " refused, %" PRIu32 " too late, %" PRIu32
           " executed, %" PRIu32 " wrong\n",
           name, sum.calls, sum.busy, sum.late, sum.executed, sum.wrong);
    check("answers are true", sum.wrong == 0);
    check("what was executed has run, and nothing else", _runs - runs == sum.executed);
    check("what was stored is there, and nothing else", stored);
    check("requests are counted", after.jobs - before.jobs == sum.calls - sum.busy);
    check("refusals are counted", after.refused - before.refused == sum.busy);
    check("those who gave up are counted", after.timeouts - before.timeouts == sum.late);
    check("some were served", sum.executed > 0);
    if (callers > 1) {
        check("some gave up", sum.late > 0);
    }
    if (callers > CONFIG_RBPF_QUEUE) {
        check("some were refused", sum.busy > 0);
    }
}

/* Waits at the other place than the caller; served only if that gave up */
static int _wait_beside(const _caller_t *caller)
{
    int waiting;

    do {
        waiting = rbpf_find("none", NULL);
    } while (waiting == -ENOENT && !caller->executed);
    return waiting;
}

/* While the worker is busy, one may wait, and two may not */
static void _places(void)
{
    static _caller_t *const first = &_callers[0];
    int waiting;

    first->calls = first->executed = first->wrong = 0;
    _launch(first, _long);
    waiting = _wait_beside(first);
    check("the other place is free", waiting == -ETIMEDOUT);
    waiting = _wait_beside(first);
    check("and free again, once its caller has given up", waiting == -ETIMEDOUT);
    mutex_lock(&first->done);
    check("who is being served waits for the end", first->executed == 1 && first->wrong == 0);
}

int main(void)
{
    check("helper", rbpf_helper_register(&_helper) == 0);
    _sum_up("crowd", CALLERS, _crowd);
    _places();
    _sum_up("edge", 1, _edge);
    _places();
    _sum_up("two at the edge", 2, _edge);
    _places();
    checks_end();

    return 0;
}
