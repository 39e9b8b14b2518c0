/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Events that interrupts and threads leave behind
 *
 * @}
 */

#include <stdio.h>

#include "account.rbpf.h"
#include "api.h"
#include "endless.rbpf.h"
#include "forge.rbpf.h"
#include "long.rbpf.h"
#include "speak.rbpf.h"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("events");
static rbpf_hook_t _long = RBPF_HOOK_INIT("long");
static rbpf_hook_t _own = RBPF_HOOK_INIT("boot");
static rbpf_hook_t _watch = RBPF_HOOK_INIT("kv:global:9");
static int _results[CONFIG_RBPF_EVENTS + 1];

static void _post(void)
{
    for (uint32_t i = 0; i <= CONFIG_RBPF_EVENTS; i++) {
        uint32_t context = 100 << i;
        _results[i] = rbpf_hook_post(&_hook, &context, sizeof(context));
    }
}

/* What containers/account.c has counted */
static uint32_t _balance(void)
{
    uint32_t value = 0;

    rbpf_kv_fetch(NULL, 1, &value);
    return value;
}

static void _boot(void)
{
    uint32_t before = _balance();

    EXPECT("boot, nothing bound", 0, rbpf_boot());
    EXPECT("name of the module's own hook", -EEXIST, rbpf_hook_register(&_own));
    EXPECT("bind to boot", 0, rbpf_bind("a", "boot"));
    EXPECT("boot", 1, rbpf_boot());
    EXPECT("what ran at boot", before + 1, _balance());
    EXPECT("unbind from boot", 0, rbpf_unbind("a", "boot"));
}

static void _changes(void)
{
    uint32_t before = _balance();

    EXPECT("watch without key", -EINVAL, rbpf_bind("a", "kv:global:"));
    EXPECT("watch no store", -EINVAL, rbpf_bind("a", "kv:a:9"));
    EXPECT("watch without right", -EACCES, rbpf_bind("a", "kv:tenant:9"));
    EXPECT("hook called as a watch", -EINVAL, rbpf_hook_register(&_watch));
    EXPECT("watch", 0, rbpf_bind("a", "kv:global:9"));
    EXPECT("watch again", -EEXIST, rbpf_bind("a", "kv:global:9"));
    EXPECT("store another value", 0, rbpf_kv_store(NULL, 8, 1));
    settle();
    EXPECT("another value is no event", before, _balance());
    EXPECT("store what is watched", 0, rbpf_kv_store(NULL, 9, 1));
    settle();
    EXPECT("a change is an event", before + 9, _balance());
    EXPECT("store the same", 0, rbpf_kv_store(NULL, 9, 1));
    settle();
    EXPECT("the same is none", before + 9, _balance());
    EXPECT("erase what is watched", 0, rbpf_kv_erase(NULL, 9));
    settle();
    EXPECT("its end is an event", before + 18, _balance());
    EXPECT("erase the other", 0, rbpf_kv_erase(NULL, 8));
    EXPECT("unwatch", 0, rbpf_unbind("a", "kv:global:9"));
}

static void _pauses(void)
{
    uint32_t context = 77;
    uint32_t value = 0;
    rbpf_info_t info;

    EXPECT("install who takes long", 0, rbpf_install("b", IMAGE(long)));
    EXPECT("bind who takes long", 0, rbpf_bind("b", "long"));
    EXPECT("budget of one who is waited for", -ECANCELED,
           rbpf_hook_trigger(&_long, &context, sizeof(context), NULL, 0, NULL));
    EXPECT("look up who was waited for", 0, rbpf_find("b", &info));
    EXPECT("that run was stopped", 1, info.faults);

    EXPECT("post to who takes long", 0, rbpf_hook_post(&_long, &context, sizeof(context)));
    /* Each of these is a turn of the worker's */
    for (unsigned i = 0; i < 10 && rbpf_kv_fetch("b", 0, &value) < 0; i++) {}
    EXPECT("a paused run has ended", 77, value);
    EXPECT("look up who was paused", 0, rbpf_find("b", &info));
    EXPECT("that was one run", 2, info.runs);
    EXPECT("that run was not stopped", 1, info.faults);
    EXPECT("longest run", 2 * 125000 + 6, info.longest_run);
    EXPECT("remove who took long", 0, rbpf_remove("b"));

    EXPECT("install who never ends", 0, rbpf_install("b", IMAGE(endless)));
    EXPECT("bind who never ends", 0, rbpf_bind("b", "long"));
    EXPECT("post to who never ends", 0, rbpf_hook_post(&_long, NULL, 0));
    for (unsigned i = 0; i < 10; i++) {
        rbpf_find("b", &info);
    }
    EXPECT("it has ended", 1, info.faults);
    EXPECT("remove who never ends", 0, rbpf_remove("b"));
}

void test_events(void)
{
    static const uint8_t context[CONFIG_RBPF_EVENT_SIZE + 1] = { 1 };
    rbpf_stats_t before = { 0 };
    rbpf_stats_t after = { 0 };

    EXPECT("register hook for events", 0, rbpf_hook_register(&_hook));
    EXPECT("install for events", 0, rbpf_install("a", IMAGE(account)));
    EXPECT("post without hook", -EINVAL, rbpf_hook_post(NULL, NULL, 0));
    EXPECT("post, nothing bound", 0, rbpf_hook_post(&_hook, NULL, 0));
    EXPECT("bind for events", 0, rbpf_bind("a", "events"));
    settle();
    EXPECT("post where nothing was bound", 0, _balance());

    EXPECT("post of too much", -EINVAL, rbpf_hook_post(&_hook, context, sizeof(context)));
    EXPECT("post without memory", -EINVAL, rbpf_hook_post(&_hook, NULL, 1));
    EXPECT("post of endless length", -EINVAL, rbpf_hook_post(&_hook, context, SIZE_MAX));
    EXPECT("post of as much as may be", 0, rbpf_hook_post(&_hook, context, CONFIG_RBPF_EVENT_SIZE));
    EXPECT("post of nothing", 0, rbpf_hook_post(&_hook, NULL, 0));
    settle();
    EXPECT("events from a thread", 2, _balance());

    rbpf_stats(&before);
    in_interrupt(_post);
    settle();
    rbpf_stats(&after);
    EXPECT("first event from an interrupt", 0, _results[0]);
    EXPECT("second event from an interrupt", 0, _results[1]);
    EXPECT("one event too many", -ENOMEM, _results[2]);
    EXPECT("events lost", 1, after.events_lost - before.events_lost);
    EXPECT("events from an interrupt", 2 + 100 + 200, _balance());
    in_interrupt(_post);
    settle();
    EXPECT("events from an interrupt once more", 2 + 2 * (100 + 200), _balance());

    EXPECT("register hook for long runs", 0, rbpf_hook_register(&_long));
    _pauses();
    _boot();
    _changes();
    EXPECT("remove with events", 0, rbpf_remove("a"));
    EXPECT("value is gone", 0, _balance());

    /* 01-run.py looks at the lines that this prints */
    EXPECT("install who speaks", 0, rbpf_install("a", IMAGE(speak)));
    EXPECT("bind who speaks", 0, rbpf_bind("a", "events"));
    EXPECT("trigger who speaks", 1, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("execute who speaks", 0, rbpf_execute(IMAGE(speak), NULL, 0, NULL, 0, BUDGET, NULL));
    EXPECT("post for who speaks", 0, rbpf_hook_post(&_hook, NULL, 0));
    settle();
    EXPECT("install who forges", 0, rbpf_install("b", IMAGE(forge)));
    EXPECT("bind who forges", 0, rbpf_bind("b", "events"));
    EXPECT("trigger who speaks and who forges", 2, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("remove who forges", 0, rbpf_remove("b"));
}
