/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Containers that see packets of the network stack
 *
 * Datagrams go from one socket to another over `::1`, by way of UDP and IPv6 in
 * both directions. What no socket would send is given to GNRC as it is.
 *
 * @}
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "beyond.rbpf.h"
#include "checks.h"
#include "count.rbpf.h"
#include "drop.rbpf.h"
#include "endless.rbpf.h"
#include "net/gnrc.h"
#include "net/gnrc/pktbuf.h"
#include "net/sock/udp.h"
#include "packet_filter.rbpf.h"
#include "rbpf.h"
#include "thread.h"
#include "watch.rbpf.h"
#include "ztimer.h"

#define PORT 61616
/* As in packet_filter.c */
#define BLOCKED 9
#define KEY_DROPPED 0x10000

/* More than it takes to judge a packet, in microseconds */
#define PATIENCE_US (2000 * 1000)
/* For what should not come */
#define SILENCE_US (200 * 1000)

#define ROUNDS 50
/* Less urgent than the worker, which interrupts it wherever it is */
#define PRIORITY_FLOW (THREAD_PRIORITY_MAIN + 2)

static sock_udp_t _open;
static sock_udp_t _blocked;
static sock_udp_t _from;

static char _stack[THREAD_STACKSIZE_DEFAULT];
static volatile bool _flowing;
static volatile unsigned _sent;
static volatile unsigned _arrived;

static void _listen(sock_udp_t *sock, uint16_t port)
{
    sock_udp_ep_t local = SOCK_IPV6_EP_ANY;

    local.port = port;
    check("listen", sock_udp_create(sock, &local, NULL, 0) == 0);
}

/* Whether a datagram comes to a socket, as it was */
static bool _comes(sock_udp_t *to, uint16_t port, const void *payload, size_t length,
                   uint32_t timeout)
{
    static uint8_t buffer[1024];
    sock_udp_ep_t remote = SOCK_IPV6_EP_ANY;

    ipv6_addr_set_loopback((ipv6_addr_t *)&remote.addr.ipv6);
    remote.port = port;
    ssize_t sent = sock_udp_send(&_from, payload, length, &remote);
    if (sent != (ssize_t)length) {
        printf("not sent: %d\n", (int)sent);
        return false;
    }
    ssize_t got = sock_udp_recv(to, buffer, sizeof(buffer), timeout, NULL);
    return got == (ssize_t)length && memcmp(buffer, payload, length) == 0;
}

static bool _passes(const char *payload)
{
    return _comes(&_open, PORT, payload, strlen(payload), PATIENCE_US);
}

static bool _is_dropped(const char *payload)
{
    return !_comes(&_open, PORT, payload, strlen(payload), SILENCE_US);
}

/* How many entries a layer has for all packets, and whether they lead to a
 * thread, as its own does */
static bool _is_as_it_was(gnrc_nettype_t type)
{
    gnrc_netreg_acquire_shared();
    const gnrc_netreg_entry_t *entry = gnrc_netreg_lookup(type, GNRC_NETREG_DEMUX_CTX_ALL);
    bool is = entry != NULL && entry->type == GNRC_NETREG_TYPE_DEFAULT;
    gnrc_netreg_release_shared();
    return is && gnrc_netreg_num(type, GNRC_NETREG_DEMUX_CTX_ALL) == 1;
}

static bool _is_watched(gnrc_nettype_t type)
{
    gnrc_netreg_acquire_shared();
    const gnrc_netreg_entry_t *entry = gnrc_netreg_lookup(type, GNRC_NETREG_DEMUX_CTX_ALL);
    bool is = entry != NULL && entry->type == GNRC_NETREG_TYPE_CB;
    gnrc_netreg_release_shared();
    return is && gnrc_netreg_num(type, GNRC_NETREG_DEMUX_CTX_ALL) == 1;
}

static uint32_t _stored(uint32_t key)
{
    uint32_t value = 0;

    return rbpf_kv_fetch("app", key, &value) == 0 ? value : 0;
}

static void _filter(void)
{
    puts("part filter");
    check("nothing bound", _passes("hello") && _is_as_it_was(GNRC_NETTYPE_UDP));
    check("install", rbpf_install("app", packet_filter_rbpf, sizeof(packet_filter_rbpf)) == 0);
    check("installed is not bound", _passes("DROP it"));
    check("bind", rbpf_bind("app", "rx:udp") == 0);
    check("it stands in for UDP", _is_watched(GNRC_NETTYPE_UDP));
    check("and not for IPv6", _is_as_it_was(GNRC_NETTYPE_IPV6));
    check("a datagram passes", _passes("hello"));
    check("a word is dropped", _is_dropped("DROP it"));
    check("a part of it passes", _passes("DRO"));
    check("a port is dropped", !_comes(&_blocked, BLOCKED, "hello", 5, SILENCE_US));
    check("one byte passes", _passes("D"));
    check("it has counted", _stored(PORT) == 4 && _stored(BLOCKED) == 1
          && _stored(KEY_DROPPED) == 2);
    check("bind to what is sent", rbpf_bind("app", "tx:udp") == 0);
    check("seen twice", _passes("hello") && _stored(PORT) == 6);
    check("dropped on its way out", _is_dropped("DROP it") && _stored(PORT) == 7);
    check("unbind", rbpf_unbind("app", "rx:udp") == 0);
    check("still watched", _is_watched(GNRC_NETTYPE_UDP) && _is_dropped("DROP it"));
    check("remove", rbpf_remove("app") == 0);
    check("as it was", _is_as_it_was(GNRC_NETTYPE_UDP) && _passes("DROP it"));
}

/* Whoever goes wrong, or has no right, drops nothing */
static void _hostile(void)
{
    static const struct {
        const char *name;
        const uint8_t *image;
        size_t length;
        bool drops;
    } apps[] = {
        { "beyond", beyond_rbpf, sizeof(beyond_rbpf), false },
        { "count", count_rbpf, sizeof(count_rbpf), false },
        { "drop", drop_rbpf, sizeof(drop_rbpf), true },
        { "endless", endless_rbpf, sizeof(endless_rbpf), false },
        { "watch", watch_rbpf, sizeof(watch_rbpf), false },
    };
    static const char *const hooks[] = { "rx:udp", "tx:udp", "rx:ipv6", "tx:ipv6" };
    static uint8_t payload[700];

    memset(payload, 'x', sizeof(payload));
    for (unsigned i = 0; i < sizeof(apps) / sizeof(apps[0]); i++) {
        printf("part %s\n", apps[i].name);
        check("install", rbpf_install("app", apps[i].image, apps[i].length) == 0);
        for (unsigned j = 0; j < sizeof(hooks) / sizeof(hooks[0]); j++) {
            rbpf_info_t info;

            check("bind", rbpf_bind("app", hooks[j]) == 0);
            bool drops = !_comes(&_open, PORT, payload, sizeof(payload),
                                 apps[i].drops ? SILENCE_US : PATIENCE_US);
            check(hooks[j], drops == apps[i].drops);
            check("unbind", rbpf_unbind("app", hooks[j]) == 0);
            check("it was run", rbpf_find("app", &info) == 0 && info.runs == j + 1);
        }
        check("remove", rbpf_remove("app") == 0);
    }
    check("as it was", _is_as_it_was(GNRC_NETTYPE_UDP) && _is_as_it_was(GNRC_NETTYPE_IPV6));
    check("no such hook", rbpf_bind("app", "rx:tcp") < 0);
}

/* Packets that are none, given to UDP as if IPv6 had received them */
static void _odd(void)
{
    static const size_t lengths[] = { 0, 1, 7, 8, 128, 129, 1000 };

    puts("part odd");
    check("install", rbpf_install("app", drop_rbpf, sizeof(drop_rbpf)) == 0);
    check("bind", rbpf_bind("app", "rx:udp") == 0);
    check("bind to what is sent", rbpf_bind("app", "tx:udp") == 0);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (unsigned send = 0; send < 2; send++) {
            rbpf_info_t info;
            gnrc_pktsnip_t *packet = gnrc_pktbuf_add(NULL, NULL, lengths[i], GNRC_NETTYPE_UDP);

            int given = send
                ? gnrc_netapi_dispatch_send(GNRC_NETTYPE_UDP, GNRC_NETREG_DEMUX_CTX_ALL, packet)
                : gnrc_netapi_dispatch_receive(GNRC_NETTYPE_UDP, GNRC_NETREG_DEMUX_CTX_ALL, packet);
            check("given", given == 1);
            ztimer_sleep(ZTIMER_MSEC, 20);
            check("judged", rbpf_find("app", &info) == 0 && info.runs == 2 * i + send + 1
                  && info.faults == 0);
            check("dropped", gnrc_pktbuf_is_empty());
        }
    }
    check("remove", rbpf_remove("app") == 0);
}

static void *_flow(void *arg)
{
    (void)arg;
    while (_flowing) {
        _sent++;
        _arrived += _passes("hello");
        /* Each sets a timer, and native's goes off 200 us after it was last set:
         * without a pause, main would sleep for ever */
        ztimer_sleep(ZTIMER_MSEC, 1);
    }
    _flowing = true;
    return NULL;
}

/* Containers come and go while datagrams flow */
static void _changes(void)
{
    bool good = true;

    puts("part changes");
    _flowing = true;
    thread_create(_stack, sizeof(_stack), PRIORITY_FLOW, 0, _flow, NULL, "flow");
    for (unsigned i = 0; i < ROUNDS; i++) {
        good &= rbpf_install("app", packet_filter_rbpf, sizeof(packet_filter_rbpf)) == 0;
        good &= rbpf_bind("app", "rx:udp") == 0;
        good &= rbpf_bind("app", "tx:ipv6") == 0;
        if (i % 2) {
            ztimer_sleep(ZTIMER_MSEC, 1);
        }
        good &= rbpf_bind("app", "tx:udp") == 0;
        good &= rbpf_unbind("app", "rx:udp") == 0;
        good &= rbpf_remove("app") == 0;
        if (i % 3) {
            ztimer_sleep(ZTIMER_MSEC, 1);
        }
    }
    _flowing = false;
    while (!_flowing) {
        ztimer_sleep(ZTIMER_MSEC, 1);
    }
    printf("%u sent, %u arrived\n", _sent, _arrived);
    check("changes", good);
    check("all datagrams arrived", _sent == _arrived && _sent > 0);
    check("as it was", _is_as_it_was(GNRC_NETTYPE_UDP) && _is_as_it_was(GNRC_NETTYPE_IPV6));
}

int main(void)
{
    _listen(&_open, PORT);
    _listen(&_blocked, BLOCKED);
    _listen(&_from, PORT + 1);
    _filter();
    _hostile();
    _odd();
    _changes();
    check("nothing is left in the packet buffer", gnrc_pktbuf_is_empty());
    checks_end();
    return 0;
}
