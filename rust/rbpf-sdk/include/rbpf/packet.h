/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       Packets of the network stack: types and verdicts
 */
#ifndef RBPF_PACKET_H
#define RBPF_PACKET_H

#include <rbpf/types.h>

/**
 * @name    Directions
 * @{
 */
#ifndef RBPF_PACKET_RX
#define RBPF_PACKET_RX (0) /**< it has been received */
#endif
#ifndef RBPF_PACKET_TX
#define RBPF_PACKET_TX (1) /**< it is to be sent */
#endif
/** @} */

/**
 * @name    Types
 * @{
 */
#ifndef RBPF_PACKET_UDP
#define RBPF_PACKET_UDP (1) /**< UDP */
#endif
#ifndef RBPF_PACKET_IPV6
#define RBPF_PACKET_IPV6 (2) /**< IPv6 */
#endif
#ifndef RBPF_PACKET_SIXLOWPAN
#define RBPF_PACKET_SIXLOWPAN (3) /**< 6LoWPAN, or the IPv6 packet that it is made of */
#endif
/** @} */

/**
 * @name    Verdicts
 * @{
 */
#ifndef RBPF_PASS
#define RBPF_PASS (0) /**< it goes on, unless another container drops it */
#endif
#ifndef RBPF_DROP
#define RBPF_DROP (1) /**< it ends here */
#endif
#ifndef RBPF_COUNT
#define RBPF_COUNT (2) /**< it goes on, and is counted; containers after this one are not asked */
#endif
/** @} */

#endif /* RBPF_PACKET_H */
/** @} */
