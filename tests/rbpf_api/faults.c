/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       The last faults, and which images they were of
 *
 * @}
 */

#include "api.h"
#include "endless.rbpf.h"
#include "fault.rbpf.h"
#include "hashes/sha256.h"
#include "sum.rbpf.h"
#include "versioned.rbpf.h"

static rbpf_hook_t _hook = RBPF_HOOK_INIT("faults");

static void _kept(void)
{
    rbpf_fault_t fault = { .kind = 99 };
    rbpf_info_t info = { 0 };

    EXPECT("register hook for faults", 0, rbpf_hook_register(&_hook));
    EXPECT("install to fault", 0, rbpf_install("a", IMAGE(fault)));
    EXPECT("install to loop", 0, rbpf_install("b", IMAGE(endless)));
    EXPECT("bind to fault", 0, rbpf_bind("a", "faults"));
    EXPECT("let it fault", -EFAULT, rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL));
    EXPECT("find who faulted", 0, rbpf_find("a", &info));
    EXPECT("last fault", 0, rbpf_fault(0, &fault));
    EXPECT("name of who faulted", 0, strcmp(fault.name, "a"));
    EXPECT("kind of fault", RBPF_FAULT_INVALID_READ, fault.kind);
    EXPECT("pc of fault", 1, fault.pc);
    EXPECT("address of fault", 0, fault.address);
    EXPECT("slot of who faulted", info.slot, fault.slot);
    EXPECT("generation of who faulted", info.generation, fault.generation);
    EXPECT("stack pointer at fault", 1, fault.registers[10] >> 24);
    EXPECT("last fault, without place", 0, rbpf_fault(0, NULL));

    EXPECT("execute to loop", -ECANCELED, rbpf_execute(IMAGE(endless), NULL, 0, NULL, 0, 100, NULL));
    EXPECT("fault of what was not installed", 0, rbpf_fault(0, &fault));
    EXPECT("it has no name", 0, strcmp(fault.name, "-"));
    EXPECT("it lay in no slot", 255, fault.slot);
    EXPECT("kind of loop", RBPF_FAULT_BUDGET_EXHAUSTED, fault.kind);
    EXPECT("the fault before", 0, rbpf_fault(1, &fault));
    EXPECT("name of the one before", 0, strcmp(fault.name, "a"));
    EXPECT("as many as are kept", -ENOENT, rbpf_fault(CONFIG_RBPF_FAULT_LOG, &fault));
    EXPECT("more than there can be", -ENOENT, rbpf_fault(UINT32_MAX, &fault));

    EXPECT("remove who faulted", 0, rbpf_remove("a"));
    unsigned own = 0;
    for (unsigned position = 0; rbpf_fault(position, &fault) == 0; position++) {
        own += fault.slot == info.slot && fault.generation == info.generation;
    }
    EXPECT("its fault goes with it", 0, own);
    EXPECT("that of another stays", 0, rbpf_fault(0, &fault));
    EXPECT("with its name", 0, strcmp(fault.name, "-"));
}

static void _identity(void)
{
    rbpf_info_t info = { 0 };
    uint8_t digest[SHA256_DIGEST_LENGTH] = { 0 };
    uint8_t wanted[SHA256_DIGEST_LENGTH];

    EXPECT("install a version", 0, rbpf_install("a", IMAGE(versioned)));
    EXPECT("find a version", 0, rbpf_find("a", &info));
    EXPECT("it has one", 1, info.versioned);
    EXPECT("which one", 7, info.version);
    EXPECT("replace it by one without", 0, rbpf_replace("a", IMAGE(sum)));
    EXPECT("find it without", 0, rbpf_find("a", &info));
    EXPECT("it has none", 0, info.versioned);
    EXPECT("none is 0", 0, info.version);

    EXPECT("digest", 0, rbpf_digest("a", digest));
    sha256(IMAGE(sum), wanted);
    EXPECT("as RIOT has it", 0, memcmp(digest, wanted, sizeof(digest)));
    EXPECT("digest without name", -EINVAL, rbpf_digest(NULL, digest));
    EXPECT("digest without place", -EINVAL, rbpf_digest("a", NULL));
    EXPECT("digest of nobody", -ENOENT, rbpf_digest("none", digest));
}

void test_faults(void)
{
    _kept();
    remove_all();
    _identity();
}
