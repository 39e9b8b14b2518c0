/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Tenants: what each may have, and that it ends there
 *
 * @}
 */

#include "api.h"
#include "endless.rbpf.h"
#include "fill.rbpf.h"
#include "share.rbpf.h"
#include "sum.rbpf.h"

/** What `share.c` gets */
typedef struct {
    uint32_t count;
    int32_t stored;
} _share_t;

static rbpf_hook_t _alices = RBPF_HOOK_INIT("alice's");
static rbpf_hook_t _bobs = RBPF_HOOK_INIT("bob's");

static const rbpf_tenant_t _alice = {
    .name = "alice",
    .capabilities = RBPF_CAPABILITY_KV_TENANT,
    .slots = 2,
    .bindings = 2,
    .values = 1,
};

static int _add(const char *name, uint32_t capabilities)
{
    rbpf_tenant_t tenant = _alice;

    tenant.name = name;
    tenant.capabilities = capabilities;
    tenant.rate = 10;
    return rbpf_tenant_add(&tenant);
}

/* One that is promised so many paused runs, and there is one place for them */
static int _add_paused(uint8_t paused)
{
    rbpf_tenant_t tenant = _alice;

    tenant.name = "mallory";
    tenant.paused = paused;
    return rbpf_tenant_add(&tenant);
}

static int _run(rbpf_hook_t *hook, _share_t *share)
{
    int64_t result = -1;

    memset(share, 0, sizeof(*share));
    rbpf_hook_trigger(hook, share, sizeof(*share), NULL, 0, &result);
    return result;
}

static void _added(void)
{
    EXPECT("tenant that is NULL", -EINVAL, rbpf_tenant_add(NULL));
    EXPECT("tenant without name", -EINVAL, _add(NULL, 0));
    EXPECT("tenant with empty name", -EINVAL, _add("", 0));
    EXPECT("tenant with long name", -EINVAL, _add("12345678901234567", 0));
    EXPECT("tenant with blank", -EINVAL, _add("al ice", 0));
    EXPECT("tenant with capability that is none", -EINVAL, _add("bob", UINT32_C(1) << 31));
    EXPECT("tenant that means all", -EINVAL, _add("global", 0));
    EXPECT("tenant of two segments", -EINVAL, _add("al/ice", 0));
    EXPECT("promise more than can be kept", -ENOMEM, _add_paused(2));
    EXPECT("add tenant", 0, rbpf_tenant_add(&_alice));
    EXPECT("add tenant again", -EEXIST, rbpf_tenant_add(&_alice));
    EXPECT("add another", 0, _add("bob", RBPF_CAPABILITY_KV_TENANT | RBPF_CAPABILITY_KV_LOCAL));
    EXPECT("add one more than there is room for", -ENOMEM, _add("carol", 0));
}

static void _installed(void)
{
    rbpf_info_t info;

    EXPECT("for tenant NULL", -EINVAL, rbpf_install_for(NULL, "a", IMAGE(share)));
    EXPECT("for no tenant", -ENOENT, rbpf_install_for("carol", "a", IMAGE(share)));
    EXPECT("for empty tenant", -ENOENT, rbpf_install_for("", "a", IMAGE(share)));
    EXPECT("no name for tenant", -EINVAL, rbpf_install_for("alice", NULL, IMAGE(share)));
    EXPECT("name of a store", -EINVAL, rbpf_install_for("alice", "@a", IMAGE(share)));
    EXPECT("no image for tenant", -EINVAL, rbpf_install_for("alice", "a", NULL, 64));
    EXPECT("what tenant is not allowed", -EBADMSG, rbpf_install_for("alice", "a", IMAGE(fill)));
    EXPECT("what another is not, either", -EBADMSG, rbpf_install_for("bob", "a", IMAGE(fill)));
    EXPECT("install for tenant", 0, rbpf_install_for("alice", "a", IMAGE(share)));
    EXPECT("look up tenant's", 0, rbpf_find("a", &info));
    EXPECT("number of its tenant", 1, info.tenant);
    EXPECT("what tenant allows", RBPF_CAPABILITY_KV_TENANT, info.capabilities);
    EXPECT("replace by what tenant is not allowed", -EBADMSG, rbpf_replace("a", IMAGE(fill)));
    EXPECT("replace tenant's", 0, rbpf_replace("a", IMAGE(share)));
    EXPECT("look up replaced", 0, rbpf_find("a", &info));
    EXPECT("tenant of replaced", 1, info.tenant);
    EXPECT("install second for tenant", 0, rbpf_install_for("alice", "b", IMAGE(sum)));
    EXPECT("install third for tenant", -ENOMEM, rbpf_install_for("alice", "c", IMAGE(sum)));
    EXPECT("install for other tenant", 0, rbpf_install_for("bob", "c", IMAGE(share)));
    EXPECT("look up other tenant's", 0, rbpf_find("c", &info));
    EXPECT("number of other tenant", 2, info.tenant);
}

static void _bound(void)
{
    EXPECT("register alice's hook", 0, rbpf_hook_register(&_alices));
    EXPECT("register bob's hook", 0, rbpf_hook_register(&_bobs));
    EXPECT("bind tenant's", 0, rbpf_bind("a", "alice's"));
    EXPECT("bind tenant's second", 0, rbpf_bind("b", "/b"));
    EXPECT("bind tenant's third", -ENOMEM, rbpf_bind("b", "/c"));
    EXPECT("bind other tenant's to its path", -EEXIST, rbpf_bind("c", "/b"));
    EXPECT("bind other tenant's", 0, rbpf_bind("c", "bob's"));
    EXPECT("unbind tenant's", 0, rbpf_unbind("b", "/b"));
}

static void _shared(void)
{
    uint32_t value = 0;
    rbpf_kv_t entry = { 0 };
    _share_t share;

    EXPECT("tenant's quota is used up", -28, _run(&_alices, &share));
    EXPECT("tenant stored its one value", 1, share.stored);
    EXPECT("tenant's store is read", 0, rbpf_kv_fetch("@alice", 0, &value));
    EXPECT("tenant's value", 1, value);
    EXPECT("tenant's value at a position", 0, rbpf_kv_at(0, &entry));
    EXPECT("its store is the tenant's", 0, strcmp(entry.store, "@alice"));
    EXPECT("tenant runs again", -28, _run(&_alices, &share));
    EXPECT("tenant finds its value", 1, share.count);
    _run(&_bobs, &share);
    EXPECT("other tenant finds nothing", 0, share.count);
    EXPECT("nobody's store is empty", -ENOENT, rbpf_kv_fetch("@", 0, &value));
    EXPECT("store of no tenant", -ENOENT, rbpf_kv_fetch("@carol", 0, &value));
    EXPECT("store for tenant", 0, rbpf_kv_store("@alice", 0, 70));
    EXPECT("tenant runs after that", -28, _run(&_alices, &share));
    EXPECT("tenant finds what was stored", 70, share.count);
    EXPECT("erase tenant's", 0, rbpf_kv_erase("@alice", 0));
    EXPECT("erase for no tenant", -ENOENT, rbpf_kv_erase("@carol", 0));
}

static void _throttled(void)
{
    rbpf_info_t info;
    _share_t share;

    /* Its runs have taken more than 10 instructions, the rate of its tenant */
    EXPECT("tenant over its rate does not run", -1, _run(&_bobs, &share));
    EXPECT("look up who did not run", 0, rbpf_find("c", &info));
    EXPECT("that was denied", 1, info.denied);
    EXPECT("replace one by a loop", 0, rbpf_replace("b", IMAGE(endless)));
    EXPECT("bind the loop", 0, rbpf_bind("b", "bob's"));
    EXPECT("loop does not keep others from running", -28, _run(&_alices, &share));
}

void test_tenants(void)
{
    _added();
    _installed();
    _bound();
    _shared();
    _throttled();
}
