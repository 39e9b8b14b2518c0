/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     examples
 * @{
 *
 * @file
 * @brief       The computing benchmark of the rBPF paper: Fletcher32 over 361
 *              bytes, in a container and in C
 *
 * The native side is RIOT's own fletcher32(). The container is run in both
 * ways: by rbpf_execute(), which verifies the image where it lies and runs it
 * once, and installed, on a hook. An empty container on a hook shows what the
 * way to the worker thread and back takes.
 *
 * Times are of the board's microsecond timer. QEMU's boards have no notion of
 * how long an instruction takes; what is printed there means nothing.
 *
 * @}
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "checksum/fletcher32.h"
#include "rbpf.h"
#include "ztimer.h"

#include "empty.rbpf.h"
#include "fletcher32.rbpf.h"

/* What is repeated is repeated so often, and timed in groups of so many runs. */
#define GROUPS          (10)
#define GROUP           (10)

/* Instructions that a run may execute. */
#define BUDGET          (10000)

/* Where containers find the first region that they are granted. */
#define REGION_ADDRESS  (0x05000000)

/* rbpf_words_ctx_t of the container's headers, where pointers have 64 bits. */
typedef struct {
    uint64_t data;
    uint32_t words;
} words_ctx_t;

static const uint8_t __attribute__((aligned(4))) _data[] =
    "A virtual machine with the eBPF instruction set hosts small, isolated, "
    "replaceable pieces of logic on a microcontroller. Events of the operating "
    "system trigger a container; it gets a context, may call helpers, and "
    "returns a value to the source of the event. A faulty or hostile container "
    "cannot read or write anything it was not granted, nor run longer than its";

#define LENGTH          (sizeof(_data) - 1)

static words_ctx_t _context = { .data = REGION_ADDRESS, .words = LENGTH / 2 };

static const rbpf_region_t _region = {
    .data = (void *)_data,
    .length = LENGTH,
    .rights = RBPF_REGION_READ,
};

static rbpf_hook_t _checksum_hook = RBPF_HOOK_INIT("checksum");
static rbpf_hook_t _empty_hook = RBPF_HOOK_INIT("empty");

static int64_t _result;

static int _native(void)
{
    _result = fletcher32((const void *)_data, LENGTH / 2);
    return 0;
}

static int _execute(void)
{
    return rbpf_execute(fletcher32_rbpf, sizeof(fletcher32_rbpf),
                        &_context, sizeof(_context), &_region, 1, BUDGET, &_result);
}

static int _install(void)
{
    return rbpf_install("fletcher32", fletcher32_rbpf, sizeof(fletcher32_rbpf));
}

static int _trigger(void)
{
    return rbpf_hook_trigger(&_checksum_hook, &_context, sizeof(_context), &_region, 1,
                             &_result) == 1 ? 0 : -1;
}

static int _trigger_empty(void)
{
    return rbpf_hook_trigger(&_empty_hook, NULL, 0, NULL, 0, NULL) == 1 ? 0 : -1;
}

static unsigned _failed;

static void _expect_zero(const char *what, int result)
{
    if (result != 0) {
        printf("error: %s: %d\n", what, result);
        _failed++;
    }
}

/* Nanoseconds that it takes once: the mean of the fastest group of runs, as a
 * workstation does other things, too. Prints them. */
static uint32_t _measure(const char *what, int (*function)(void), unsigned groups,
                         unsigned group)
{
    uint32_t fastest = UINT32_MAX;
    for (unsigned i = 0; i < groups; i++) {
        int result = 0;
        uint32_t start = ztimer_now(ZTIMER_USEC);
        for (unsigned j = 0; j < group && result == 0; j++) {
            result = function();
        }
        uint32_t time = ztimer_now(ZTIMER_USEC) - start;
        _expect_zero(what, result);
        if (time < fastest) {
            fastest = time;
        }
    }

    uint32_t ns = (uint64_t)fastest * 1000 / group;
    printf("%s us %" PRIu32 ".%u\n", what, ns / 1000, (unsigned)(ns % 1000 / 100));
    return ns;
}

static uint32_t _first(const char *what, int (*function)(void))
{
    return _measure(what, function, 1, 1);
}

static uint32_t _often(const char *what, int (*function)(void))
{
    return _measure(what, function, GROUPS, GROUP);
}

static void _expect_checksum(const char *what, uint32_t expected)
{
    if (_result != expected) {
        printf("error: %s: checksum 0x%08" PRIx32 "\n", what, (uint32_t)_result);
        _failed++;
    }
    _result = 0;
}

int main(void)
{
    printf("Fletcher32 over %u bytes on " RIOT_BOARD ", image %u bytes\n",
           (unsigned)LENGTH, (unsigned)sizeof(fletcher32_rbpf));

    /* keeps the timer running; it is not what is measured */
    ztimer_acquire(ZTIMER_USEC);

    uint32_t native = _often("native", _native);
    uint32_t checksum = _result;
    printf("checksum 0x%08" PRIx32 "\n", checksum);

    _first("execute first", _execute);
    uint32_t execute = _often("execute", _execute);
    _expect_checksum("execute", checksum);

    _expect_zero("register", rbpf_hook_register(&_checksum_hook));
    _first("install", _install);
    _expect_zero("bind", rbpf_bind("fletcher32", "checksum"));
    _first("run first", _trigger);
    _expect_checksum("run first", checksum);
    uint32_t run = _often("run", _trigger);
    _expect_checksum("run", checksum);

    _expect_zero("register empty", rbpf_hook_register(&_empty_hook));
    _expect_zero("install empty",
                 rbpf_install("empty", empty_rbpf, sizeof(empty_rbpf)));
    _expect_zero("bind empty", rbpf_bind("empty", "empty"));
    _first("empty first", _trigger_empty);
    uint32_t empty = _often("empty", _trigger_empty);

    rbpf_info_t info = { 0 };
    _expect_zero("find", rbpf_find("fletcher32", &info));
    if (_failed || info.longest_run == 0 || execute < run || run < empty) {
        /* on an emulator without clock or a busy workstation, times may be so */
        puts("no summary");
    }
    else {
        printf("verification us %" PRIu32 "\n", (execute - run) / 1000);
        printf("instructions %" PRIu32 "\n", info.longest_run);
        printf("instruction ns %" PRIu32 "\n", (run - empty) / info.longest_run);
        printf("times native %" PRIu32 "\n", run / (native ? native : 1));
    }
    printf("runs %" PRIu32 " faults %" PRIu32 "\n", info.runs, info.faults);
    puts(_failed ? "[FAILED]" : "[SUCCESS]");

    return 0;
}
