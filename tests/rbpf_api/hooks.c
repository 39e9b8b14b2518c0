/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Hooks with contexts, regions and several containers
 *
 * @}
 */

#include "api.h"
#include "append.rbpf.h"
#include "copy.rbpf.h"
#include "endless.rbpf.h"
#include "fault.rbpf.h"
#include "sum.rbpf.h"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("hook");
static rbpf_hook_t _first = RBPF_HOOK_INIT_POLICY("first", RBPF_POLICY_FIRST_NON_ZERO);
static rbpf_hook_t _agree = RBPF_HOOK_INIT_POLICY("agree", RBPF_POLICY_ALL);
static rbpf_hook_t _careful = RBPF_HOOK_INIT_POLICY("careful", RBPF_POLICY_STOP_ON_FAULT);
static rbpf_hook_t _made_up = RBPF_HOOK_INIT_POLICY("made-up", 4);
static rbpf_hook_t _undefined = RBPF_HOOK_INIT_RIGHTS("undefined", RBPF_POLICY_LAST, 1u << 31, 0);
static rbpf_hook_t _closed = RBPF_HOOK_INIT_RIGHTS("closed", RBPF_POLICY_LAST,
                                                   RBPF_CAPABILITY_PACKET, 0);
static rbpf_hook_t _deaf = RBPF_HOOK_INIT_RIGHTS("deaf", RBPF_POLICY_LAST, 0,
                                                 RBPF_CAPABILITY_PACKET);

/* As in containers/append.c */
typedef struct {
    uint8_t length;
    char text[7];
} _text_t;

/* As in containers/copy.c */
typedef struct {
    uint64_t from;
    uint64_t to;
    uint32_t count;
} _copy_t;

static void _nothing_bound(void)
{
    int64_t result = -7;

    EXPECT("trigger without hook", -EINVAL, rbpf_hook_trigger(NULL, NULL, 0, NULL, 0, NULL));
    EXPECT("trigger unbound", 0, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, &result));
    EXPECT("result of unbound", -7, result);
}

static void _order(void)
{
    _text_t context = { 0 };
    int64_t result = 0;

    EXPECT("install a to append", 0, rbpf_install("a", IMAGE(append)));
    EXPECT("install b to append", 0, rbpf_install("b", IMAGE(append)));
    EXPECT("install c to append", 0, rbpf_install("c", IMAGE(append)));
    EXPECT("letter of a", 0, rbpf_kv_store("a", 0, 'a'));
    EXPECT("letter of b", 0, rbpf_kv_store("b", 0, 'b'));
    EXPECT("letter of c", 0, rbpf_kv_store("c", 0, 'c'));
    EXPECT("bind b first", 0, rbpf_bind("b", "hook"));
    EXPECT("bind c second", 0, rbpf_bind("c", "hook"));
    EXPECT("bind a third", 0, rbpf_bind("a", "hook"));
    EXPECT("trigger three", 3,
           rbpf_hook_trigger(&_hook, &context, sizeof(context), NULL, 0, &result));
    EXPECT("order of three", 0, strcmp(context.text, "bca"));
    EXPECT("result of the last", 3, result);
    EXPECT("all fault without context", -EFAULT, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, &result));
    EXPECT("result is left when all fault", 3, result);
    EXPECT("context without memory", -EINVAL, rbpf_hook_trigger(&_hook, NULL, 8, NULL, 0, NULL));
    EXPECT("context of endless length", -EINVAL,
           rbpf_hook_trigger(&_hook, &context, SIZE_MAX, NULL, 0, NULL));
    EXPECT("context longer than a region", -EINVAL,
           rbpf_hook_trigger(&_hook, &context, (1 << 24) + 1, NULL, 0, NULL));
}

static void _regions(void)
{
    static uint8_t from[4] = { 1, 2, 3, 4 };
    static uint8_t to[4];
    _copy_t context = { GUEST_REGION(0), GUEST_REGION(1), 4 };
    rbpf_region_t regions[] = {
        { from, 4, RBPF_REGION_READ },
        { to, 4, RBPF_REGION_WRITE },
    };
    rbpf_info_t info = { 0 };

    EXPECT("install to copy", 0, rbpf_install("a", IMAGE(copy)));
    EXPECT("bind to copy", 0, rbpf_bind("a", "hook"));
    EXPECT("copy", 1, rbpf_hook_trigger(&_hook, &context, sizeof(context), regions, 2, NULL));
    EXPECT("what was copied", 5, to[3]);
    context.count = 5;
    EXPECT("read beyond region", -EFAULT,
           rbpf_hook_trigger(&_hook, &context, sizeof(context), regions, 2, NULL));
    context = (_copy_t){ GUEST_REGION(1), GUEST_REGION(1), 4 };
    EXPECT("read of region to be written", -EFAULT,
           rbpf_hook_trigger(&_hook, &context, sizeof(context), regions, 2, NULL));
    context = (_copy_t){ GUEST_REGION(0), GUEST_REGION(0), 4 };
    EXPECT("write to region to be read", -EFAULT,
           rbpf_hook_trigger(&_hook, &context, sizeof(context), regions, 2, NULL));
    EXPECT("region to be read is unchanged", 1, from[0]);
    context = (_copy_t){ GUEST_REGION(0), GUEST_REGION(2), 4 };
    EXPECT("write to region that is not granted", -EFAULT,
           rbpf_hook_trigger(&_hook, &context, sizeof(context), regions, 2, NULL));
    EXPECT("find what faulted", 0, rbpf_find("a", &info));
    EXPECT("runs counted", 5, info.runs);
    EXPECT("faults counted", 4, info.faults);
    EXPECT("no helper called", 0, info.helper_calls);
    EXPECT("pc of the fault", 1, info.fault_pc > 0);
    EXPECT("instructions counted", 1, info.instructions > info.longest_run);
}

/* What would write the hook or the array of regions while they are in use */
static void _overlaps(void)
{
    rbpf_region_t region = { &_hook, sizeof(_hook), RBPF_REGION_READ };
    rbpf_region_t regions[] = { { &region, 1, RBPF_REGION_READ } };
    union {
        uint8_t bytes[8];
        int64_t result;
    } context = { .bytes = { 40, 2 } };

    EXPECT("install what overlaps", 0, rbpf_install("a", IMAGE(sum)));
    EXPECT("bind what overlaps", 0, rbpf_bind("a", "hook"));
    EXPECT("hook as context", -EINVAL,
           rbpf_hook_trigger(&_hook, &_hook, sizeof(_hook), NULL, 0, NULL));
    EXPECT("context over the end of the hook", -EINVAL,
           rbpf_hook_trigger(&_hook, (uint8_t *)(&_hook + 1) - 1, 2, NULL, 0, NULL));
    EXPECT("region to be read over the hook", -EINVAL,
           rbpf_hook_trigger(&_hook, NULL, 0, &region, 1, NULL));
    region.rights = RBPF_REGION_WRITE;
    EXPECT("region to be written over the hook", -EINVAL,
           rbpf_hook_trigger(&_hook, NULL, 0, &region, 1, NULL));
    EXPECT("context over the array of a hook's regions", -EINVAL,
           rbpf_hook_trigger(&_hook, regions, sizeof(regions), regions, 1, NULL));
    EXPECT("result over the array of a hook's regions", -EINVAL,
           rbpf_hook_trigger(&_hook, NULL, 0, regions, 1, (void *)regions));
    EXPECT("array of a hook's regions as a region to be read", 1,
           rbpf_hook_trigger(&_hook, NULL, 0, &(rbpf_region_t){ regions, 1, RBPF_REGION_READ }, 1,
                             NULL));
    EXPECT("result of a hook within the context", 1,
           rbpf_hook_trigger(&_hook, &context, 2, NULL, 0, &context.result));
    EXPECT("result of a hook is written last", 42, context.result);
    EXPECT("result over the hook", -EINVAL,
           rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, (void *)&_hook));
    EXPECT("the hook is as it was", 1,
           rbpf_hook_trigger(&_hook, context.bytes, 2, NULL, 0, NULL));
}

static void _several(void)
{
    uint8_t context[] = { 40, 2 };
    int64_t result = 0;
    rbpf_info_t info = { 0 };

    EXPECT("install a fault", 0, rbpf_install("a", IMAGE(fault)));
    EXPECT("bind a fault", 0, rbpf_bind("a", "hook"));
    EXPECT("trigger a fault", -EFAULT, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("install a sum", 0, rbpf_install("b", IMAGE(sum)));
    EXPECT("bind a sum", 0, rbpf_bind("b", "hook"));
    EXPECT("install a loop", 0, rbpf_install("c", IMAGE(endless)));
    EXPECT("bind a loop", 0, rbpf_bind("c", "hook"));
    EXPECT("trigger fault, sum and loop", 1,
           rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("result of the only one that returned", 42, result);
    EXPECT("unbind the sum", 0, rbpf_unbind("b", "hook"));
    EXPECT("fault first", -EFAULT, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("unbind the fault", 0, rbpf_unbind("a", "hook"));
    EXPECT("loop only", -ECANCELED, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("bind the fault again", 0, rbpf_bind("a", "hook"));
    EXPECT("loop first", -ECANCELED, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("result is left", 42, result);
    EXPECT("find the loop", 0, rbpf_find("c", &info));
    EXPECT("runs of the loop", 4, info.runs);
    EXPECT("each costs its budget", 4 * info.longest_run, info.instructions);
}

static void _policies(void)
{
    uint8_t context[] = { 40, 2 };
    uint8_t zero[] = { 0, 0 };
    int64_t result = -7;

    EXPECT("policy that is none", -EINVAL, rbpf_hook_register(&_made_up));
    EXPECT("capability that is none", -EINVAL, rbpf_hook_register(&_undefined));
    EXPECT("register first", 0, rbpf_hook_register(&_first));
    EXPECT("register agree", 0, rbpf_hook_register(&_agree));
    EXPECT("register careful", 0, rbpf_hook_register(&_careful));
    EXPECT("install one sum", 0, rbpf_install("a", IMAGE(sum)));
    EXPECT("install a fault beside it", 0, rbpf_install("b", IMAGE(fault)));
    EXPECT("sum decides first", 0, rbpf_bind("a", "first"));
    EXPECT("fault would be next", 0, rbpf_bind("b", "first"));
    EXPECT("only the sum runs", 1, rbpf_hook_trigger(&_first, context, 2, NULL, 0, &result));
    EXPECT("what it decides", 42, result);
    EXPECT("undecided", 1, rbpf_hook_trigger(&_first, zero, 2, NULL, 0, &result));
    EXPECT("0 is the result then", 0, result);
    EXPECT("unbind sum", 0, rbpf_unbind("a", "first"));
    EXPECT("unbind fault", 0, rbpf_unbind("b", "first"));

    EXPECT("sum agrees", 0, rbpf_bind("a", "agree"));
    EXPECT("agreement", 1, rbpf_hook_trigger(&_agree, context, 2, NULL, 0, &result));
    EXPECT("result of agreement", 42, result);
    EXPECT("no agreement", 1, rbpf_hook_trigger(&_agree, zero, 2, NULL, 0, &result));
    EXPECT("result of disagreement", 0, result);
    EXPECT("unbind what agreed", 0, rbpf_unbind("a", "agree"));

    result = -7;
    EXPECT("sum before fault", 0, rbpf_bind("a", "careful"));
    EXPECT("fault after sum", 0, rbpf_bind("b", "careful"));
    EXPECT("a fault ends it all", -EFAULT,
           rbpf_hook_trigger(&_careful, context, 2, NULL, 0, &result));
    EXPECT("there is no result", -7, result);
    EXPECT("unbind careful fault", 0, rbpf_unbind("b", "careful"));
    EXPECT("without it", 1, rbpf_hook_trigger(&_careful, context, 2, NULL, 0, &result));
    EXPECT("there is one", 42, result);
}

static void _rights(void)
{
    uint8_t context[] = { 40, 2 };
    int64_t result = -7;
    rbpf_info_t info = { 0 };

    EXPECT("register closed", 0, rbpf_hook_register(&_closed));
    EXPECT("register deaf", 0, rbpf_hook_register(&_deaf));
    EXPECT("install without rights", 0, rbpf_install("a", IMAGE(sum)));
    EXPECT("bind without the right", -EACCES, rbpf_bind("a", "closed"));
    EXPECT("trigger what nobody may be bound to", 0,
           rbpf_hook_trigger(&_closed, context, 2, NULL, 0, &result));
    EXPECT("bind without a say", 0, rbpf_bind("a", "deaf"));
    EXPECT("it runs", 1, rbpf_hook_trigger(&_deaf, context, 2, NULL, 0, &result));
    EXPECT("and is not listened to", -7, result);
    EXPECT("look without rights", 0, rbpf_find("a", &info));
    EXPECT("what it said is counted", 1, info.denied);
}

static void _quarantine(void)
{
    uint8_t context[] = { 40, 2 };
    int64_t result = 0;
    rbpf_info_t info = { 0 };

    EXPECT("install what faults", 0, rbpf_install("a", IMAGE(fault)));
    EXPECT("bind what faults", 0, rbpf_bind("a", "hook"));
    for (unsigned i = 1; i < CONFIG_RBPF_FAULT_LIMIT; i++) {
        rbpf_hook_trigger(&_hook, context, 2, NULL, 0, NULL);
    }
    EXPECT("look before the last fault", 0, rbpf_find("a", &info));
    EXPECT("not yet quarantined", 0, info.quarantined);
    EXPECT("the last fault", -EFAULT, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, NULL));
    EXPECT("look after the last fault", 0, rbpf_find("a", &info));
    EXPECT("quarantined", 1, info.quarantined);
    EXPECT("as many faults as allowed", CONFIG_RBPF_FAULT_LIMIT, info.faults);
    EXPECT("passed over", 0, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("install what works", 0, rbpf_install("b", IMAGE(sum)));
    EXPECT("bind what works", 0, rbpf_bind("b", "hook"));
    EXPECT("others run", 1, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, &result));
    EXPECT("with their result", 42, result);
    EXPECT("release nobody", -EINVAL, rbpf_release(NULL));
    EXPECT("release unknown", -ENOENT, rbpf_release("none"));
    EXPECT("release", 0, rbpf_release("a"));
    EXPECT("look after release", 0, rbpf_find("a", &info));
    EXPECT("no longer quarantined", 0, info.quarantined);
    EXPECT("what was denied is counted", 2, info.denied);
    EXPECT("faults are still counted", CONFIG_RBPF_FAULT_LIMIT, info.faults);
    EXPECT("it runs again", 1, rbpf_hook_trigger(&_hook, context, 2, NULL, 0, NULL));
    EXPECT("look once more", 0, rbpf_find("a", &info));
    EXPECT("and faults again", CONFIG_RBPF_FAULT_LIMIT + 1, info.faults);
}

void test_hooks(void)
{
    EXPECT("register hook", 0, rbpf_hook_register(&_hook));
    _nothing_bound();
    _order();
    remove_all();
    _regions();
    remove_all();
    _overlaps();
    remove_all();
    _several();
    remove_all();
    _policies();
    remove_all();
    _rights();
    remove_all();
    _quarantine();
}
