/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       What an observer is told of what the application does with containers
 *
 * The observer is a socket of this program. What clients do with containers is
 * tested by clients: tests/device.
 *
 * @}
 */

#include <stdbool.h>
#include <string.h>

#include "checks.h"
#include "counter.rbpf.h"
#include "net/gnrc/pktbuf.h"
#include "net/nanocoap.h"
#include "net/sock/udp.h"
#include "rbpf.h"
#include "ticker.rbpf.h"
#include "ztimer.h"

#define PATH        "/clock"
#define TOKEN       (0x75)
/* Only what hangs takes so long */
#define PATIENCE_MS (120000)
/* Several intervals in which nothing may come */
#define SILENCE_MS  (500)
#define PEER_PORT   (5690)

/* Bytes of messages: the first one with a token of one byte, and without */
#define CON         (0x40)
#define EMPTY_ACK   (0x60)
#define EMPTY_RST   (0x70)

static rbpf_hook_t _tick = RBPF_HOOK_INIT("tick");
static sock_udp_t _sock;
static uint16_t _id;
/* The message that came last */
static uint8_t _message[64];
static coap_pkt_t _packet;
/* The number of the notification before */
static uint32_t _number;

static sock_udp_ep_t _loopback(uint16_t port)
{
    sock_udp_ep_t endpoint = SOCK_IPV6_EP_ANY;

    endpoint.addr.ipv6[15] = 1;
    endpoint.port = port;
    return endpoint;
}

static bool _send(const void *bytes, size_t length)
{
    sock_udp_ep_t node = _loopback(COAP_PORT);

    return sock_udp_send(&_sock, bytes, length, &node) == (ssize_t)length;
}

/* Sends a GET with the option Observe, 0 or 1 */
static bool _get(uint8_t observe)
{
    uint8_t request[] = {
        CON | 1, COAP_METHOD_GET, ++_id >> 8, _id & 0xff, TOKEN,
        0x61, observe, 0x55, 'c', 'l', 'o', 'c', 'k',
    };

    return _send(request, sizeof(request));
}

/* Says of the message that came last that it is confirmed, or rejected */
static bool _answer(uint8_t type)
{
    uint8_t answer[] = { type, 0, _message[2], _message[3] };

    return _send(answer, sizeof(answer));
}

/* Whether a message with our token comes in time */
static bool _receive(uint32_t timeout_ms)
{
    ssize_t length = sock_udp_recv(&_sock, _message, sizeof(_message), timeout_ms * US_PER_MS, NULL);

    return length > 0 && coap_parse_udp(&_packet, _message, length) >= 0
           && coap_get_token_len(&_packet) == 1 && *(uint8_t *)coap_get_token(&_packet) == TOKEN;
}

/* Whether the message that came last has this content */
static bool _has(uint8_t code, const char *payload)
{
    return coap_get_code_raw(&_packet) == code
           && _packet.payload_len == strlen(payload)
           && memcmp(_packet.payload, payload, strlen(payload)) == 0;
}

/* Whether the message that came last may be followed by others; they are in order */
static bool _goes_on(void)
{
    uint32_t before = _number;

    return coap_opt_get_uint(&_packet, COAP_OPT_OBSERVE, &_number) == 0 && _number > before;
}

/* Whether the message that came last is the end */
static bool _is_end(void)
{
    uint32_t number;

    return coap_opt_get_uint(&_packet, COAP_OPT_OBSERVE, &number) < 0;
}

static bool _is_silent(void)
{
    return !_receive(SILENCE_MS);
}

/* Whether this notification comes, and others may follow. It is confirmed */
static bool _is_told(const char *payload)
{
    return _receive(PATIENCE_MS) && _has(COAP_CODE_CONTENT, payload) && _goes_on()
           && (coap_get_type(&_packet) != COAP_TYPE_CON || _answer(EMPTY_ACK));
}

/* Whether the answer to a GET has this content, and notifications may follow */
static bool _observes(const char *payload)
{
    _number = 0;
    return _get(0) && _receive(PATIENCE_MS) && _has(COAP_CODE_CONTENT, payload) && _goes_on();
}

/* Whether containers run at the hook, each of which may say that it has news */
static bool _ticks(int containers)
{
    return rbpf_hook_trigger(&_tick, NULL, 0, NULL, 0, NULL) == containers;
}

static void _replace(void)
{
    puts("part replace");
    check("observe", _observes("0"));
    check("tick", _ticks(1));
    check("its news", _is_told("1"));
    check("tick again", _ticks(1));
    check("its news again", _is_told("2"));
    check("replace", rbpf_replace("clock", ticker_rbpf, sizeof(ticker_rbpf)) == 0);
    check("the other's answer", _is_told("0"));
    check("tick the other", _ticks(1));
    check("the other's news", _is_told("1"));
    check("replace by junk", rbpf_replace("clock", ticker_rbpf, 20) < 0);
    check("tick still", _ticks(1));
    check("its news still", _is_told("2"));
    check("replace by one that is not observed",
          rbpf_replace("clock", counter_rbpf, sizeof(counter_rbpf)) == 0);
    /* Which keeps the values */
    check("its answer", _receive(PATIENCE_MS) && _has(COAP_CODE_CONTENT, "3"));
    check("is the end", _is_end() && _is_silent());
}

static void _unbind(void)
{
    puts("part unbind");
    check("replace", rbpf_replace("clock", ticker_rbpf, sizeof(ticker_rbpf)) == 0);
    check("observe", _observes("0"));
    check("unbind", rbpf_unbind("clock", PATH) == 0);
    check("not found", _receive(PATIENCE_MS) && _has(COAP_CODE_PATH_NOT_FOUND, "not found"));
    check("is the end", _is_end());
    check("bind", rbpf_bind("clock", PATH) == 0);
    check("tick", _ticks(1));
    check("nobody is told", _is_silent());
}

static void _remove(void)
{
    puts("part remove");
    check("observe", _observes("1"));
    check("install", rbpf_install("next", ticker_rbpf, sizeof(ticker_rbpf)) == 0);
    check("bind behind", rbpf_bind("next", PATH) == 0);
    /* Who answers has changed, though not what */
    check("the first one's answer", _is_told("1"));
    check("remove", rbpf_remove("clock") == 0);
    check("the next one's answer", _is_told("0"));
    check("remove the next", rbpf_remove("next") == 0);
    check("not found", _receive(PATIENCE_MS) && _has(COAP_CODE_PATH_NOT_FOUND, "not found"));
    check("is the end", _is_end() && _is_silent());
}

static void _leave(void)
{
    puts("part leave");
    check("install", rbpf_install("clock", ticker_rbpf, sizeof(ticker_rbpf)) == 0);
    check("bind", rbpf_bind("clock", PATH) == 0 && rbpf_bind("clock", "tick") == 0);
    check("observe", _observes("0"));
    check("deregister", _get(1) && _receive(PATIENCE_MS) && _has(COAP_CODE_CONTENT, "0"));
    check("without the option", _is_end());
    check("tick", _ticks(1));
    check("nobody is told", _is_silent());
    check("observe once more", _observes("1"));
    check("tick once more", _ticks(1));
    check("a notification", _receive(PATIENCE_MS) && _has(COAP_CODE_CONTENT, "2"));
    check("reject", _answer(EMPTY_RST));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("tick after it", _ticks(1));
    check("nobody is told after it", _is_silent());
}

int main(void)
{
    sock_udp_ep_t local = _loopback(PEER_PORT);

    check("socket", sock_udp_create(&_sock, &local, NULL, 0) == 0);
    check("hook", rbpf_hook_register(&_tick) == 0);
    check("install", rbpf_install("clock", ticker_rbpf, sizeof(ticker_rbpf)) == 0);
    check("bind", rbpf_bind("clock", PATH) == 0 && rbpf_bind("clock", "tick") == 0);
    _replace();
    _unbind();
    _remove();
    _leave();
    check("nothing is left in the packet buffer", gnrc_pktbuf_is_empty());
    checks_end();
    return 0;
}
