/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Switches of threads as events: which they are, and what they cost
 *
 * Two threads, both more urgent than main and the worker, hand over to each other as
 * often as main says. So main knows which switches there were, and the worker runs only
 * when main sleeps.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "checks.h"
#include "cpu.h"
#include "endless.rbpf.h"
#include "first.rbpf.h"
#include "mutex.h"
#include "prints.rbpf.h"
#include "rbpf.h"
#include "sched.h"
#include "switches.rbpf.h"
#include "thread.h"
#include "waits.rbpf.h"
#include "ztimer.h"

/* Defaults of pkg/rbpf/Kconfig */
#define RING 16
#define BUDGET 500

/* By when the worker has seen all switches */
#define SETTLE_MS 20

/* How often something is bound and unbound while threads switch */
#define BINDINGS 100
/* How often they do */
#define TICK_US 500

/* Of a thread that wakes over and over, while a container loops at each switch */
#define PERIOD_US 2000
#define PERIODS 50
/* By how much later it may wake then, in the emulator, where time is the device's. The
 * container takes 350 us at each switch. */
#define LATER_US 10
#ifdef DWT_CTRL_CYCCNTENA_Msk
#define IS_EMULATED 1
#else
#define IS_EMULATED 0
#endif

static mutex_t _begin = MUTEX_INIT_LOCKED;
static mutex_t _turn = MUTEX_INIT_LOCKED;
static volatile unsigned _rounds;
static kernel_pid_t _ping;
static kernel_pid_t _pong;
static char _ping_stack[THREAD_STACKSIZE_SMALL];
static char _pong_stack[THREAD_STACKSIZE_SMALL];
static rbpf_hook_t _own = RBPF_HOOK_INIT_BOUNDED("own", RBPF_POLICY_LAST, 100);
static rbpf_hook_t _wrong = { .name = "wrong", .forbids = 1u << 31 };
static rbpf_hook_t _taken = RBPF_HOOK_INIT("sched");


static void *_run_ping(void *arg)
{
    (void)arg;
    while (1) {
        mutex_lock(&_begin);
        for (unsigned i = _rounds; i > 0; i--) {
            mutex_unlock(&_turn);
        }
    }
    return NULL;
}

static void *_run_pong(void *arg)
{
    (void)arg;
    while (1) {
        mutex_lock(&_turn);
    }
    return NULL;
}

/* Switches 2 * rounds + 2 times: to ping, from there to pong and back, and back here */
static void _switch(unsigned rounds)
{
    _rounds = rounds;
    mutex_unlock(&_begin);
}

/* In an interrupt, over and over */
static void _tick(void *timer)
{
    mutex_unlock(&_begin);
    ztimer_set(ZTIMER_USEC, timer, TICK_US);
}

static void _settle(void)
{
    ztimer_sleep(ZTIMER_MSEC, SETTLE_MS);
}

static uint32_t _value(const char *name, uint32_t key)
{
    uint32_t value = 0;

    rbpf_kv_fetch(name, key, &value);
    return value;
}

static rbpf_info_t _info(const char *name)
{
    rbpf_info_t info = { 0 };

    rbpf_find(name, &info);
    return info;
}

static uint32_t _lost(void)
{
    rbpf_stats_t stats = { 0 };

    rbpf_stats(&stats);
    return stats.events_lost;
}

/* How many switches to ping and pong there were, and were lost */
static bool _counted(uint32_t ping, uint32_t pong, uint32_t lost)
{
    uint32_t to_ping = _value("switches", _ping);
    uint32_t to_pong = _value("switches", _pong);
    uint32_t of_lost = _value("switches", 0);

    if (to_ping != ping || to_pong != pong || of_lost != lost) {
        printf("ping %" PRIu32 ", pong %" PRIu32 ", lost %" PRIu32 "\n", to_ping, to_pong, of_lost);
        return false;
    }
    return true;
}

static void _rights(void)
{
    check("a right that is none", rbpf_hook_register(&_wrong) == -EINVAL);
    check("the name of the module's hook", rbpf_hook_register(&_taken) == -EEXIST);
    check("a bounded hook", rbpf_hook_register(&_own) == 0);
    check("install prints", rbpf_install("prints", prints_rbpf, sizeof(prints_rbpf)) == 0);
    check("who prints is not bound", rbpf_bind("prints", "sched") == -EACCES);
    check("nor at an own hook", rbpf_bind("prints", "own") == -EACCES);
    check("but elsewhere", rbpf_bind("prints", "boot") == 0);
    check("remove prints", rbpf_remove("prints") == 0);
    check("install waits", rbpf_install("waits", waits_rbpf, sizeof(waits_rbpf)) == 0);
    check("who may wait is not bound", rbpf_bind("waits", "sched") == -EACCES);
    check("remove waits", rbpf_remove("waits") == 0);
}

static void _counts(void)
{
    uint32_t begin = ztimer_now(ZTIMER_USEC);

    check("install first", rbpf_install("first", first_rbpf, sizeof(first_rbpf)) == 0);
    check("install switches", rbpf_install("switches", switches_rbpf,
                                           sizeof(switches_rbpf)) == 0);
    _switch(3);
    _settle();
    check("bind first", rbpf_bind("first", "sched") == 0);
    check("bind switches", rbpf_bind("switches", "sched") == 0);
    _settle();
    check("what was before is no event", _counted(0, 0, 0));
    _switch(0);
    _settle();
    check("one switch there", _counted(1, 0, 0));
    _switch(5);
    _settle();
    check("to and fro", _counted(1 + 6, 5, 0));
    check("no event is lost", _lost() == 0);
    /* An idle thread has switches of its own */
    check("main has gone on after each", IS_USED(MODULE_CORE_IDLE_THREAD)
                                         || _value("switches", thread_getpid()) == 2);
    check("no other events", IS_USED(MODULE_CORE_IDLE_THREAD)
                             || _info("switches").runs == 2 + 12);
    check("whence the first was", _value("first", 0) != 0
                                  && _value("first", 0) != (uint32_t)_pong);
    check("the context has 16 bytes", _value("first", 2) == 16);
    check("nothing was lost before", _value("first", 3) == 0);
    check("the time of the first", ztimer_now(ZTIMER_USEC) - begin
                                   >= _value("first", 4) - begin);
    check("remove first", rbpf_remove("first") == 0);
}

static void _overflow(void)
{
    _switch(20);
    check("what does not fit is counted", _lost() == 42 - RING);
    _settle();
    _switch(1);
    _settle();
    /* Of the first 16, half are to either */
    check("containers are told", _counted(7 + 8 + 2, 5 + 8 + 1, 42 - RING));
    _switch(1);
    _settle();
    check("but once", _counted(17 + 2, 14 + 1, 42 - RING));
}

static void _bind_while_switching(void)
{
    ztimer_t timer = { .callback = _tick, .arg = &timer };
    bool good = true;
    uint32_t runs = _info("switches").runs;

    _rounds = 2;
    _tick(&timer);
    for (unsigned i = 0; i < BINDINGS; i++) {
        good = good && rbpf_unbind("switches", "sched") == 0;
        good = good && rbpf_bind("switches", "sched") == 0;
        ztimer_sleep(ZTIMER_USEC, 10 * i);
    }
    ztimer_remove(ZTIMER_USEC, &timer);
    check("bind and unbind", good);
    _settle();
    check("it has run meanwhile", _info("switches").runs > runs);
    check("unbind", rbpf_unbind("switches", "sched") == 0);
    runs = _info("switches").runs;
    _switch(3);
    _settle();
    check("who is not bound does not run", _info("switches").runs == runs);
    check("remove switches", rbpf_remove("switches") == 0);
    check("install switches again", rbpf_install("switches", switches_rbpf,
                                                 sizeof(switches_rbpf)) == 0);
    check("bind switches again", rbpf_bind("switches", "sched") == 0);
    _switch(4);
    _settle();
    check("it counts as before", _counted(5, 4, 0));
    check("remove it while bound", rbpf_remove("switches") == 0);
}

/* By how much a thread wakes late that does so over and over, in microseconds, and
 * switches each time */
static uint32_t _latest(void)
{
    uint32_t latest = 0;

    for (unsigned i = 0; i < PERIODS; i++) {
        uint32_t begin = ztimer_now(ZTIMER_USEC);

        ztimer_sleep(ZTIMER_USEC, PERIOD_US);
        uint32_t late = ztimer_now(ZTIMER_USEC) - begin - PERIOD_US;

        latest = (late > latest) ? late : latest;
        _switch(1);
    }
    return latest;
}

static void _endless(void)
{
    uint32_t before = _latest();
    uint32_t lost = _lost();
    uint32_t latest;
    rbpf_info_t info;

    check("install endless", rbpf_install("endless", endless_rbpf, sizeof(endless_rbpf)) == 0);
    check("bind it to an own hook", rbpf_bind("endless", "own") == 0);
    check("its run is stopped",
          rbpf_hook_trigger(&_own, NULL, 0, NULL, 0, NULL) == -ECANCELED);
    info = _info("endless");
    check("the hook's budget counts", info.runs == 1 && info.instructions == 100);

    check("bind endless", rbpf_bind("endless", "sched") == 0);
    latest = _latest();
    _settle();
    info = _info("endless");
    lost = _lost() - lost;
    printf("late %" PRIu32 " us, with an endless run at each switch %" PRIu32 " us\n", before,
           latest);
    check("it has run at each switch", info.runs - 1 + lost >= PERIODS * 4);
    check("each run was stopped", info.faults == info.runs);
    check("where its bound is",
          info.instructions == 100 + (uint64_t)(info.runs - 1) * BUDGET);
    check("who is more urgent wakes in time", !IS_EMULATED || latest <= before + LATER_US);
    check("remove endless", rbpf_remove("endless") == 0);
}

#ifdef DWT_CTRL_CYCCNTENA_Msk
/* Cycles of four switches of the fastest of some, all of which the ring takes; after a
 * pause the first of them has the worker woken */
static uint32_t _cycles_of(bool wake)
{
    uint32_t least = UINT32_MAX;

    for (unsigned i = 0; i < 10; i++) {
        _settle();
        if (!wake) {
            _switch(1);
        }
        uint32_t begin = DWT->CYCCNT;
        _switch(1);
        uint32_t took = DWT->CYCCNT - begin;

        least = (took < least) ? took : least;
    }
    return least;
}

/* Cycles of a Cortex-M4 that a switch may take longer while containers are bound; and
 * the first, which has the worker woken */
#define BOUND_CYCLES 200
#define WAKE_CYCLES 800

static void _cycles(void)
{
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    uint32_t never = _cycles_of(false);

    sched_register_cb(NULL);
    uint32_t without = _cycles_of(false);

    rbpf_install("switches", switches_rbpf, sizeof(switches_rbpf));
    rbpf_bind("switches", "sched");
    uint32_t bound = _cycles_of(false);
    uint32_t wake = _cycles_of(true);

    rbpf_remove("switches");
    uint32_t after = _cycles_of(false);

    printf("cycles of four switches: %" PRIu32 ", bound %" PRIu32 ", with waking %" PRIu32
           "\n", never, bound, wake);
    check("the counter runs", never > 0);
    check("nothing bound costs nothing", never == without && after == without);
    check("bound costs little", bound - never <= 4 * BOUND_CYCLES);
    check("waking costs little", wake - bound <= WAKE_CYCLES);
}
#else
static void _cycles(void)
{
    /* No counter, or nobody else's time */
}
#endif

int main(void)
{
    _ping = thread_create(_ping_stack, sizeof(_ping_stack), THREAD_PRIORITY_MAIN - 1,
                          THREAD_CREATE_STACKTEST, _run_ping, NULL, "ping");
    _pong = thread_create(_pong_stack, sizeof(_pong_stack), THREAD_PRIORITY_MAIN - 2,
                          THREAD_CREATE_STACKTEST, _run_pong, NULL, "pong");
    _cycles();
    _rights();
    _counts();
    _overflow();
    _bind_while_switching();
    _endless();
    checks_end();

    return 0;
}
