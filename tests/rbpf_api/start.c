/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Before and after the start of the module; its counters
 *
 * @}
 */

#include "api.h"
#include "auto_init_utils.h"
#include "sum.rbpf.h"

static int _install;
static int _find;
static int _post;
static int _stats;
static int _trigger;

/* Before the module, which comes last */
static void _early(void)
{
    static rbpf_hook_t hook = RBPF_HOOK_INIT("early");
    rbpf_stats_t stats;

    _install = rbpf_install("a", IMAGE(sum));
    _find = rbpf_find("a", NULL);
    _trigger = rbpf_hook_trigger(&hook, NULL, 0, NULL, 0, NULL);
    _post = rbpf_hook_post(&hook, NULL, 0);
    _stats = rbpf_stats(&stats);
}

AUTO_INIT(_early, 5999);

void test_start(void)
{
    rbpf_stats_t before = { 0 };
    rbpf_stats_t after = { 0 };

    EXPECT("install before the start", -ENODEV, _install);
    EXPECT("find before the start", -ENODEV, _find);
    EXPECT("trigger before the start, nothing bound", 0, _trigger);
    EXPECT("post before the start, nothing bound", 0, _post);
    EXPECT("stats before the start", 0, _stats);
    EXPECT("start a second time", -EALREADY, rbpf_init());
    EXPECT("find after the start", -ENOENT, rbpf_find("a", NULL));

    EXPECT("stats without place", -EINVAL, rbpf_stats(NULL));
    EXPECT("stats", 0, rbpf_stats(&before));
    EXPECT("find, to be counted", -ENOENT, rbpf_find("a", NULL));
    EXPECT("stats once more", 0, rbpf_stats(&after));
    EXPECT("requests counted", 1, after.jobs - before.jobs);
    EXPECT("none refused", 0, after.refused);
    EXPECT("none too late", 0, after.timeouts);
    EXPECT("no event lost", 0, after.events_lost);
}
