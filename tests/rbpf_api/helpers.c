/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Helpers of the application's own
 *
 * @}
 */

#include "allowed.rbpf.h"
#include "api.h"
#include "denied.rbpf.h"
#include "memory.rbpf.h"
#include "reenter.rbpf.h"
#include "sum.rbpf.h"
#include "value.rbpf.h"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("helpers");

/* What the last call was given, and how many there were */
static rbpf_argument_t _last;
static unsigned _calls;

static int64_t _weigh(const rbpf_argument_t *arguments, void *user)
{
    int64_t sum = (uintptr_t)user;

    for (unsigned i = 0; i < 5; i++) {
        sum += (int64_t)arguments[i].value * (i + 1);
        sum += (arguments[i].data != NULL) + arguments[i].length;
    }
    return sum;
}

static int64_t _input(const rbpf_argument_t *arguments, void *user)
{
    const uint8_t *bytes = arguments[0].data;
    int64_t sum = 0;

    (void)user;
    _last = arguments[0];
    _calls++;
    for (size_t i = 0; i < arguments[0].length; i++) {
        sum += bytes[i];
    }
    return sum;
}

static int64_t _output(const rbpf_argument_t *arguments, void *user)
{
    (void)user;
    _last = arguments[0];
    _calls++;
    memset(arguments[0].data, 0x55, arguments[0].length);
    return -5;
}

static int64_t _in_out(const rbpf_argument_t *arguments, void *user)
{
    uint8_t *bytes = arguments[0].data;

    (void)user;
    _last = arguments[0];
    _calls++;
    for (size_t i = 0; i < arguments[0].length; i++) {
        bytes[i]++;
    }
    return 0;
}

static int64_t _reenter(const rbpf_argument_t *arguments, void *user)
{
    rbpf_stats_t stats;

    (void)user;
    switch (arguments[0].value) {
    case 0:
        return rbpf_install("b", IMAGE(sum));
    case 1:
        return rbpf_replace("a", IMAGE(sum));
    case 2:
        return rbpf_remove("a");
    case 3:
        return rbpf_find("a", NULL);
    case 4:
        return rbpf_bind("a", "/a");
    case 5:
        return rbpf_unbind("a", "helpers");
    case 6:
        return rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL);
    case 7:
        return rbpf_execute(IMAGE(sum), NULL, 0, NULL, 0, 100, NULL);
    case 8:
        return rbpf_kv_fetch(NULL, 1, NULL);
    case 9:
        return rbpf_kv_store(NULL, 1, 1);
    case 10:
        return rbpf_kv_erase(NULL, 1);
    case 11:
        return rbpf_hook_post(&_hook, NULL, 0);
    case 12:
        return rbpf_stats(&stats);
    default:
        return rbpf_init();
    }
}

static int64_t _sensor(const rbpf_argument_t *arguments, void *user)
{
    (void)arguments;
    (void)user;
    return 23;
}

static void _register(void)
{
    static rbpf_helper_t weigh = RBPF_HELPER_INIT(RBPF_HELPER_FIRST, RBPF_CAPABILITY_APPLICATION,
                                                  40000, _weigh, (void *)10000, RBPF_VALUE);
    static rbpf_helper_t input = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 1,
                                                  RBPF_CAPABILITY_APPLICATION, 0, _input, NULL,
                                                  RBPF_INPUT(RBPF_LENGTH_FOLLOWS), RBPF_VALUE);
    static rbpf_helper_t output = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 2,
                                                   RBPF_CAPABILITY_APPLICATION, 0, _output, NULL,
                                                   RBPF_OUTPUT(RBPF_LENGTH_FOLLOWS), RBPF_VALUE);
    static rbpf_helper_t in_out = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 3, 0, 0, _in_out, NULL,
                                                   RBPF_IN_OUT(4));
    static rbpf_helper_t reenter = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 4, 0, 0, _reenter, NULL,
                                                    RBPF_VALUE);
    static rbpf_helper_t sensor = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 5, RBPF_CAPABILITY_SENSOR,
                                                   0, _sensor, NULL, RBPF_VALUE);
    static rbpf_helper_t low = RBPF_HELPER_INIT(RBPF_HELPER_FIRST - 1, 0, 0, _sensor, NULL,
                                                RBPF_VALUE);
    static rbpf_helper_t foreign = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 6, 0x80000000, 0, _sensor,
                                                    NULL, RBPF_VALUE);
    static rbpf_helper_t strange = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 6, 0, 0, _sensor, NULL,
                                                    { RBPF_PARAMETER_IN_OUT + 1, 4 });
    static rbpf_helper_t unsized_ = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 6, 0, 0, _sensor, NULL,
                                                     RBPF_VALUE, RBPF_VALUE, RBPF_VALUE,
                                                     RBPF_VALUE,
                                                     RBPF_INPUT(RBPF_LENGTH_FOLLOWS));
    static rbpf_helper_t empty = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 6, 0, 0, NULL, (void *)1,
                                                  RBPF_VALUE);
    static rbpf_helper_t same = RBPF_HELPER_INIT(RBPF_HELPER_FIRST, 0, 0, _sensor, NULL,
                                                 RBPF_VALUE);

    EXPECT("install before its helper is known", -EBADMSG, rbpf_install("a", IMAGE(value)));
    EXPECT("helper without helper", -EINVAL, rbpf_helper_register(NULL));
    EXPECT("helper without function", -EINVAL, rbpf_helper_register(&empty));
    EXPECT("helper of low number", -EINVAL, rbpf_helper_register(&low));
    EXPECT("helper of undefined capability", -EINVAL, rbpf_helper_register(&foreign));
    EXPECT("helper of undefined parameter", -EINVAL, rbpf_helper_register(&strange));
    EXPECT("helper with memory of no length", -EINVAL, rbpf_helper_register(&unsized_));
    EXPECT("helper with values", 0, rbpf_helper_register(&weigh));
    EXPECT("helper a second time", -EEXIST, rbpf_helper_register(&weigh));
    EXPECT("helper of the same number", -EEXIST, rbpf_helper_register(&same));
    EXPECT("helper with input", 0, rbpf_helper_register(&input));
    EXPECT("helper with output", 0, rbpf_helper_register(&output));
    EXPECT("helper with both", 0, rbpf_helper_register(&in_out));
    EXPECT("helper that calls the module", 0, rbpf_helper_register(&reenter));
    EXPECT("helper of another capability", 0, rbpf_helper_register(&sensor));
}

static void _values(void)
{
    /* Five arguments, and how often */
    int64_t context[6] = { 1, -2, 3, (int64_t)1 << 40, 5, 1 };
    int64_t result = 0;
    rbpf_info_t info = { 0 };

    EXPECT("install with helper", 0, rbpf_install("a", IMAGE(value)));
    EXPECT("bind with helper", 0, rbpf_bind("a", "helpers"));
    EXPECT("call with values", 1,
           rbpf_hook_trigger(&_hook, context, sizeof(context), NULL, 0, &result));
    EXPECT("all 64 bits of values", 10000 + 1 - 4 + 9 + 25, result - ((int64_t)4 << 40));
    EXPECT("find who called", 0, rbpf_find("a", &info));
    EXPECT("calls counted", 1, info.helper_calls);
    EXPECT("capability granted", RBPF_CAPABILITY_APPLICATION, info.capabilities);
    EXPECT("cost is not executed", 1, info.instructions < 50);
    context[5] = 2;
    EXPECT("cost within the budget", 0,
           rbpf_execute(IMAGE(value), context, sizeof(context), NULL, 0, BUDGET, NULL));
    EXPECT("cost beyond the budget", -ECANCELED,
           rbpf_execute(IMAGE(value), context, sizeof(context), NULL, 0, 40000, NULL));
}

/* As in containers/memory.c */
typedef struct {
    uint64_t address;
    uint64_t length;
    uint8_t helper;
    uint8_t bytes[7];
} _memory_t;

static _memory_t _context;
static uint8_t _readable[4];
static uint8_t _writable[4];
static uint8_t _both[4];

/* Has one of the helpers called with this memory */
static int _call(uint8_t helper, uint64_t address, uint64_t length, int64_t *result)
{
    rbpf_region_t regions[] = {
        { _readable, sizeof(_readable), RBPF_REGION_READ },
        { _writable, sizeof(_writable), RBPF_REGION_WRITE },
        { _both, sizeof(_both), RBPF_REGION_READ | RBPF_REGION_WRITE },
    };

    _context.address = address;
    _context.length = length;
    _context.helper = helper;
    return rbpf_execute(IMAGE(memory), &_context, sizeof(_context), regions, 3, BUDGET, result);
}

static void _memory(void)
{
    const uint64_t bytes = GUEST_CONTEXT + offsetof(_memory_t, bytes);
    int64_t result = 0;

    memcpy(_context.bytes, "\1\2\3\4\5\6\7", 7);
    EXPECT("input", 0, _call(1, bytes, 7, &result));
    EXPECT("what was input", 28, result);
    EXPECT("input is where it is", 1, _last.data == _context.bytes);
    EXPECT("length of input", 7, _last.length);
    EXPECT("register of input", bytes, _last.value);
    EXPECT("input of region", 0, _call(1, GUEST_REGION(0), 4, &result));
    EXPECT("input of no bytes", 0, _call(1, GUEST_REGION(0), 0, &result));
    EXPECT("length of no bytes", 0, _last.length);
    EXPECT("output", 0, _call(2, bytes + 1, 2, &result));
    EXPECT("result of output", -5, result);
    EXPECT("before what was output", 1, _context.bytes[0]);
    EXPECT("what was output", 0x55, _context.bytes[2]);
    EXPECT("after what was output", 4, _context.bytes[3]);
    EXPECT("output to region", 0, _call(2, GUEST_REGION(1), 4, NULL));
    EXPECT("what was output to region", 0x55, _writable[3]);
    EXPECT("in and out", 0, _call(3, bytes + 3, 0, NULL));
    EXPECT("what was in and out", 8, _context.bytes[6]);
    EXPECT("in and out of region", 0, _call(3, GUEST_REGION(2), 0, NULL));
    EXPECT("what was in and out of region", 1, _both[3]);

    _calls = 0;
    EXPECT("input beyond its end", -EFAULT, _call(1, bytes, 8, &result));
    EXPECT("input of null", -EFAULT, _call(1, 0, 1, &result));
    EXPECT("input of wild pointer", -EFAULT, _call(1, 0x42000000, 1, &result));
    EXPECT("input of long address", -EFAULT, _call(1, bytes | ((uint64_t)1 << 32), 1, &result));
    EXPECT("input of host address", -EFAULT, _call(1, (uintptr_t)&_context, 1, &result));
    EXPECT("input of endless length", -EFAULT, _call(1, bytes, UINT64_MAX, &result));
    EXPECT("input of length that wraps", -EFAULT, _call(1, bytes, -bytes, &result));
    EXPECT("input of length beyond 32 bits", -EFAULT, _call(1, bytes, (uint64_t)1 << 32, &result));
    EXPECT("input of what is to be written", -EFAULT, _call(1, GUEST_REGION(1), 4, &result));
    EXPECT("output to what is to be read", -EFAULT, _call(2, GUEST_REGION(0), 4, &result));
    EXPECT("output beyond its end", -EFAULT, _call(2, GUEST_REGION(1), 5, &result));
    EXPECT("in and out of what is to be read", -EFAULT, _call(3, GUEST_REGION(0), 0, &result));
    EXPECT("in and out of what is to be written", -EFAULT, _call(3, GUEST_REGION(1), 0, &result));
    EXPECT("in and out beyond its end", -EFAULT, _call(3, bytes + 4, 0, &result));
    EXPECT("none of these was called", 0, _calls);
    EXPECT("nothing was output", 0, _readable[0]);
}

/* Has a helper call a function of the module */
static int64_t _within(uint64_t which)
{
    int64_t result = 0;

    rbpf_execute(IMAGE(reenter), &which, sizeof(which), NULL, 0, BUDGET, &result);
    return result;
}

static void _reentry(void)
{
    EXPECT("install within a helper", -EDEADLK, _within(0));
    EXPECT("replace within a helper", -EDEADLK, _within(1));
    EXPECT("remove within a helper", -EDEADLK, _within(2));
    EXPECT("find within a helper", -EDEADLK, _within(3));
    EXPECT("bind within a helper", -EDEADLK, _within(4));
    EXPECT("unbind within a helper", -EDEADLK, _within(5));
    EXPECT("trigger within a helper", -EDEADLK, _within(6));
    EXPECT("execute within a helper", -EDEADLK, _within(7));
    EXPECT("fetch within a helper", -EDEADLK, _within(8));
    EXPECT("store within a helper", -EDEADLK, _within(9));
    EXPECT("erase within a helper", -EDEADLK, _within(10));
    EXPECT("post within a helper", 0, _within(11));
    EXPECT("stats within a helper", 0, _within(12));
    EXPECT("start within a helper", -EALREADY, _within(13));
    settle();
}

static void _capabilities(void)
{
    int64_t result = 0;

    EXPECT("install without the capability", -EBADMSG, rbpf_install("b", IMAGE(denied)));
    EXPECT("execute without the capability", -EBADMSG,
           rbpf_execute(IMAGE(denied), NULL, 0, NULL, 0, 100, NULL));
    EXPECT("install with the capability", 0, rbpf_install("b", IMAGE(allowed)));
    EXPECT("execute with the capability", 0,
           rbpf_execute(IMAGE(allowed), NULL, 0, NULL, 0, BUDGET, &result));
    EXPECT("result with the capability", 23, result);
}

void test_helpers(void)
{
    EXPECT("register hook for helpers", 0, rbpf_hook_register(&_hook));
    _register();
    _values();
    _memory();
    _reentry();
    _capabilities();
}
