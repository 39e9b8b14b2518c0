/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       What an image says about itself
 */
#ifndef RBPF_MANIFEST_H
#define RBPF_MANIFEST_H

#include <stdint.h>

/**
 * @name    Capabilities: the units in which rights are granted
 * @{
 */
#define RBPF_CAPABILITY_LOG (UINT32_C(0x1)) /**< Write to the device's log or console */
#define RBPF_CAPABILITY_TIME (UINT32_C(0x2)) /**< Read the clocks */
#define RBPF_CAPABILITY_RANDOM (UINT32_C(0x4)) /**< Draw random numbers */
#define RBPF_CAPABILITY_KV_LOCAL (UINT32_C(0x8)) /**< Use the container's own key-value store */
#define RBPF_CAPABILITY_KV_GLOBAL (UINT32_C(0x10)) /**< Use the key-value store that all containers share */
#define RBPF_CAPABILITY_SENSOR (UINT32_C(0x20)) /**< Find and read sensors */
#define RBPF_CAPABILITY_ACTUATOR (UINT32_C(0x40)) /**< Write to actuators */
#define RBPF_CAPABILITY_COAP_RESPONSE (UINT32_C(0x80)) /**< Answer the CoAP request that started the container */
#define RBPF_CAPABILITY_PACKET (UINT32_C(0x100)) /**< See packets of the network stack */
#define RBPF_CAPABILITY_APPLICATION (UINT32_C(0x200)) /**< Call helpers that the device's application registered itself */
#define RBPF_CAPABILITY_PACKET_DROP (UINT32_C(0x400)) /**< Drop packets of the network stack */
#define RBPF_CAPABILITY_GPIO (UINT32_C(0x800)) /**< Find, read and write pins, and see their edges */
#define RBPF_CAPABILITY_KV_TENANT (UINT32_C(0x1000)) /**< Use the key-value store that the containers of a tenant share */
#define RBPF_CAPABILITY_COAP_REQUEST (UINT32_C(0x2000)) /**< Make CoAP requests to remotes that the device has for containers */
/** @} */

/**
 * @brief   Has the image want these capabilities, beside those that its helpers need.
 *
 * For what no helper is called for: a hook that needs one, or a value that is
 * watched. To be written outside of functions, once in a source, with a
 * semicolon behind it.
 */
#define RBPF_WANTS(capabilities) \
    __attribute__((section(".rbpf.wants"), used)) \
    static const uint32_t _rbpf_wants = (capabilities)

/**
 * @brief   Has the container keep the values of the one that it replaces.
 *
 * All that the earlier version has stored stays, in its own store and in shared
 * ones. Without, they are forgotten. To be written as @ref RBPF_WANTS is.
 */
#define RBPF_KEEP_VALUES \
    __attribute__((section(".rbpf.flags"), used)) \
    static const uint8_t _rbpf_flags = 1

/**
 * @brief   Says which version of the container it is, as the device shows it.
 *
 * A number from 0 to 2^32 - 1 that its author counts. `--app-version` of the
 * command line goes before it. To be written as @ref RBPF_WANTS is.
 */
#define RBPF_VERSION(number) \
    __attribute__((section(".rbpf.version"), used)) \
    static const uint32_t _rbpf_version = (number)

#endif /* RBPF_MANIFEST_H */
/** @} */
