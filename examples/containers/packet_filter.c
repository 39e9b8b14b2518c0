/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Counts UDP datagrams by their port, and drops some of them
 *
 * Bound to `rx:udp`, it sees what comes in; to `tx:udp`, what goes out. Those
 * to the port @ref BLOCKED, and those whose payload begins with @ref WORD, are
 * dropped; the others pass. Its local store has, under the number of each
 * port, how many came for that port, as far as there is room.
 *
 * Where it is not granted the right `packet-drop` it counts, and drops nothing.
 */
#include <rbpf/kv.h>
#include <rbpf/manifest.h>
#include <rbpf/packet.h>

/* To be bound, and to be heard */
RBPF_WANTS(RBPF_CAPABILITY_PACKET | RBPF_CAPABILITY_PACKET_DROP);

/** The destination port whose datagrams are dropped. */
#ifndef BLOCKED
#define BLOCKED 9
#endif

/** What a payload that is dropped begins with, as four characters. */
#define WORD "DROP"

/** Key of the number of datagrams dropped: no port has that number. */
#define KEY_DROPPED 0x10000

/** Bytes of the header of UDP; the port it goes to is the second field. */
#define HEADER 8

static bool begins_with_word(const uint8_t *payload)
{
    static const uint8_t word[] = WORD;

    for (unsigned i = 0; i < sizeof(word) - 1; i++) {
        if (payload[i] != word[i]) {
            return false;
        }
    }
    return true;
}

int judge(rbpf_packet_ctx_t *packet)
{
    if (packet->type != RBPF_PACKET_UDP || packet->available < HEADER) {
        return RBPF_PASS;
    }

    const uint8_t *data = packet->data;
    uint32_t port = (uint32_t)data[2] << 8 | data[3];
    bpf_store_local(port, rbpf_local_get(port) + 1);

    if (port == BLOCKED
        || (packet->available >= HEADER + sizeof(WORD) - 1 && begins_with_word(data + HEADER))) {
        bpf_store_local(KEY_DROPPED, rbpf_local_get(KEY_DROPPED) + 1);
        return RBPF_DROP;
    }
    return RBPF_PASS;
}
