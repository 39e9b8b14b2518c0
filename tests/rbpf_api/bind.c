/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Bindings to paths and hooks
 *
 * @}
 */

#include "api.h"
#include "sum.rbpf.h"
#include "ztimer.h"

/* 33 characters, one too many */
#define LONG "234567890123456789012345678901234"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("bound");
static rbpf_hook_t _other = RBPF_HOOK_INIT("12345678901234567890123456789012");

static void _register(void)
{
    static rbpf_hook_t same = RBPF_HOOK_INIT("bound");
    static rbpf_hook_t nameless = RBPF_HOOK_INIT(NULL);
    static rbpf_hook_t empty = RBPF_HOOK_INIT("");
    static rbpf_hook_t path = RBPF_HOOK_INIT("/bound");
    static rbpf_hook_t blank = RBPF_HOOK_INIT("bo und");
    static rbpf_hook_t foreign = RBPF_HOOK_INIT("\xff");
    static rbpf_hook_t endless = RBPF_HOOK_INIT(LONG);
    static rbpf_hook_t timer = RBPF_HOOK_INIT("every:10");

    EXPECT("hook without hook", -EINVAL, rbpf_hook_register(NULL));
    EXPECT("hook without name", -EINVAL, rbpf_hook_register(&nameless));
    EXPECT("hook of empty name", -EINVAL, rbpf_hook_register(&empty));
    EXPECT("hook of a path's name", -EINVAL, rbpf_hook_register(&path));
    EXPECT("hook of name with blank", -EINVAL, rbpf_hook_register(&blank));
    EXPECT("hook of name that is no UTF-8", -EINVAL, rbpf_hook_register(&foreign));
    EXPECT("hook of long name", -EINVAL, rbpf_hook_register(&endless));
    EXPECT("hook of a timer's name", -EINVAL, rbpf_hook_register(&timer));
    EXPECT("bind to hook before it is known", -ENOENT, rbpf_bind("a", "bound"));
    EXPECT("hook", 0, rbpf_hook_register(&_hook));
    EXPECT("hook a second time", -EEXIST, rbpf_hook_register(&_hook));
    EXPECT("hook of the same name", -EEXIST, rbpf_hook_register(&same));
    EXPECT("hook of longest name", 0, rbpf_hook_register(&_other));
}

static void _paths(void)
{
    EXPECT("bind without name", -EINVAL, rbpf_bind(NULL, "/a"));
    EXPECT("bind without target", -EINVAL, rbpf_bind("a", NULL));
    EXPECT("bind of nothing", -ENOENT, rbpf_bind("d", "/a"));
    EXPECT("bind to long path", -EINVAL, rbpf_bind("a", "/" LONG));
    EXPECT("bind to path with blank", -EINVAL, rbpf_bind("a", "/a b"));
    EXPECT("bind to empty target", -ENOENT, rbpf_bind("a", ""));
    EXPECT("bind to hook that there is not", -ENOENT, rbpf_bind("a", "none"));
    EXPECT("bind to the module's path", -EEXIST, rbpf_bind("a", "/rbpf/x"));
    EXPECT("bind to the server's path", -EEXIST, rbpf_bind("a", "/.well-known/core"));
    EXPECT("bind to path", 0, rbpf_bind("a", "/a"));
    EXPECT("bind to path a second time", -EEXIST, rbpf_bind("a", "/a"));
    EXPECT("bind another to path", 0, rbpf_bind("b", "/a"));
    EXPECT("unbind that one", 0, rbpf_unbind("b", "/a"));
    EXPECT("unbind without target", -EINVAL, rbpf_unbind("a", NULL));
    EXPECT("unbind of nothing", -ENOENT, rbpf_unbind("d", "/a"));
    EXPECT("unbind where nothing is", -ENOENT, rbpf_unbind(NULL, "/b"));
    EXPECT("unbind another", -ENOENT, rbpf_unbind("b", "/a"));
    EXPECT("unbind at long path", -ENOENT, rbpf_unbind(NULL, "/" LONG));
    EXPECT("unbind", 0, rbpf_unbind("a", "/a"));
    EXPECT("unbind a second time", -ENOENT, rbpf_unbind("a", "/a"));
}

static void _timers(void)
{
    rbpf_info_t before = { 0 };
    rbpf_info_t info = { 0 };
    uint32_t begin = ztimer_now(ZTIMER_MSEC);

    EXPECT("bind to timer without time", -EINVAL, rbpf_bind("a", "every:"));
    EXPECT("bind to timer of no time", -EINVAL, rbpf_bind("a", "every:0"));
    EXPECT("bind to timer of long time", -EINVAL, rbpf_bind("a", "after:1073741824"));
    EXPECT("bind to timer", 0, rbpf_bind("a", "every:10"));
    EXPECT("bind to timer a second time", -EEXIST, rbpf_bind("a", "every:10"));
    EXPECT("bind to timer that is due once", 0, rbpf_bind("b", "after:10"));
    EXPECT("look before timers", 0, rbpf_find("a", &before));
    ztimer_sleep(ZTIMER_MSEC, 105);
    EXPECT("look after ten times", 0, rbpf_find("a", &info));
    uint32_t most = (ztimer_now(ZTIMER_MSEC) - begin) / 10 + 1;
    /* Native may be held up, and misses times then */
    EXPECT("runs of a timer", 1, info.runs - before.runs >= 2 && info.runs - before.runs <= most);
    EXPECT("one binding left", 1, info.bindings);
    EXPECT("look at what was due once", 0, rbpf_find("b", &info));
    EXPECT("it ran once", 1, info.runs);
    EXPECT("it is not bound any more", 0, info.bindings);
    EXPECT("unbind from timer", 0, rbpf_unbind("a", "every:10"));
    EXPECT("unbind from timer that was due", -ENOENT, rbpf_unbind("b", "after:10"));
    EXPECT("look before nothing", 0, rbpf_find("a", &before));
    ztimer_sleep(ZTIMER_MSEC, 30);
    EXPECT("look after nothing", 0, rbpf_find("a", &info));
    EXPECT("no runs without timer", before.runs, info.runs);
}

static void _hooks(void)
{
    rbpf_info_t info = { 0 };
    rbpf_binding_t binding = { 0 };

    EXPECT("no binding at a position", -ENOENT, rbpf_binding_at(0, &binding));
    EXPECT("bind to hook", 0, rbpf_bind("a", "bound"));
    EXPECT("bind to hook a second time", -EEXIST, rbpf_bind("a", "bound"));
    EXPECT("bind to hook of longest name", 0, rbpf_bind("a", "12345678901234567890123456789012"));
    EXPECT("bind another to hook", 0, rbpf_bind("b", "bound"));
    EXPECT("bind one more", 0, rbpf_bind("b", "/b"));
    EXPECT("bind when the table is full", -ENOMEM, rbpf_bind("b", "/c"));
    EXPECT("find what is bound", 0, rbpf_find("a", &info));
    EXPECT("number of bindings", 2, info.bindings);
    EXPECT("trigger both", 2, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("binding at a position", 0, rbpf_binding_at(2, &binding));
    EXPECT("its target", 0, strcmp(binding.target, "bound"));
    EXPECT("its container", 0, strcmp(binding.name, "b"));
    EXPECT("events that have come to it", 1, binding.events);
    EXPECT("binding to the longest target", 0, rbpf_binding_at(1, &binding));
    EXPECT("all of the target", 0, strcmp(binding.target, "12345678901234567890123456789012"));
    EXPECT("events that have not come to it", 0, binding.events);
    EXPECT("binding without place", 0, rbpf_binding_at(3, NULL));
    EXPECT("no binding at the end", -ENOENT, rbpf_binding_at(4, &binding));
    EXPECT("no binding at the last position", -ENOENT, rbpf_binding_at(UINT32_MAX, &binding));
    EXPECT("unbind one of two", 0, rbpf_unbind("a", "bound"));
    EXPECT("trigger the other", 1, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("bind it again", 0, rbpf_bind("a", "bound"));
    EXPECT("unbind all", 0, rbpf_unbind(NULL, "bound"));
    EXPECT("trigger none", 0, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("remove with bindings", 0, rbpf_remove("a"));
    EXPECT("trigger none of longest name", 0, rbpf_hook_trigger(&_other, NULL, 0, NULL, 0, NULL));
}

void test_bind(void)
{
    EXPECT("install a to be bound", 0, rbpf_install("a", IMAGE(sum)));
    EXPECT("install b to be bound", 0, rbpf_install("b", IMAGE(sum)));
    _register();
    _paths();
    _timers();
    _hooks();
}
