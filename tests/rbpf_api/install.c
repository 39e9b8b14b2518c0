/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Containers come, are replaced, and go
 *
 * @}
 */

#include "api.h"
#include "fault.rbpf.h"
#include "sum.rbpf.h"
#include "sum2.rbpf.h"
#include "unknown.rbpf.h"

static const uint8_t _junk[600] __attribute__((aligned(8))) = { 'r', 'B', 'P', 'F', 0xff };

/* Bytes of an image before its text */
#define HEADER 24

/* An image, moved or changed */
static uint8_t _copy[sizeof(sum_rbpf) + 8] __attribute__((aligned(8)));

static void _misuse(void)
{
    EXPECT("install without name", -EINVAL, rbpf_install(NULL, IMAGE(sum)));
    EXPECT("install without image", -EINVAL, rbpf_install("a", NULL, 8));
    EXPECT("install without image, of no bytes", -EBADMSG, rbpf_install("a", NULL, 0));
    EXPECT("install of endless length", -EINVAL, rbpf_install("a", _junk, SIZE_MAX));
    EXPECT("install up to the end of memory", -EINVAL, rbpf_install("a", _junk, -(uintptr_t)_junk));
    EXPECT("install of half of all memory", -ENOMEM, rbpf_install("a", _junk, SIZE_MAX / 4));
    EXPECT("install of empty name", -EINVAL, rbpf_install("", IMAGE(sum)));
    EXPECT("install of long name", -EINVAL, rbpf_install("12345678901234567", IMAGE(sum)));
    EXPECT("install of name with blank", -EINVAL, rbpf_install("a b", IMAGE(sum)));
    EXPECT("install of name beyond ASCII", -EINVAL, rbpf_install("\xc3\xa9", IMAGE(sum)));
    EXPECT("install of name that is no UTF-8", -EINVAL, rbpf_install("\xff", IMAGE(sum)));
    EXPECT("install of no bytes", -EBADMSG, rbpf_install("a", _junk, 0));
    EXPECT("install of junk", -EBADMSG, rbpf_install("a", _junk, 300));
    EXPECT("install of too much", -ENOMEM, rbpf_install("a", _junk, sizeof(_junk)));
    EXPECT("install of half an image", -EBADMSG, rbpf_install("a", sum_rbpf, sizeof(sum_rbpf) / 2));
    EXPECT("install with unknown helper", -EBADMSG, rbpf_install("a", IMAGE(unknown)));
    memcpy(_copy, IMAGE(fault));
    /* An opcode that there is not */
    _copy[HEADER] = 0xff;
    EXPECT("install of bad instruction", -EBADMSG, rbpf_install("a", _copy, sizeof(fault_rbpf)));
    EXPECT("nothing is there", -ENOENT, rbpf_find("a", NULL));
}

static void _life(void)
{
    rbpf_info_t info = { 0 };
    char name[17];

    memcpy(_copy + 1, IMAGE(sum));
    EXPECT("install, not aligned", 0, rbpf_install("a", _copy + 1, sizeof(sum_rbpf)));
    EXPECT("install a second time", -EEXIST, rbpf_install("a", IMAGE(sum)));
    EXPECT("install of longest name", 0, rbpf_install("1234567890123456", IMAGE(sum)));
    EXPECT("find of longest name", 0, rbpf_find("1234567890123456", NULL));
    EXPECT("install of the last", 0, rbpf_install("c", IMAGE(sum)));
    EXPECT("longest name at a position", 0, rbpf_at(1, name, NULL));
    EXPECT("all of it", 0, strcmp(name, "1234567890123456"));
    EXPECT("install of one more", -ENOMEM, rbpf_install("d", IMAGE(sum)));
    EXPECT("remove of longest name", 0, rbpf_remove("1234567890123456"));
    EXPECT("install in its slot", 0, rbpf_install("b", IMAGE(sum)));
    EXPECT("find", 0, rbpf_find("b", &info));
    EXPECT("slot", 1, info.slot);
    EXPECT("generation", 1, info.generation);
    EXPECT("size", sizeof(sum_rbpf), info.size);
    EXPECT("bindings", 0, info.bindings);
    EXPECT("capabilities", 0, info.capabilities);
    EXPECT("runs", 0, info.runs);
    EXPECT("container at a position", 0, rbpf_at(1, name, &info));
    EXPECT("its name", 0, strcmp(name, "b"));
    EXPECT("its slot", 1, info.slot);
    EXPECT("name and container in one place", -EINVAL, rbpf_at(1, (char *)&info, &info));
    EXPECT("name within the container", -EINVAL,
           rbpf_at(1, (char *)&info + 8, &info));
    EXPECT("container without places", 0, rbpf_at(2, NULL, NULL));
    EXPECT("no container at a position", -ENOENT, rbpf_at(3, name, &info));
    EXPECT("no container at the last position", -ENOENT, rbpf_at(UINT32_MAX, name, &info));
    EXPECT("find without name", -EINVAL, rbpf_find(NULL, &info));
    EXPECT("find of nothing", -ENOENT, rbpf_find("d", &info));
    EXPECT("find of long name", -ENOENT, rbpf_find("12345678901234567", &info));
    EXPECT("find leaves what it does not find", 1, info.slot);
    EXPECT("remove without name", -EINVAL, rbpf_remove(NULL));
    EXPECT("remove of nothing", -ENOENT, rbpf_remove("d"));
    EXPECT("remove of long name", -ENOENT, rbpf_remove("12345678901234567"));
    EXPECT("remove", 0, rbpf_remove("b"));
    EXPECT("remove a second time", -ENOENT, rbpf_remove("b"));
    EXPECT("find after remove", -ENOENT, rbpf_find("b", NULL));
}

static void _replace(void)
{
    static rbpf_hook_t hook = RBPF_HOOK_INIT("replaced");
    rbpf_info_t info = { 0 };
    uint8_t context[] = { 3, 4 };
    int64_t result = 0;

    EXPECT("hook for replace", 0, rbpf_hook_register(&hook));
    EXPECT("bind before replace", 0, rbpf_bind("a", "replaced"));
    EXPECT("store before replace", 0, rbpf_kv_store("a", 7, 7));
    EXPECT("run before replace", 1, rbpf_hook_trigger(&hook, context, 2, NULL, 0, &result));
    EXPECT("result before replace", 7, result);
    EXPECT("replace without name", -EINVAL, rbpf_replace(NULL, IMAGE(sum2)));
    EXPECT("replace without image", -EINVAL, rbpf_replace("a", NULL, 8));
    EXPECT("replace of endless length", -EINVAL, rbpf_replace("a", sum2_rbpf, SIZE_MAX));
    EXPECT("replace of nothing", -ENOENT, rbpf_replace("d", IMAGE(sum2)));
    EXPECT("replace by junk", -EBADMSG, rbpf_replace("a", _junk, 300));
    EXPECT("replace by no bytes", -EBADMSG, rbpf_replace("a", NULL, 0));
    EXPECT("replace by too much", -ENOMEM, rbpf_replace("a", _junk, sizeof(_junk)));
    EXPECT("replace, not aligned", -EBADMSG, rbpf_replace("a", _copy + 1, sizeof(sum_rbpf)));
    EXPECT("run after refusals", 1, rbpf_hook_trigger(&hook, context, 2, NULL, 0, &result));
    EXPECT("result after refusals", 7, result);
    EXPECT("value after refusals", 0, rbpf_kv_fetch("a", 7, NULL));
    EXPECT("replace", 0, rbpf_replace("a", IMAGE(sum2)));
    EXPECT("run after replace", 1, rbpf_hook_trigger(&hook, context, 2, NULL, 0, &result));
    EXPECT("result after replace", 1007, result);
    EXPECT("value after replace", -ENOENT, rbpf_kv_fetch("a", 7, NULL));
    EXPECT("find after replace", 0, rbpf_find("a", &info));
    EXPECT("runs after replace", 1, info.runs);
    EXPECT("bindings after replace", 1, info.bindings);
    EXPECT("generation after replace", 1, info.generation);
    EXPECT("remove what is bound", 0, rbpf_remove("a"));
    EXPECT("trigger after remove", 0, rbpf_hook_trigger(&hook, context, 2, NULL, 0, &result));
}

void test_install(void)
{
    _misuse();
    _life();
    _replace();
}
