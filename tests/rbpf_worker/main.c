/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       What a thread of higher priority notices of containers
 *
 * It wakes once in a millisecond and measures by how much it is late: with an
 * idle node, with a container in an endless loop, and with one that faults, both
 * triggered over and over.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "checks.h"
#include "endless.rbpf.h"
#include "fault.rbpf.h"
#include "mutex.h"
#include "periph_conf.h"
#include "rbpf.h"
#include "thread.h"
#include "ztimer.h"

#define PERIOD_US 1000
#define TICKS 1000

/*
 * On a board, what containers may add to the worst lateness: as long as they
 * have interrupts off, or who asks for them has. In the emulator these are 54
 * cycles at most to take a job, 25 to take an event, 110 to switch threads,
 * and, as the longest, 630 of RIOT's ztimer_set() and ztimer_remove(), by
 * which callers wait up to their time-out: 10 us. Had a container kept the
 * processor to itself, it would be a tenth of a second.
 */
#define BOUND_US 10
/* And to the mean */
#define BOUND_MEAN_US 2

typedef struct {
    uint32_t minimum;
    uint32_t maximum;
    uint32_t sum;
} _lateness_t;

static rbpf_hook_t _hook = RBPF_HOOK_INIT("loop");

static _lateness_t _lateness;
static mutex_t _go = MUTEX_INIT_LOCKED;
static volatile bool _measuring;
/* Counts when nobody else wants to run */
static volatile uint32_t _background;

static char _ticker_stack[THREAD_STACKSIZE_DEFAULT];
static char _background_stack[THREAD_STACKSIZE_DEFAULT];

static void *_ticker(void *arg)
{
    (void)arg;
    while (1) {
        mutex_lock(&_go);
        _lateness = (_lateness_t){ .minimum = UINT32_MAX };
        uint32_t next = ztimer_now(ZTIMER_USEC);
        for (unsigned i = 0; i < TICKS; i++) {
            uint32_t due = next + PERIOD_US;
            ztimer_periodic_wakeup(ZTIMER_USEC, &next, PERIOD_US);
            uint32_t late = ztimer_now(ZTIMER_USEC) - due;
            _lateness.sum += late;
            if (late < _lateness.minimum) {
                _lateness.minimum = late;
            }
            if (late > _lateness.maximum) {
                _lateness.maximum = late;
            }
        }
        _measuring = false;
    }
    return NULL;
}

static void *_count(void *arg)
{
    (void)arg;
    while (1) {
        _background++;
        ztimer_sleep(ZTIMER_MSEC, 1);
    }
    return NULL;
}

static void _begin(void)
{
    _measuring = true;
    mutex_unlock(&_go);
}

static _lateness_t _report(const char *name)
{
    _lateness_t lateness = _lateness;

    printf("%s: minimum %" PRIu32 " maximum %" PRIu32 " mean %" PRIu32 " us late\n", name,
           lateness.minimum, lateness.maximum, lateness.sum / TICKS);
    return lateness;
}

/*
 * Triggers what is bound, over and over, while the ticker measures.
 *
 * Each request sets RIOT's timer anew, for its time-out. On native that puts
 * off what was due by NATIVE_TIMER_MIN_RES, so no timer at all fires while
 * requests follow each other faster; there is a pause between them, then.
 */
static unsigned _trigger(int expected)
{
    unsigned runs = 0;

    _begin();
    while (_measuring) {
        if (rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL) != expected) {
            check("another result", false);
        }
        runs++;
#ifdef CPU_NATIVE
        ztimer_sleep(ZTIMER_USEC, 2 * NATIVE_TIMER_MIN_RES);
#endif
    }
    return runs;
}

int main(void)
{
    rbpf_info_t info = { 0 };
    rbpf_stats_t stats = { 0 };

    check("hook", rbpf_hook_register(&_hook) == 0);
    thread_create(_ticker_stack, sizeof(_ticker_stack), THREAD_PRIORITY_MAIN - 4, 0, _ticker,
                  NULL, "ticker");
    thread_create(_background_stack, sizeof(_background_stack), THREAD_PRIORITY_IDLE - 1, 0,
                  _count, NULL, "background");

    _begin();
    while (_measuring) {
        ztimer_sleep(ZTIMER_MSEC, 10);
    }
    _lateness_t idle = _report("idle");

    check("install a loop", rbpf_install("loop", endless_rbpf, sizeof(endless_rbpf)) == 0);
    check("bind a loop", rbpf_bind("loop", "loop") == 0);
    uint32_t begin = ztimer_now(ZTIMER_USEC);
    check("a loop ends", rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL) == -ECANCELED);
    uint32_t took = ztimer_now(ZTIMER_USEC) - begin;
    uint32_t background = _background;
    unsigned runs = 1 + _trigger(-ECANCELED);
    background = _background - background;
    _lateness_t loop = _report("loop");
    printf("a run of %u instructions takes %" PRIu32 " us; %u runs\n",
           (unsigned)CONFIG_RBPF_BUDGET, took, runs);

    check("find the loop", rbpf_find("loop", &info) == 0);
    check("each run is counted", info.runs == runs && info.faults == runs);
    check("each costs its budget, and no more", info.longest_run == CONFIG_RBPF_BUDGET &&
          info.instructions == (uint64_t)runs * CONFIG_RBPF_BUDGET);
    check("remove the loop", rbpf_remove("loop") == 0);

    /* The loop held only those back who are less urgent than the worker */
    uint32_t before = _background;
    ztimer_sleep(ZTIMER_MSEC, 20);
    printf("background: %" PRIu32 " turns beside the loop, %" PRIu32 " afterwards\n", background,
           _background - before);
    check("less urgent threads are served afterwards", _background - before >= 2);

    check("install a fault", rbpf_install("fault", fault_rbpf, sizeof(fault_rbpf)) == 0);
    check("bind a fault", rbpf_bind("fault", "loop") == 0);
    runs = _trigger(-EFAULT);
    _lateness_t fault = _report("fault");
    check("find the fault", rbpf_find("fault", &info) == 0);
    check("each fault is counted", info.runs == runs && info.faults == runs);
    printf("%u faults\n", runs);

    /* Native is one process among others, so there only the mean says
     * something. Were the loop not interrupted, it would be half a run. */
#ifdef CPU_NATIVE
    uint32_t mean = took / 8;
    uint32_t maximum = UINT32_MAX;
#else
    uint32_t mean = idle.sum / TICKS + BOUND_MEAN_US;
    uint32_t maximum = idle.maximum + BOUND_US;
#endif
    (void)idle;
    check("the loop is not noticed", loop.maximum <= maximum && loop.sum / TICKS <= mean);
    check("faults are not noticed", fault.maximum <= maximum && fault.sum / TICKS <= mean);
    check("stats", rbpf_stats(&stats) == 0);
    check("nobody had to give up", stats.timeouts == 0 && stats.refused == 0);
    checks_end();

    return 0;
}
