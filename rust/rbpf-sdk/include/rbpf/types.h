/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @defgroup    rbpf_sdk rBPF containers
 * @brief       What a container written in C may use
 *
 * Compile with `clang -target bpf -mcpu=v4 -O2 -ffreestanding`. There is no C
 * library: `<stdint.h>`, `<stddef.h>` and `<stdbool.h>` are the compiler's
 * own. Optimisation is needed: helper calls are only recognised with it.
 *
 * A container is a function that takes a context and returns a number. All
 * pointers are addresses in the container's own memory; they have 64 bits, of
 * which the upper 32 are zero.
 * @{
 *
 * @file
 * @brief       Types that containers share with their host
 */
#ifndef RBPF_TYPES_H
#define RBPF_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef _SSIZE_T_DECLARED
#define _SSIZE_T_DECLARED
/** @brief  A size, or a negative error code. */
typedef __PTRDIFF_TYPE__ ssize_t;
#endif

/** @brief  Number of dimensions of a @ref phydat_t. */
#ifndef PHYDAT_DIM
#define PHYDAT_DIM 3
#endif

/** @brief  A physical value: `val[i]` times ten to the power of `scale`. */
typedef struct {
    int16_t val[PHYDAT_DIM];    /**< the dimensions; those that a device lacks are 0 */
    uint8_t unit;               /**< the unit, `UNIT_...` of rbpf/saul.h */
    int8_t scale;               /**< the exponent of ten */
} phydat_t;

/**
 * @brief   A sensor or actuator of the host
 *
 * The pointer is a handle and not an address: it can be compared with NULL and
 * given back to helpers, and reading through it is a fault.
 */
typedef struct bpf_saul_reg bpf_saul_reg_t;

/**
 * @brief   Context of a container that answers a CoAP request
 *
 * The container's copy: what it writes here the host does not look at.
 */
typedef struct {
    void *pkt;          /**< the request, a `bpf_coap_pkt_t` of rbpf/coap.h */
    uint8_t *buf;       /**< the response's buffer */
    size_t buf_len;     /**< length of the response's buffer, in bytes */
} bpf_coap_ctx_t;

/** @brief  Context of a container that works on a buffer of 16-bit words. */
typedef struct {
    const uint16_t *data;   /**< the words */
    uint32_t words;         /**< how many there are */
} rbpf_words_ctx_t;

/** @brief  Context of a container that a timer has triggered. */
typedef struct {
    uint32_t now_ms;        /**< milliseconds since the host's start; wraps */
    uint32_t period_ms;     /**< milliseconds from one time to the next; 0 if it is due once */
    uint32_t missed;        /**< times that were missed before this one */
} rbpf_timer_ctx_t;

/** @brief  Context of a container that watches a value of a key-value store. */
typedef struct {
    uint32_t key;           /**< the key */
    uint32_t before;        /**< value when the container looked last; 0 if there was none */
    uint32_t value;         /**< value now; 0 if there is none */
} rbpf_change_ctx_t;

/** @brief  Context of a container that an edge of a pin has triggered. */
typedef struct {
    uint32_t pin;           /**< index of the pin, as of `bpf_gpio_find` */
    uint32_t level;         /**< its level after the edge, 0 or 1 */
} rbpf_gpio_ctx_t;

/** @brief  Context of a container that an event of a sensor has triggered. */
typedef struct {
    uint32_t device;        /**< its handle: cast it to `bpf_saul_reg_t *` to read it */
    uint32_t dimensions;    /**< of the value, 1 to 3; 0 if the event brings none */
    phydat_t value;         /**< the value */
} rbpf_saul_ctx_t;

/** @brief  Context of a container that a switch from one thread to another has triggered. */
typedef struct {
    uint32_t from;          /**< number of the thread that ran before */
    uint32_t to;            /**< number of the thread that runs now */
    uint32_t lost;          /**< switches before this one that are no events, as too many waited */
    uint32_t time_us;       /**< when it was: microseconds since the host's start; wraps */
} rbpf_sched_ctx_t;

/**
 * @brief   Context of a container that a packet has triggered
 *
 * A UDP datagram begins with its header of 8 bytes. In one that is to be sent,
 * the stack fills length and checksum in later.
 */
typedef struct {
    const uint8_t *data;    /**< the first bytes of the packet; they can't be written */
    uint32_t length;        /**< length of the whole packet, in bytes */
    uint32_t available;     /**< how many bytes there are at `data` */
    uint16_t interface;     /**< number of the network interface; 0 if it is not known */
    uint8_t direction;      /**< `RBPF_PACKET_RX` or `RBPF_PACKET_TX` of rbpf/packet.h */
    uint8_t type;           /**< what it begins with: `RBPF_PACKET_UDP` and so on */
} rbpf_packet_ctx_t;

/** @brief  Context of a container whose request has ended, bound to `answer`. */
typedef struct {
    const uint8_t *payload; /**< payload of the response; it can't be written */
    uint32_t length;        /**< bytes of it that are here */
    uint32_t request;       /**< number of the request, as of `bpf_coap_request` */
    int32_t code;           /**< code of the response, `COAP_CODE_...`; a negative error if there
                                 is none: `-ETIMEDOUT` if it did not come in time or was rejected,
                                 another one if the request got lost on the way */
    uint32_t truncated;     /**< 1 if there is more payload than is here, else 0 */
} rbpf_answer_ctx_t;

#endif /* RBPF_TYPES_H */
/** @} */
