/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Requests of containers, and how they end
 *
 * Whom they are made to is a socket of this program, which answers by the byte, as
 * it should and as it should not.
 *
 * @}
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "containers/request.h"
#include "forward.rbpf.h"
#include "net/gcoap.h"
#include "net/gnrc/pktbuf.h"
#include "net/sock/udp.h"
#include "rbpf.h"
#include "request.rbpf.h"
#include "thermometer.h"
#include "ztimer.h"

/* Where the requests of `collector` and `other` go to */
#define PORT 61616
/* What a container gets of a payload */
#define KEPT 64

/* More than a request takes, and than gcoap does not give up */
#define PATIENCE_MS 120000
/* For what should not come */
#define SILENCE_MS 100
/* As gcoap begins a message again */
#define TRIES (CONFIG_COAP_MAX_RETRANSMIT + 1)

/* What containers are told, whatever the C library calls it */
#define TIMED_OUT (-110)
#define IO_ERROR (-5)

/* Types of messages, with the version and a token of 8 bytes */
enum { CON = 0x48, NON = 0x58, ACK = 0x68 };
/* Without a token */
enum { EMPTY_ACK = 0x60, EMPTY_RST = 0x70 };

/* A message as it has come */
typedef struct {
    uint8_t bytes[256];
    size_t length;
    sock_udp_ep_t from;
} message_t;

static rbpf_remote_t _collector = RBPF_REMOTE_INIT("collector");
static rbpf_remote_t _other = RBPF_REMOTE_INIT("other");
static rbpf_hook_t _send = RBPF_HOOK_INIT("send");
static rbpf_hook_t _send_too = RBPF_HOOK_INIT("send-too");
static sock_udp_t _peer;
static sock_udp_t _stranger;
static message_t _nothing;

static sock_udp_ep_t _loopback(uint16_t port)
{
    sock_udp_ep_t endpoint = SOCK_IPV6_EP_ANY;

    /* ::1 */
    endpoint.addr.ipv6[15] = 1;
    endpoint.port = port;
    return endpoint;
}

static void _listen(sock_udp_t *sock, uint16_t port)
{
    sock_udp_ep_t local = SOCK_IPV6_EP_ANY;

    local.port = port;
    check("listen", sock_udp_create(sock, &local, NULL, 0) == 0);
}

/* The next message to the peer; false if none comes in this time */
static bool _receive(message_t *message, uint32_t timeout_ms)
{
    ssize_t got = sock_udp_recv(&_peer, message->bytes, sizeof(message->bytes),
                                timeout_ms * US_PER_MS, &message->from);

    message->length = got < 0 ? 0 : got;
    return got > 0;
}

/* Forgets what has been repeated */
static void _drain(void)
{
    static message_t message;

    while (_receive(&message, 0)) {}
}

static bool _give(sock_udp_t *from, const message_t *to, const void *bytes, size_t length)
{
    return sock_udp_send(from, bytes, length, &to->from) == (ssize_t)length;
}

/* Answers with options as they are encoded, and a payload of so many letters */
static bool _answer(const message_t *request, uint8_t type, uint8_t code, const char *options,
                    size_t payload)
{
    static uint8_t bytes[256];
    size_t length = 12;

    bytes[0] = type;
    bytes[1] = code;
    memcpy(&bytes[2], &request->bytes[2], 2);
    memcpy(&bytes[4], &request->bytes[4], 8);
    memcpy(&bytes[length], options, strlen(options));
    length += strlen(options);
    if (payload > 0) {
        bytes[length++] = 0xff;
        memset(&bytes[length], 'a', payload);
        length += payload;
    }
    return _give(&_peer, request, bytes, length);
}

static bool _answer_empty(const message_t *request, uint8_t type)
{
    uint8_t bytes[] = { type, 0, request->bytes[2], request->bytes[3] };

    return _give(&_peer, request, bytes, sizeof(bytes));
}

static int32_t _stored(const char *name, uint32_t key)
{
    uint32_t value = 0;

    return rbpf_kv_fetch(name, key, &value) == 0 ? (int32_t)value : 0;
}

/* Whether so many requests of a container have ended, soon */
static bool _have_ended(const char *name, int32_t count, uint32_t key)
{
    for (unsigned i = 0; i < PATIENCE_MS / 10; i++) {
        if (_stored(name, key) >= count) {
            return _stored(name, key) == count;
        }
        ztimer_sleep(ZTIMER_MSEC, 10);
    }
    return false;
}

/* The number of the last request in the first slot, where `app` is, and of those how
 * many were others' */
static int32_t _number;
static int32_t _others;

/* What comes of a request */
static int64_t _request(rbpf_hook_t *hook, uint32_t remote, uint32_t method, const char *path,
                        uint32_t length)
{
    send_t context = { .remote = remote, .method = method, .length = length };
    int64_t result = 0;

    strncpy(context.path, path, sizeof(context.path));
    if (rbpf_hook_trigger(hook, &context, sizeof(context), NULL, 0, &result) < 0) {
        return INT32_MIN;
    }
    return result;
}

/* Whether `app` has a GET sent, and the peer gets it */
static bool _ask(message_t *message)
{
    _number++;
    return _request(&_send, 0, COAP_METHOD_GET, "/a", 0) == _number
           && _receive(message, PATIENCE_MS);
}

/* Whether the last request of `app` has ended so */
static bool _ended(int32_t code, int32_t length, bool truncated)
{
    return _have_ended("app", _number - _others, KEY_ENDED)
           && _stored("app", KEY_CODE) == code && _stored("app", KEY_NUMBER) == _number
           && _stored("app", KEY_LENGTH) == length && _stored("app", KEY_TRUNCATED) == truncated
           && _stored("app", KEY_SUM) == length * 'a';
}

static void _register(void)
{
    static rbpf_remote_t empty = RBPF_REMOTE_INIT("");
    static rbpf_remote_t blank = RBPF_REMOTE_INIT("a b");
    static rbpf_remote_t nameless = RBPF_REMOTE_INIT(NULL);
    static rbpf_remote_t again = RBPF_REMOTE_INIT("collector");
    sock_udp_ep_t endpoint = _loopback(PORT);
    sock_udp_ep_t group = endpoint;
    sock_udp_ep_t unspecified = SOCK_IPV6_EP_ANY;
    sock_udp_ep_t none = endpoint;

    group.addr.ipv6[0] = 0xff;
    none.family = AF_UNSPEC;
    puts("part register");
    check("no remote", rbpf_remote_register(NULL, &endpoint) == -EINVAL);
    check("no endpoint", rbpf_remote_register(&_collector, NULL) == -EINVAL);
    check("no name", rbpf_remote_register(&nameless, &endpoint) == -EINVAL);
    check("an empty name", rbpf_remote_register(&empty, &endpoint) == -EINVAL);
    check("a name with a blank", rbpf_remote_register(&blank, &endpoint) == -EINVAL);
    check("a group", rbpf_remote_register(&_collector, &group) == -EINVAL);
    check("unspecified", rbpf_remote_register(&_collector, &unspecified) == -EINVAL);
    check("no address", rbpf_remote_register(&_collector, &none) == -EINVAL);
    check("register", rbpf_remote_register(&_collector, &endpoint) == 0);
    check("twice", rbpf_remote_register(&_collector, &endpoint) == -EEXIST);
    check("a name twice", rbpf_remote_register(&again, &endpoint) == -EEXIST);
    check("another", rbpf_remote_register(&_other, &endpoint) == 0);
    check("no hook is called so", rbpf_hook_register(&(rbpf_hook_t)RBPF_HOOK_INIT("answer"))
          == -EINVAL);
}

/* As in forward.c */
static void _forward(void)
{
    static const uint8_t expected[] = "\xb8readings\x49unit=degC\xff" "23.45";
    static message_t message;

    puts("part forward");
    check("install", rbpf_install("forward", forward_rbpf, sizeof(forward_rbpf)) == 0);
    check("bind to answers", rbpf_bind("forward", "answer") == 0);
    check("once", rbpf_bind("forward", "answer") == -EEXIST);
    check("bind to time", rbpf_bind("forward", "after:10") == 0);
    check("it comes", _receive(&message, PATIENCE_MS));
    check("a confirmable POST", message.bytes[0] == CON && message.bytes[1] == 2);
    check("path, query and reading", message.length == 12 + sizeof(expected) - 1
          && memcmp(&message.bytes[12], expected, sizeof(expected) - 1) == 0);
    check("answer", _answer(&message, ACK, COAP_CODE_CHANGED, "", 6));
    check("it runs", _have_ended("forward", 1, 1));
    check("it is kept", _stored("forward", 0) == 1 && _stored("forward", 2) == COAP_CODE_CHANGED
          && _stored("forward", 3) == 1 && _stored("forward", 4) == 6
          && _stored("forward", 5) == 0 && _stored("forward", 6) == 'a');
    check("remove", rbpf_remove("forward") == 0);
}

static void _refused(void)
{
    char path[180];

    puts("part refused");
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    check("no such remote", _request(&_send, 2, 1, "/a", 0) == -ENODEV);
    check("no remote at all", _request(&_send, 0x10000, 1, "/a", 0) == -ENODEV);
    check("no method", _request(&_send, 0, 0, "/a", 0) == -EINVAL);
    check("a response", _request(&_send, 0, COAP_CODE_CONTENT, "/a", 0) == -EINVAL);
    check("no path", _request(&_send, 0, 1, "", 0) == -EINVAL);
    check("a long path", _request(&_send, 0, 1, path, 0) == -ENOSPC);
    path[112] = '\0';
    check("a path and a payload", _request(&_send, 0, 2, path, 3) == -ENOSPC);
    check("a long payload", _request(&_send, 0, 2, "/", 200) == -ENOSPC);
    for (unsigned i = 0; i < 60; i++) {
        path[2 * i] = '/';
        path[2 * i + 1] = 'a';
    }
    path[120] = '\0';
    check("a deep path", _request(&_send, 0, 1, path, 0) == -ENOSPC);
    check("nothing was sent", !_receive(&_nothing, SILENCE_MS));
}

/* The longest message, and others */
static void _sizes(void)
{
    static const struct {
        const char *path;
        uint32_t payload;
        const char *options;
    } sizes[] = {
        { "/", 0, "" },
        { "/", 115, "" },
        { "/a//b", 1, "\xb1" "a\x00\x01" "b" },
        { "/?a&b", 0, "\xd1\x02" "a\x01" "b" },
    };
    /* The second option is empty */
    static const size_t lengths[] = { 0, 0, 5, 5 };

    puts("part sizes");
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        static message_t message;
        size_t payload = sizes[i].payload;

        _number++;
        check("send", _request(&_send, 0, 2, sizes[i].path, payload) == _number);
        check("it comes", _receive(&message, PATIENCE_MS));
        check("as long as it is", message.length
              == 12 + lengths[i] + (payload > 0 ? 1 + payload : 0));
        check("options", memcmp(&message.bytes[12], sizes[i].options, lengths[i]) == 0);
        check("answer", _answer(&message, ACK, COAP_CODE_CHANGED, "", 0));
        check("ended", _ended(COAP_CODE_CHANGED, 0, false));
    }
}

static void _answers(void)
{
    static const struct {
        const char *name;
        uint8_t code;
        size_t payload;
        const char *options;
        int32_t length;
        bool truncated;
    } answers[] = {
        { "content", COAP_CODE_CONTENT, 5, "", 5, false },
        { "empty", COAP_CODE_CONTENT, 0, "", 0, false },
        { "an error", COAP_CODE_PATH_NOT_FOUND, 9, "", 9, false },
        { "a server's error", COAP_CODE_INTERNAL_SERVER_ERROR, 0, "", 0, false },
        { "as long as can be", COAP_CODE_CONTENT, KEPT, "", KEPT, false },
        { "longer", COAP_CODE_CONTENT, KEPT + 1, "", KEPT, true },
        { "longer than gcoap's buffer", COAP_CODE_CONTENT, 200, "", KEPT, true },
        { "a block of several", COAP_CODE_CONTENT, 16, "\xd1\x0a\x08", 16, true },
        { "the last block", COAP_CODE_CONTENT, 16, "\xd1\x0a\x10", 16, false },
    };
    static message_t message;

    puts("part answers");
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        check("ask", _ask(&message));
        check("answer", _answer(&message, ACK, answers[i].code, answers[i].options,
                                answers[i].payload));
        check(answers[i].name, _ended(answers[i].code, answers[i].length,
                                      answers[i].truncated));
    }

    check("ask", _ask(&message));
    check("acknowledge", _answer_empty(&message, EMPTY_ACK));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    _drain();
    check("and answer later", _answer(&message, CON, COAP_CODE_CONTENT, "", 3)
          && _ended(COAP_CODE_CONTENT, 3, false));
    check("which is acknowledged", _receive(&message, PATIENCE_MS) && message.length == 4
          && message.bytes[0] == EMPTY_ACK);

    check("ask", _ask(&message));
    check("answer twice", _answer(&message, ACK, COAP_CODE_CONTENT, "", 1)
          && _answer(&message, NON, COAP_CODE_CONTENT, "", 2)
          && _ended(COAP_CODE_CONTENT, 1, false));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("once counts", _ended(COAP_CODE_CONTENT, 1, false));
}

/* What is no answer, before one that is */
static void _rubbish(void)
{
    static const uint8_t rubbish[] = { 0xff, 0xff, 0xff, 0xff, 0xff };
    static message_t message;
    static message_t other;

    puts("part rubbish");
    check("ask", _ask(&message));
    other = message;
    other.bytes[4] ^= 1;
    check("rubbish", _give(&_peer, &message, rubbish, sizeof(rubbish))
          && _give(&_peer, &message, rubbish, 1)
          && _give(&_peer, &message, message.bytes, 11));
    check("another token", _answer(&other, ACK, COAP_CODE_CONTENT, "", 1));
    check("no response", _answer(&message, ACK, COAP_METHOD_GET, "", 1)
          && _answer(&message, ACK, 0x65, "", 1));
    uint8_t stranger[] = { NON, COAP_CODE_CONTENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    memcpy(&stranger[4], &message.bytes[4], 8);
    check("another port", _give(&_stranger, &message, stranger, sizeof(stranger)));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS / 2);
    check("none counts", _stored("app", KEY_ENDED) == _number - _others - 1);
    check("answer", _answer(&message, ACK, COAP_CODE_CONTENT, "", 7));
    check("ended", _ended(COAP_CODE_CONTENT, 7, false));
    _drain();

    check("ask", _ask(&message));
    check("reject", _answer_empty(&message, EMPTY_RST) && _ended(TIMED_OUT, 0, false));
    _drain();
}

/* What gcoap takes for a response, and is to be rejected (RFC 7252, sections 3 and
 * 5.4.1), or not */
static void _unsound(void)
{
    static const struct {
        const char *name;
        const char *options;
        size_t payload;
        bool is_sound;
    } answers[] = {
        { "a critical option", "\xd1\x34\x01", 5, false },
        { "a critical option without a payload", "\xd1\x34\x01", 0, false },
        { "an option of requests", "\xb1" "a", 5, false },
        { "two options of which one is critical", "\xc0\xd1\x28\x01", 5, false },
        { "an observation with a critical option", "\x61\x01\xd1\x2e\x01", 5, false },
        { "a block's number of four bytes", "\xd4\x0a\x01\x01\x01\x01", 16, false },
        { "two blocks", "\xd1\x0a\x10\x01\x10", 16, false },
        { "a marker alone", "\xff", 0, false },
        { "a marker behind an option", "\xc0\xff", 0, false },
        { "elective options", "\xc0\xd1\x29\x01\x01\x01", 5, true },
        { "a byte like a marker", "\xd1\x2f\xff", 0, true },
    };
    static message_t message;

    puts("part unsound");
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        check("ask", _ask(&message));
        check("answer", _answer(&message, ACK, COAP_CODE_CONTENT, answers[i].options,
                                answers[i].payload));
        check(answers[i].name, answers[i].is_sound
              ? _ended(COAP_CODE_CONTENT, answers[i].payload, false)
              : _ended(IO_ERROR, 0, false));
    }
    check("gcoap has none open", gcoap_op_state() == 0);
}

/* A server that takes each request for an observation must not use gcoap up */
static void _observe(void)
{
    static message_t message;
    bool good = true;

    puts("part observe");
    for (unsigned i = 0; good && i < 3 * CONFIG_GCOAP_REQ_WAITING_MAX; i++) {
        good &= _ask(&message);
        good &= _answer(&message, ACK, COAP_CODE_CONTENT, "\x61\x01", 2);
        good &= _ended(COAP_CODE_CONTENT, 2, false);
        /* A notification that nobody wants */
        good &= _answer(&message, NON, COAP_CODE_CONTENT, "\x61\x02", 3);
        good &= _receive(&message, PATIENCE_MS) && message.bytes[0] == EMPTY_RST;
    }
    check("all are answered, and once", good && _ended(COAP_CODE_CONTENT, 2, false));
    check("gcoap has none open", gcoap_op_state() == 0);
}

static void _silence(void)
{
    static message_t message;
    unsigned count = 1;
    rbpf_info_t info;

    puts("part silence");
    check("ask", _ask(&message));
    check("one at a time", _request(&_send, 0, 1, "/a", 0) == -EBUSY);
    check("to another remote, too", _request(&_send, 1, 1, "/a", 0) == -EBUSY);
    /* Others run meanwhile */
    check("others run", rbpf_find("too", &info) == 0 && _request(&_send_too, 9, 1, "/", 0)
          == -ENODEV);
    check("nobody has waited", _stored("app", KEY_ENDED) < _number - _others);
    for (unsigned i = 0; i < PATIENCE_MS / SILENCE_MS
         && _stored("app", KEY_ENDED) < _number - _others; i++) {
        count += _receive(&message, SILENCE_MS);
    }
    check("it is repeated", count == TRIES);
    check("and given up", _ended(TIMED_OUT, 0, false));
    check("late", _answer(&message, ACK, COAP_CODE_CONTENT, "", 1));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("too late", _ended(TIMED_OUT, 0, false));
}

/* Containers go while their requests are open */
static void _successors(void)
{
    static message_t message;
    rbpf_info_t info;

    puts("part successors");
    check("ask", _ask(&message));
    check("replace", rbpf_replace("app", request_rbpf, sizeof(request_rbpf)) == 0);
    check("not yet", _request(&_send, 0, 1, "/a", 0) == -EBUSY);
    check("answer", _answer(&message, ACK, COAP_CODE_CONTENT, "", 1));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("not its own", _stored("app", KEY_ENDED) == 0 && rbpf_find("app", &info) == 0
          && info.runs == 1);
    _number++;
    check("it asks", _request(&_send, 0, 1, "/a", 0) == _number
          && _receive(&message, PATIENCE_MS));
    check("and is answered", _answer(&message, ACK, COAP_CODE_CONTENT, "", 2)
          && _have_ended("app", 1, KEY_ENDED) && _stored("app", KEY_NUMBER) == _number);

    check("ask", _ask(&message));
    check("remove", rbpf_remove("app") == 0);
    check("answer to nobody", _answer(&message, ACK, COAP_CODE_CONTENT, "", 1));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("install", rbpf_install("app", request_rbpf, sizeof(request_rbpf)) == 0);
    check("bind", rbpf_bind("app", "send") == 0);
    check("ask", _ask(&message));
    check("answer", _answer(&message, ACK, COAP_CODE_CONTENT, "", 1));
    ztimer_sleep(ZTIMER_MSEC, SILENCE_MS);
    check("not bound to answers", _stored("app", KEY_ENDED) == 0);
    check("remove", rbpf_remove("app") == 0 && rbpf_remove("too") == 0);
}

/* All containers of two tenants at once */
static void _tenants(void)
{
    static const rbpf_tenant_t tenants[] = {
        { .name = "alice", .capabilities = RBPF_CAPABILITY_COAP_REQUEST | RBPF_CAPABILITY_KV_LOCAL,
          .slots = 2, .bindings = 4, .values = 12 },
        { .name = "bob", .capabilities = RBPF_CAPABILITY_COAP_REQUEST | RBPF_CAPABILITY_KV_LOCAL,
          .slots = 2, .bindings = 4, .values = 12 },
    };
    static const char *const names[] = { "a", "b", "c", "d" };
    static rbpf_hook_t hooks[] = {
        RBPF_HOOK_INIT("send-a"), RBPF_HOOK_INIT("send-b"),
        RBPF_HOOK_INIT("send-c"), RBPF_HOOK_INIT("send-d"),
    };
    static message_t messages[CONFIG_RBPF_SLOTS];

    puts("part tenants");
    for (unsigned i = 0; i < CONFIG_RBPF_SLOTS; i++) {
        const char *tenant = tenants[i % 2].name;

        check("tenant", i > 1 || rbpf_tenant_add(&tenants[i]) == 0);
        check("install", rbpf_install_for(tenant, names[i], request_rbpf,
                                          sizeof(request_rbpf)) == 0);
        check("hook", rbpf_hook_register(&hooks[i]) == 0);
        check("bind", rbpf_bind(names[i], hooks[i].name) == 0
              && rbpf_bind(names[i], "answer") == 0);
        check("ask", _request(&hooks[i], i % 2, 1, "/a", 0) > 0);
        check("it comes", _receive(&messages[i], PATIENCE_MS));
    }
    for (unsigned i = CONFIG_RBPF_SLOTS; i-- > 0;) {
        check("answer", _answer(&messages[i], ACK, COAP_CODE_CONTENT, "", i));
    }
    for (unsigned i = 0; i < CONFIG_RBPF_SLOTS; i++) {
        check("ended", _have_ended(names[i], 1, KEY_ENDED)
              && _stored(names[i], KEY_LENGTH) == (int32_t)i);
        check("remove", rbpf_remove(names[i]) == 0);
    }
    _drain();
}

int main(void)
{
    _listen(&_peer, PORT);
    _listen(&_stranger, PORT + 1);
    saul_reg_add(&thermometer);
    _register();
    _forward();
    _number = _others = 1;
    check("hooks", rbpf_hook_register(&_send) == 0 && rbpf_hook_register(&_send_too) == 0);
    check("install", rbpf_install("app", request_rbpf, sizeof(request_rbpf)) == 0
          && rbpf_install("too", request_rbpf, sizeof(request_rbpf)) == 0);
    check("bind", rbpf_bind("app", "send") == 0 && rbpf_bind("app", "answer") == 0
          && rbpf_bind("too", "send-too") == 0 && rbpf_bind("too", "answer") == 0);
    _refused();
    _sizes();
    _answers();
    _rubbish();
    _unsound();
    _observe();
    _silence();
    _successors();
    _tenants();
    check("gcoap has none open", gcoap_op_state() == 0);
    check("nothing is left in the packet buffer", gnrc_pktbuf_is_empty());
    checks_end();
    return 0;
}
