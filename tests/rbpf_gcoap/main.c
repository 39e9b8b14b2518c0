/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Containers beside the application's own resources
 *
 * The clients are sockets of this program. What other clients do is tested by these:
 * tests/device.
 *
 * @}
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "auto_init_utils.h"
#include "checks.h"
#include "counter.rbpf.h"
#include "letters.rbpf.h"
#include "net/gcoap.h"
#include "net/gnrc/pktbuf.h"
#include "net/sock/udp.h"
#include "rbpf.h"
#include "ztimer.h"

/* Only what hangs takes so long */
#define PATIENCE_MS (120000)
#define PEER_PORT   (5690)
/* Bytes of what letters.asm answers, and of what a stranger gets of it at once */
#define LETTERS     (200)
#define STRANGER    (64)
/* RFC 9175 */
#define ECHO        (252)

/* Bytes of messages: the first one, with a token of one byte */
#define CON         (0x41)
#define TOKEN       (0x75)

static sock_udp_t _one;
static sock_udp_t _other;
static uint16_t _id;
/* The response that came last */
static uint8_t _message[512];
static coap_pkt_t _packet;

static ssize_t _handler(coap_pkt_t *packet, uint8_t *buffer, size_t length,
                        coap_request_ctx_t *context)
{
    (void)context;
    gcoap_resp_init(packet, buffer, length, COAP_CODE_CONTENT);
    ssize_t head = coap_opt_finish(packet, COAP_OPT_FINISH_PAYLOAD);

    memcpy(packet->payload, "own", 3);
    return head + 3;
}

static const coap_resource_t _early[] = {
    { "/early", COAP_GET, _handler, NULL },
    /* Its hash is that of /8cjoaoam */
    { "/observed", COAP_GET, _handler, NULL },
    { "/tree/", COAP_GET | COAP_MATCH_SUBTREE, _handler, NULL },
};
static const coap_resource_t _late[] = {
    { "/late", COAP_GET, _handler, NULL },
};
static gcoap_listener_t _early_listener = {
    .resources = _early, .resources_len = ARRAY_SIZE(_early),
};
static gcoap_listener_t _late_listener = {
    .resources = _late, .resources_len = ARRAY_SIZE(_late),
};

/* Before that of the containers, so that gcoap asks it afterwards */
static void _register_early(void)
{
    gcoap_register_listener(&_early_listener);
}
AUTO_INIT(_register_early, 5999);

static sock_udp_ep_t _loopback(uint16_t port)
{
    sock_udp_ep_t endpoint = SOCK_IPV6_EP_ANY;

    endpoint.addr.ipv6[15] = 1;
    endpoint.port = port;
    return endpoint;
}

static bool _send(sock_udp_t *from, const void *bytes, size_t length)
{
    sock_udp_ep_t node = _loopback(COAP_PORT);

    return sock_udp_send(from, bytes, length, &node) == (ssize_t)length;
}

static bool _receive(sock_udp_t *to, uint32_t timeout_ms)
{
    ssize_t length = sock_udp_recv(to, _message, sizeof(_message), timeout_ms * US_PER_MS, NULL);

    return length > 0 && coap_parse_udp(&_packet, _message, length) >= 0;
}

/* The code of the response to a request for a path, with an option of up to 12 bytes
 * behind it, if its number is not 0; 0 if none comes */
static unsigned _ask(sock_udp_t *from, uint8_t method, const char *path, uint16_t number,
                     const void *value, size_t length)
{
    uint8_t bytes[64] = { CON, method, ++_id >> 8, _id & 0xff, TOKEN };
    size_t end = 5;
    uint16_t last = 0;

    while (*path == '/') {
        size_t segment = strcspn(++path, "/");

        bytes[end++] = (COAP_OPT_URI_PATH - last) << 4 | segment;
        memcpy(&bytes[end], path, segment);
        end += segment;
        path += segment;
        last = COAP_OPT_URI_PATH;
    }
    if (number != 0) {
        unsigned delta = number - last;

        bytes[end++] = (delta < 13 ? delta : 13) << 4 | length;
        if (delta >= 13) {
            bytes[end++] = delta - 13;
        }
        memcpy(&bytes[end], value, length);
        end += length;
    }
    if (!_send(from, bytes, end) || !_receive(from, PATIENCE_MS)) {
        return 0;
    }
    return coap_get_code_raw(&_packet);
}

static unsigned _get(const char *path)
{
    return _ask(&_one, COAP_METHOD_GET, path, 0, NULL, 0);
}

static bool _has(const char *payload)
{
    return _packet.payload_len == strlen(payload)
           && memcmp(_packet.payload, payload, strlen(payload)) == 0;
}

static void _paths(void)
{
    puts("part paths");
    check("the application's", rbpf_bind("count", "/early") == -EEXIST);
    check("of a subtree", rbpf_bind("count", "/tree/leaf") == -EEXIST);
    check("its root", rbpf_bind("count", "/tree/") == -EEXIST);
    check("gcoap's own", rbpf_bind("count", "/.well-known/core") == -EEXIST);
    check("the module's own", rbpf_bind("count", "/rbpf/x") == -EEXIST);
    check("a link", rbpf_bind("count", "/x>,</early") == -EINVAL);
    check("another host", rbpf_bind("count", "//x/early") == -EINVAL);
    check("still the application's", _get("/early") == COAP_CODE_CONTENT && _has("own"));
    check("beside them", rbpf_bind("count", "/early/too") == 0 && rbpf_bind("count", "/tree") == 0);
    check("it answers", _get("/early/too") == COAP_CODE_CONTENT && _has("1"));
    check("and there", _get("/tree") == COAP_CODE_CONTENT && _has("2"));
    check("a path of the same hash", rbpf_bind("count", "/8cjoaoam") == 0);
    check("takes none's place", _get("/observed") == COAP_CODE_CONTENT && _has("own"));
    check("it answers itself", _get("/8cjoaoam") == COAP_CODE_CONTENT && _has("3"));
    check("unbind", rbpf_unbind("count", "/early/too") == 0 && rbpf_unbind("count", "/tree") == 0
          && rbpf_unbind("count", "/8cjoaoam") == 0);
}

static void _listeners(void)
{
    puts("part listeners");
    check("bind", rbpf_bind("count", "/late") == 0);
    check("it answers", _get("/late") == COAP_CODE_CONTENT && _has("4"));
    gcoap_register_listener(&_late_listener);
    check("the application's now", _get("/late") == COAP_CODE_CONTENT && _has("own"));
    check("for all methods", _ask(&_one, COAP_METHOD_POST, "/late", 0, NULL, 0)
          == COAP_CODE_METHOD_NOT_ALLOWED);
    check("no other is bound", rbpf_bind("letters", "/late") == -EEXIST);
    check("one link", _get("/.well-known/core") == COAP_CODE_CONTENT);
    _packet.payload[_packet.payload_len] = '\0';
    char *link = strstr((char *)_packet.payload, "</late>");
    check("and no more", link != NULL && strstr(link + 1, "</late>") == NULL);
    check("unbind", rbpf_unbind("count", "/late") == 0);
}

/* What RIOT's own handlers are not prepared for */
static void _silence(void)
{
    /* As it was found: /.well-known/core, with an ETag, and No-Response for 2.xx and more */
    static const uint8_t found[] =
        "\x54\x01\xdd\x5d\xa2\x56\x34\xdd\x44\x35\x46\x85\x5a\x7b.well-known\x04" "core\xd1\xea\x1e";
    static const uint8_t values[] = { 0x02, 0x08, 0x10, 0x1a, 0x7f, 0xff };
    bool good = true;

    puts("part silence");
    check("send", _send(&_one, found, sizeof(found) - 1));
    check("an answer", _receive(&_one, PATIENCE_MS)
          && coap_get_code_raw(&_packet) == COAP_CODE_CONTENT);
    for (unsigned i = 0; i < sizeof(values); i++) {
        static const struct {
            const char *path;
            unsigned code;
        } paths[] = {
            { "/.well-known/core", COAP_CODE_CONTENT },
            { "/early", COAP_CODE_CONTENT },
            { "/nothing", COAP_CODE_PATH_NOT_FOUND },
            { "/rbpf", COAP_CODE_CONTENT },
            { "/rbpf/nothing", COAP_CODE_PATH_NOT_FOUND },
            { "/", COAP_CODE_PATH_NOT_FOUND },
        };

        for (unsigned j = 0; j < ARRAY_SIZE(paths); j++) {
            uint8_t value[4] = { values[i], values[i], 0, values[i] };

            good &= _ask(&_one, COAP_METHOD_GET, paths[j].path, COAP_OPT_NO_RESPONSE, value, 1)
                    == paths[j].code;
            good &= _ask(&_one, COAP_METHOD_GET, paths[j].path, COAP_OPT_NO_RESPONSE, value, 4)
                    == paths[j].code;
        }
    }
    check("all are answered", good);
}

static uint32_t _runs(void)
{
    rbpf_info_t info;

    return rbpf_find("letters", &info) == 0 ? info.runs : 0;
}

/* Whether the payload is letters from this one on */
static bool _is_from(size_t from)
{
    for (size_t i = 0; i < _packet.payload_len; i++) {
        if (_packet.payload[i] != 'a' + (from + i) % 26) {
            return false;
        }
    }
    return true;
}

static void _peers(void)
{
    static const uint8_t second[] = { 0x12 };
    static const uint8_t large_second[] = { 0x16 };
    uint8_t echo[8];
    uint8_t *value;

    puts("part peers");
    check("bind", rbpf_bind("letters", "/letters") == 0);
    check("a stranger gets a block", _get("/letters") == COAP_CODE_CONTENT
          && _packet.payload_len == STRANGER && _is_from(0));
    check("and a value", coap_opt_get_opaque(&_packet, ECHO, &value) == sizeof(echo));
    memcpy(echo, value, sizeof(echo));
    check("the next one", _ask(&_one, COAP_METHOD_GET, "/letters", COAP_OPT_BLOCK2, second, 1)
          == COAP_CODE_CONTENT && _packet.payload_len == STRANGER && _is_from(STRANGER));
    check("of the same run", _runs() == 1);
    check("another's is another", _ask(&_other, COAP_METHOD_GET, "/letters", COAP_OPT_BLOCK2,
                                       second, 1) == COAP_CODE_CONTENT && _is_from(STRANGER));
    check("run", _runs() == 2);
    check("asking for a block shows nothing", _ask(&_one, COAP_METHOD_GET, "/letters",
                                                   COAP_OPT_BLOCK2, large_second, 1)
          != 0 && _packet.payload_len <= STRANGER);
    check("the value does", _ask(&_one, COAP_METHOD_GET, "/letters", ECHO, echo, sizeof(echo))
          == COAP_CODE_CONTENT && _packet.payload_len == LETTERS && _is_from(0));
    echo[7] ^= 1;
    check("another value does not", _ask(&_one, COAP_METHOD_GET, "/letters", ECHO, echo,
                                         sizeof(echo))
          == COAP_CODE_CONTENT && _packet.payload_len == STRANGER);
    check("unbind", rbpf_unbind("letters", "/letters") == 0);
    check("what is kept is gone", _ask(&_one, COAP_METHOD_GET, "/letters", COAP_OPT_BLOCK2, second,
                                       1) == COAP_CODE_PATH_NOT_FOUND);
    check("bind again", rbpf_bind("letters", "/letters") == 0);
    check("a block", _get("/letters") == COAP_CODE_CONTENT && _packet.payload_len == STRANGER);
    check("replace", rbpf_replace("letters", counter_rbpf, sizeof(counter_rbpf)) == 0);
    check("no block of what was there", _ask(&_one, COAP_METHOD_GET, "/letters", COAP_OPT_BLOCK2,
                                             second, 1) != COAP_CODE_CONTENT);
}

int main(void)
{
    sock_udp_ep_t one = _loopback(PEER_PORT);
    sock_udp_ep_t other = _loopback(PEER_PORT + 1);

    check("sockets", sock_udp_create(&_one, &one, NULL, 0) == 0
          && sock_udp_create(&_other, &other, NULL, 0) == 0);
    check("install", rbpf_install("count", counter_rbpf, sizeof(counter_rbpf)) == 0
          && rbpf_install("letters", letters_rbpf, sizeof(letters_rbpf)) == 0);
    _paths();
    _listeners();
    _silence();
    _peers();
    check("nothing is left in the packet buffer", gnrc_pktbuf_is_empty());
    checks_end();
    return 0;
}
