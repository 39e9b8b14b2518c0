/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Nothing that waits may be called in an interrupt
 *
 * @}
 */

#include "api.h"
#include "sum.rbpf.h"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("interrupt");
static rbpf_stats_t _stats;
static int _results[22];

static void _all(void)
{
    uint8_t context[4] = { 0 };
    uint32_t value;
    int *next = _results;

    *next++ = rbpf_init();
    *next++ = rbpf_install("b", IMAGE(sum));
    *next++ = rbpf_replace("a", IMAGE(sum));
    *next++ = rbpf_remove("a");
    *next++ = rbpf_find("a", NULL);
    *next++ = rbpf_bind("a", "/a");
    *next++ = rbpf_unbind(NULL, "interrupt");
    *next++ = rbpf_hook_trigger(&_hook, context, sizeof(context), NULL, 0, NULL);
    *next++ = rbpf_execute(IMAGE(sum), context, sizeof(context), NULL, 0, 100, NULL);
    *next++ = rbpf_kv_fetch(NULL, 1, &value);
    *next++ = rbpf_kv_store(NULL, 1, 1);
    *next++ = rbpf_kv_erase(NULL, 1);
    *next++ = rbpf_hook_post(&_hook, context, sizeof(context));
    *next++ = rbpf_stats(&_stats);
    *next++ = rbpf_boot();
    *next++ = rbpf_tenant_add(&(rbpf_tenant_t){ .name = "late" });
    *next++ = rbpf_install_for("late", "b", IMAGE(sum));
    *next++ = rbpf_fault(0, NULL);
    *next++ = rbpf_digest("a", (uint8_t[32]){ 0 });
    *next++ = rbpf_at(0, NULL, NULL);
    *next++ = rbpf_binding_at(0, NULL);
    *next++ = rbpf_kv_at(0, NULL);
}

void test_interrupt(void)
{
    rbpf_stats_t before = { 0 };
    rbpf_info_t info = { 0 };

    EXPECT("register hook for interrupts", 0, rbpf_hook_register(&_hook));
    EXPECT("install for interrupts", 0, rbpf_install("a", IMAGE(sum)));
    EXPECT("bind for interrupts", 0, rbpf_bind("a", "interrupt"));
    rbpf_stats(&before);
    in_interrupt(_all);
    EXPECT("start in an interrupt", -EPERM, _results[0]);
    EXPECT("install in an interrupt", -EPERM, _results[1]);
    EXPECT("replace in an interrupt", -EPERM, _results[2]);
    EXPECT("remove in an interrupt", -EPERM, _results[3]);
    EXPECT("find in an interrupt", -EPERM, _results[4]);
    EXPECT("bind in an interrupt", -EPERM, _results[5]);
    EXPECT("unbind in an interrupt", -EPERM, _results[6]);
    EXPECT("trigger in an interrupt", -EPERM, _results[7]);
    EXPECT("execute in an interrupt", -EPERM, _results[8]);
    EXPECT("fetch in an interrupt", -EPERM, _results[9]);
    EXPECT("store in an interrupt", -EPERM, _results[10]);
    EXPECT("erase in an interrupt", -EPERM, _results[11]);
    EXPECT("post in an interrupt", 0, _results[12]);
    EXPECT("stats in an interrupt", 0, _results[13]);
    EXPECT("boot in an interrupt", -EPERM, _results[14]);
    EXPECT("add tenant in an interrupt", -EPERM, _results[15]);
    EXPECT("install for tenant in an interrupt", -EPERM, _results[16]);
    EXPECT("fault in an interrupt", -EPERM, _results[17]);
    EXPECT("digest in an interrupt", -EPERM, _results[18]);
    EXPECT("container at a position in an interrupt", -EPERM, _results[19]);
    EXPECT("binding in an interrupt", -EPERM, _results[20]);
    EXPECT("value in an interrupt", -EPERM, _results[21]);
    EXPECT("no request in an interrupt", 0, _stats.jobs - before.jobs);
    settle();
    EXPECT("find after interrupt", 0, rbpf_find("a", &info));
    EXPECT("only the event ran", 1, info.runs);
}
