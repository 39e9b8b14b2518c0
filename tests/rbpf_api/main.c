/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Every function of the C API, used rightly and wrongly
 *
 * @}
 */

#include <inttypes.h>
#include <stdio.h>

#include "api.h"
#include "mutex.h"
#include "ztimer.h"

static unsigned _passed;
static unsigned _failed;

void expect(const char *name, int64_t expected, int64_t result)
{
    if (result == expected) {
        _passed++;
        printf("PASS %s\n", name);
    }
    else {
        _failed++;
        printf("FAIL %s: %" PRId32 ", expected %" PRId32 "\n",
               name, (int32_t)result, (int32_t)expected);
    }
}

typedef struct {
    void (*function)(void);
    mutex_t done;
} _work_t;

static void _callback(void *arg)
{
    _work_t *work = arg;

    work->function();
    mutex_unlock(&work->done);
}

void in_interrupt(void (*function)(void))
{
    _work_t work = { .function = function, .done = MUTEX_INIT_LOCKED };
    ztimer_t timer = { .callback = _callback, .arg = &work };

    ztimer_set(ZTIMER_USEC, &timer, 500);
    mutex_lock(&work.done);
}

void settle(void)
{
    /* The worker handles a request and an event in turns */
    for (unsigned i = 0; i <= CONFIG_RBPF_EVENTS; i++) {
        rbpf_find("none", NULL);
    }
}

void remove_all(void)
{
    static const char *const names[] = { "a", "b", "c" };

    for (unsigned i = 0; i < 3; i++) {
        rbpf_remove(names[i]);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } parts[] = {
        { "start", test_start },
        { "install", test_install },
        { "bind", test_bind },
        { "hooks", test_hooks },
        { "events", test_events },
        { "helpers", test_helpers },
        { "execute", test_execute },
        { "faults", test_faults },
        { "tenants", test_tenants },
        { "kv", test_kv },
        { "interrupt", test_interrupt },
    };

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        printf("part %s\n", parts[i].name);
        parts[i].function();
        remove_all();
    }
    printf("%u passed, %u failed\n", _passed, _failed);

    return 0;
}
