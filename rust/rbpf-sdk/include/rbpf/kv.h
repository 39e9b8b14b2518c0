/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       The key-value stores, by value
 *
 * A container keeps nothing between runs but what it stores. The local store
 * is its own, the global one is shared by all containers. Keys and values are
 * 32-bit numbers; a key that is absent reads as 0.
 */
#ifndef RBPF_KV_H
#define RBPF_KV_H

#include <rbpf/helpers.h>

/**
 * @brief   Reads from the container's own store.
 * @param[in] key   the key
 * @return  the value, 0 if there is none
 */
static inline uint32_t rbpf_local_get(uint32_t key)
{
    uint32_t value = 0;
    bpf_fetch_local(key, &value);
    return value;
}

/**
 * @brief   Reads from the store that all containers share.
 * @param[in] key   the key
 * @return  the value, 0 if there is none
 */
static inline uint32_t rbpf_global_get(uint32_t key)
{
    uint32_t value = 0;
    bpf_fetch_global(key, &value);
    return value;
}

#endif /* RBPF_KV_H */
/** @} */
