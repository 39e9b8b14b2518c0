/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Key-value stores, and whose share is used up
 *
 * @}
 */

#include "api.h"
#include "fill.rbpf.h"
#include "sum.rbpf.h"

/* Of the application and of each slot */
#define SHARE (CONFIG_RBPF_KV_ENTRIES / (CONFIG_RBPF_SLOTS + 1))

static rbpf_hook_t _hook = RBPF_HOOK_INIT("kv");

static void _values(void)
{
    uint32_t value = 0;
    rbpf_kv_t entry = { 0 };

    EXPECT("no value at a position", -ENOENT, rbpf_kv_at(0, &entry));
    EXPECT("fetch of nothing", -ENOENT, rbpf_kv_fetch(NULL, 5, &value));
    EXPECT("fetch from no container", -ENOENT, rbpf_kv_fetch("d", 5, &value));
    EXPECT("fetch from empty name", -ENOENT, rbpf_kv_fetch("", 5, &value));
    EXPECT("store to no container", -ENOENT, rbpf_kv_store("d", 5, 5));
    EXPECT("erase from no container", -ENOENT, rbpf_kv_erase("d", 5));
    EXPECT("erase of nothing", -ENOENT, rbpf_kv_erase(NULL, 5));
    EXPECT("store", 0, rbpf_kv_store(NULL, 5, 55));
    EXPECT("fetch", 0, rbpf_kv_fetch(NULL, 5, &value));
    EXPECT("what was fetched", 55, value);
    EXPECT("fetch without place", 0, rbpf_kv_fetch(NULL, 5, NULL));
    EXPECT("stores are not the same", -ENOENT, rbpf_kv_fetch("a", 5, &value));
    EXPECT("store over it", 0, rbpf_kv_store(NULL, 5, UINT32_MAX));
    EXPECT("fetch it again", 0, rbpf_kv_fetch(NULL, 5, &value));
    EXPECT("largest value", UINT32_MAX, value);
    EXPECT("largest key", 0, rbpf_kv_store(NULL, UINT32_MAX, 1));
    EXPECT("store in a container's store", 0, rbpf_kv_store("b", 4, 44));
    EXPECT("value at a position", 0, rbpf_kv_at(1, &entry));
    EXPECT("its store is the global one", 0, strcmp(entry.store, ""));
    EXPECT("its key", UINT32_MAX, entry.key);
    EXPECT("the value", 1, entry.value);
    EXPECT("value of a container", 0, rbpf_kv_at(2, &entry));
    EXPECT("its store is the container's", 0, strcmp(entry.store, "b"));
    EXPECT("key and value", 444, entry.key * 100 + entry.value);
    EXPECT("value without place", 0, rbpf_kv_at(0, NULL));
    EXPECT("no value at the end", -ENOENT, rbpf_kv_at(3, &entry));
    EXPECT("no value at the last position", -ENOENT, rbpf_kv_at(UINT32_MAX, &entry));
    EXPECT("erase in the container's store", 0, rbpf_kv_erase("b", 4));
    EXPECT("erase", 0, rbpf_kv_erase(NULL, 5));
    EXPECT("erase a second time", -ENOENT, rbpf_kv_erase(NULL, 5));
    EXPECT("erase largest key", 0, rbpf_kv_erase(NULL, UINT32_MAX));
    EXPECT("fetch what was erased", -ENOENT, rbpf_kv_fetch(NULL, 5, &value));
    EXPECT("fetch leaves what it does not find", UINT32_MAX, value);
}

static void _shares(void)
{
    int32_t stored[2] = { 0, -1 };

    EXPECT("application stores one", 0, rbpf_kv_store(NULL, 1, 1));
    EXPECT("application stores its last", 0, rbpf_kv_store(NULL, SHARE, 1));
    EXPECT("application stores one more", -ENOMEM, rbpf_kv_store(NULL, SHARE + 1, 1));
    EXPECT("application stores over its own", 0, rbpf_kv_store(NULL, SHARE, 2));

    EXPECT("container fills its store", 1,
           rbpf_hook_trigger(&_hook, stored, sizeof(stored), NULL, 0, NULL));
    EXPECT("container was refused", -28, stored[0]);
    EXPECT("container has its share", 0, rbpf_kv_fetch("a", SHARE - 1, NULL));
    EXPECT("container has no more", -ENOENT, rbpf_kv_fetch("a", SHARE, NULL));
    EXPECT("application stores for that container", -ENOMEM, rbpf_kv_store("a", SHARE, 1));
    EXPECT("application stores over that container's", 0, rbpf_kv_store("a", 0, 77));
    EXPECT("application stores for another", 0, rbpf_kv_store("b", 0, 1));
    EXPECT("application erases in a container's store", 0, rbpf_kv_erase("a", 0));
    EXPECT("application stores in its place", 0, rbpf_kv_store("a", 1000, 1));
    EXPECT("application erases its own", 0, rbpf_kv_erase(NULL, 1));
    EXPECT("application has room", 0, rbpf_kv_store(NULL, 3, 1));

    EXPECT("remove what has stored", 0, rbpf_remove("a"));
    EXPECT("install in its place", 0, rbpf_install("a", IMAGE(fill)));
    EXPECT("its store is empty", -ENOENT, rbpf_kv_fetch("a", 1000, NULL));
    EXPECT("bind in its place", 0, rbpf_bind("a", "kv"));
    stored[0] = -1;
    stored[1] = 0;
    EXPECT("container fills the global store", 1,
           rbpf_hook_trigger(&_hook, stored, sizeof(stored), NULL, 0, NULL));
    EXPECT("container was refused there, too", -28, stored[1]);
    EXPECT("container has its share there", 0, rbpf_kv_fetch(NULL, 100 + SHARE - 1, NULL));
    EXPECT("application keeps its own", 0, rbpf_kv_fetch(NULL, 3, NULL));
    EXPECT("application erases what the container stored", 0, rbpf_kv_erase(NULL, 100));
    EXPECT("that is the container's room", -ENOMEM, rbpf_kv_store(NULL, 4, 1));
    EXPECT("and the container can use it", 0, rbpf_kv_store("a", 4, 1));
    EXPECT("remove what has stored globally", 0, rbpf_remove("a"));
    EXPECT("what it stored is gone", -ENOENT, rbpf_kv_fetch(NULL, 101, NULL));
}

static void _executed(void)
{
    int32_t stored[2] = { 0, -1 };
    rbpf_kv_t entry = { 0 };

    EXPECT("erase the application's one", 0, rbpf_kv_erase(NULL, SHARE));
    EXPECT("erase the application's other", 0, rbpf_kv_erase(NULL, 3));
    EXPECT("what is executed fills its store", 0,
           rbpf_execute(IMAGE(fill), stored, sizeof(stored), NULL, 0, 1000, NULL));
    EXPECT("what is executed was refused", -28, stored[0]);
    EXPECT("that is the application's share", -ENOMEM, rbpf_kv_store(NULL, 1, 1));
    EXPECT("value of what is executed", 0, rbpf_kv_at(1, &entry));
    EXPECT("nobody can name its store", 0, strcmp(entry.store, "-"));
    EXPECT("containers have theirs", 0, rbpf_kv_store("b", 1, 1));
}

void test_kv(void)
{
    EXPECT("register hook for values", 0, rbpf_hook_register(&_hook));
    EXPECT("install who fills stores", 0, rbpf_install("a", IMAGE(fill)));
    EXPECT("bind who fills stores", 0, rbpf_bind("a", "kv"));
    EXPECT("install another", 0, rbpf_install("b", IMAGE(sum)));
    _values();
    _shares();
    /* The last, since nothing erases that store */
    _executed();
}
