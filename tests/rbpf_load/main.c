/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       A node with much to do
 *
 * Eight containers of three tenants run on requests, timers, values that change,
 * packets, events from interrupts, and at boot. Two clients ask, over `::1`. One of
 * the tenants is hostile: its containers never end, fault, take all values that
 * they can get, and would have packets dropped. The others must not notice.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "checks.h"
#include "counter.rbpf.h"
#include "endless.rbpf.h"
#include "fault.rbpf.h"
#include "greedy.rbpf.h"
#include "jumps.rbpf.h"
#include "net/gnrc/pktbuf.h"
#include "net/nanocoap_sock.h"
#include "packet_filter.rbpf.h"
#include "publish.rbpf.h"
#include "rbpf.h"
#include "thread.h"
#include "ticks.rbpf.h"
#include "ztimer.h"

#define CLIENTS 2
/* Less urgent than the worker */
#define PRIORITY_CLIENT (THREAD_PRIORITY_MAIN + 2)

/* Milliseconds between events from an interrupt, and bytes of their context */
#define EVENT_MS 5
#define EVENT_SIZE 4
/* Milliseconds of ticks.c's timer, as in its target */
#define TIMER_MS 20

/* Keys of jumps.c, packet_filter.c and publish.c */
#define KEY_CHANGES 0
#define KEY_DROPPED 0x10000
#define KEY_PUBLISHED 0x100
#define COAP_PORT_KEY 5683

typedef struct {
    char stack[THREAD_STACKSIZE_DEFAULT + 512];
    unsigned answered;      /**< requests that were answered rightly */
    unsigned refused;       /**< to the container that never ends */
    unsigned wrong;         /**< answered in any other way, or not */
    volatile bool done;
} _client_t;

static _client_t _clients[CLIENTS];
static volatile bool _loaded;

static rbpf_hook_t _hook = RBPF_HOOK_INIT("load");
static void _tick(void *arg);
static ztimer_t _timer = { .callback = _tick };
static volatile uint32_t _posted;

static const rbpf_tenant_t _tenants[] = {
    {
        .name = "alice",
        .capabilities = RBPF_CAPABILITY_COAP_RESPONSE | RBPF_CAPABILITY_KV_LOCAL
                      | RBPF_CAPABILITY_KV_GLOBAL,
        .slots = 3,
        .bindings = 3,
        .values = 8,
    },
    {
        .name = "bob",
        .capabilities = RBPF_CAPABILITY_KV_LOCAL | RBPF_CAPABILITY_PACKET
                      | RBPF_CAPABILITY_PACKET_DROP,
        .slots = 2,
        .bindings = 4,
        .values = 16,
    },
    {
        .name = "mallory",
        .capabilities = RBPF_CAPABILITY_KV_TENANT | RBPF_CAPABILITY_PACKET,
        .slots = 3,
        .bindings = 6,
        .values = 100,
        .rate = 200000,
    },
};

static const struct {
    const char *tenant;
    const char *name;
    const void *image;
    size_t length;
    const char *targets[3];
} _containers[] = {
    /* What may drop packets is asked before what would like to */
    { "bob", "filter", packet_filter_rbpf, sizeof(packet_filter_rbpf), { "rx:udp" } },
    { "bob", "ticks", ticks_rbpf, sizeof(ticks_rbpf), { "every:20", "load", "boot" } },
    { "alice", "counter", counter_rbpf, sizeof(counter_rbpf), { "/counter" } },
    { "alice", "publish", publish_rbpf, sizeof(publish_rbpf), { "/publish" } },
    { "alice", "jumps", jumps_rbpf, sizeof(jumps_rbpf), { "kv:global:256" } },
    { "mallory", "endless", endless_rbpf, sizeof(endless_rbpf), { "/endless", "every:10" } },
    { "mallory", "fault", fault_rbpf, sizeof(fault_rbpf), { "load", "every:7" } },
    { "mallory", "greedy", greedy_rbpf, sizeof(greedy_rbpf), { "rx:udp", "every:3" } },
};

#define CONTAINERS (sizeof(_containers) / sizeof(_containers[0]))
/* The first of these are not hostile */
#define GOOD 5

static uint32_t _stored(const char *name, uint32_t key)
{
    uint32_t value = 0;

    rbpf_kv_fetch(name, key, &value);
    return value;
}

static rbpf_info_t _info(const char *name)
{
    rbpf_info_t info = { 0 };

    rbpf_find(name, &info);
    return info;
}

/* In an interrupt */
static void _tick(void *arg)
{
    uint32_t context = _posted;

    (void)arg;
    if (rbpf_hook_post(&_hook, &context, EVENT_SIZE) == 0) {
        _posted++;
    }
    if (_loaded) {
        ztimer_set(ZTIMER_MSEC, &_timer, EVENT_MS);
    }
}

/* The number that is at a path, negative for an error */
static int _get(nanocoap_sock_t *sock, const char *path)
{
    char text[16] = { 0 };
    ssize_t length = nanocoap_sock_get(sock, path, text, sizeof(text) - 1);

    return length < 0 ? (int)length : atoi(text);
}

static void *_client(void *arg)
{
    _client_t *client = arg;
    sock_udp_ep_t remote = SOCK_IPV6_EP_ANY;
    nanocoap_sock_t sock;
    int counted = 0;
    int published = 0;

    ipv6_addr_set_loopback((ipv6_addr_t *)&remote.addr.ipv6);
    remote.port = COAP_PORT;
    if (nanocoap_sock_connect(&sock, NULL, &remote) < 0) {
        client->wrong++;
    }
    for (unsigned i = 0; _loaded && client->wrong == 0; i++) {
        int count = _get(&sock, "/counter");
        int value = _get(&sock, "/publish");
        bool good = count > counted && value > published;
        client->answered += 2 * good;
        client->wrong += !good;
        if (!good) {
            printf("counter %d after %d, publish %d after %d\n", count, counted, value, published);
        }
        counted = count;
        published = value;
        if (i % 8 == 0) {
            bool refused = _get(&sock, "/endless") < 0;
            client->refused += refused;
            client->wrong += !refused;
        }
        /* Each request sets a timer, and native's goes off 200 us after it was
         * last set */
        ztimer_sleep(ZTIMER_MSEC, 1);
    }
    nanocoap_sock_close(&sock);
    client->done = true;
    return NULL;
}

static void _install(void)
{
    bool good = true;

    for (unsigned i = 0; i < sizeof(_tenants) / sizeof(_tenants[0]); i++) {
        good &= rbpf_tenant_add(&_tenants[i]) == 0;
    }
    check("tenants", good);
    check("hook", rbpf_hook_register(&_hook) == 0);
    good = true;
    for (unsigned i = 0; i < CONTAINERS; i++) {
        good &= rbpf_install_for(_containers[i].tenant, _containers[i].name,
                                 _containers[i].image, _containers[i].length) == 0;
    }
    check("containers", good);
    /* It wants the right to drop packets, and has not been granted it */
    check("rights", _info("greedy").capabilities
          == (RBPF_CAPABILITY_KV_TENANT | RBPF_CAPABILITY_PACKET));
    good = true;
    for (unsigned i = 0; i < CONTAINERS; i++) {
        for (unsigned j = 0; j < 3 && _containers[i].targets[j]; j++) {
            good &= rbpf_bind(_containers[i].name, _containers[i].targets[j]) == 0;
        }
    }
    check("bindings", good);
    check("boot", rbpf_boot() == 1);
}

static void _load(void)
{
    _loaded = true;
    _tick(NULL);
    for (unsigned i = 0; i < CLIENTS; i++) {
        thread_create(_clients[i].stack, sizeof(_clients[i].stack), PRIORITY_CLIENT, 0,
                      _client, &_clients[i], "client");
    }
    for (unsigned i = 0; i < LOAD_SECONDS; i++) {
        ztimer_sleep(ZTIMER_MSEC, 1000);
    }
    _loaded = false;
    for (unsigned i = 0; i < CLIENTS; i++) {
        while (!_clients[i].done) {
            ztimer_sleep(ZTIMER_MSEC, 10);
        }
    }
    for (unsigned i = 0; i < CONTAINERS; i++) {
        for (unsigned j = 0; j < 3 && _containers[i].targets[j]; j++) {
            rbpf_unbind(_containers[i].name, _containers[i].targets[j]);
        }
    }
    /* What was on its way */
    ztimer_sleep(ZTIMER_MSEC, 100);
}

static void _judge(void)
{
    unsigned answered = 0;
    unsigned refused = 0;
    bool good = true;
    rbpf_stats_t stats;

    for (unsigned i = 0; i < CLIENTS; i++) {
        answered += _clients[i].answered;
        refused += _clients[i].refused;
        good &= _clients[i].answered > 0 && _clients[i].wrong == 0;
    }
    rbpf_stats(&stats);
    printf("%u answered, %u refused, %" PRIu32 " events, %" PRIu32 " lost\n",
           answered, refused, _posted, stats.events_lost);
    for (unsigned i = 0; i < CONTAINERS; i++) {
        rbpf_info_t info = _info(_containers[i].name);
        printf("%s runs %" PRIu32 " faults %" PRIu32 " denied %" PRIu32 "\n",
               _containers[i].name, info.runs, info.faults, info.denied);
    }
    check("every request was answered", good);

    good = true;
    for (unsigned i = 0; i < GOOD; i++) {
        rbpf_info_t info = _info(_containers[i].name);
        good &= info.runs > 0 && info.faults == 0 && info.denied == 0;
    }
    check("the well-behaved had all their runs", good);

    /* Requests may be repeated, and are answered again then */
    uint32_t counted = _stored("counter", 0);
    uint32_t published = _stored(NULL, KEY_PUBLISHED);
    uint32_t changes = _stored("jumps", KEY_CHANGES);
    check("counters add up",
          counted == _info("counter").runs && published == _info("publish").runs
          && changes == _info("jumps").runs && counted + published >= answered);
    check("values were watched", changes > 0 && changes <= published);
    check("every event ran", _stored("ticks", EVENT_SIZE) == _posted);
    check("timers kept their time",
          _stored("ticks", sizeof(uint32_t) * 3) > LOAD_SECONDS * 1000 / TIMER_MS / 2);
    check("boot ran once", _stored("ticks", 0) == 1);
    check("packets were seen, and none dropped",
          _stored("filter", COAP_PORT_KEY) >= answered + refused
          && _stored("filter", KEY_DROPPED) == 0);

    check("faults are counted", _info("fault").runs == _info("fault").faults
          && _info("fault").faults > 0);
    check("endless runs are stopped", _info("endless").runs == _info("endless").faults
          && _info("endless").faults > 0);
    check("the hostile had no more than their share of time",
          _info("fault").denied + _info("endless").denied + _info("greedy").denied > 0);
    check("and of values", rbpf_kv_fetch("@mallory", 7, NULL) == 0
          && rbpf_kv_fetch("@mallory", 8, NULL) == -ENOENT);

    check("packet buffer is empty", gnrc_pktbuf_is_empty());
    good = true;
    for (unsigned i = 0; i < CONTAINERS; i++) {
        good &= rbpf_remove(_containers[i].name) == 0;
    }
    check("containers go", good && rbpf_kv_fetch(NULL, KEY_PUBLISHED, NULL) == -ENOENT
          && rbpf_kv_fetch("@mallory", 0, NULL) == -ENOENT);
}

int main(void)
{
    _install();
    _load();
    _judge();
    checks_end();

    return 0;
}
