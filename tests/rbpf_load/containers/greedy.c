/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Takes all values that it can get, and would have packets dropped
 */
#include <rbpf/kv.h>
#include <rbpf/manifest.h>
#include <rbpf/packet.h>

/* Its tenant allows only to see packets */
RBPF_WANTS(RBPF_CAPABILITY_PACKET | RBPF_CAPABILITY_PACKET_DROP);

int greedy(void)
{
    for (unsigned key = 0; key < 100; key++) {
        if (bpf_store_tenant(key, key) < 0) {
            break;
        }
    }
    return RBPF_DROP;
}
