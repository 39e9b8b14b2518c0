/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       The host functions that a container may call
 */
#ifndef RBPF_HELPERS_H
#define RBPF_HELPERS_H

#include <rbpf/types.h>

/**
 * @brief   Writes formatted text to the log.
 *
 * Knows `%d %u %x %ld %lu %lx %s %c %p %%` and refuses all others: a format
 * with another directive, or with more of them than there are arguments, is a
 * fault and nothing is written. Without `l` an argument is 32 bits wide. `%s`
 * takes the address of a NUL-terminated string in guest memory; a string
 * without end is a fault. Each byte written is charged to the budget.
 *
 * @param[in] fmt string that ends with a NUL
 * @param[in] a 64-bit number
 * @param[in] b 64-bit number
 * @param[in] c 64-bit number
 * @param[in] d 64-bit number
 * @note    Capability log
 */
static void (*const bpf_printf)(const char *fmt, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
    = (void *)0x01;

/**
 * @brief   Copies `len` bytes from `src` to `dest` and returns `dest`.
 *
 * Overlapping ranges are copied as if through a buffer of their own.
 *
 * @param[out] dest memory that the host writes, `len` bytes
 * @param[in] src memory that the host reads, `len` bytes
 * @param[in] len number
 * @note    Capability core: granted to all
 */
static void *(*const bpf_memcpy)(void *dest, const void *src, uint32_t len)
    = (void *)0x02;

/**
 * @brief   Stores a value under a key in the container's own store.
 *
 * @param[in] key number
 * @param[in] value number
 * @return  0, or `-ENOSPC` if the container's quota is used up.
 * @note    Capability kv-local
 */
static int (*const bpf_store_local)(uint32_t key, uint32_t value)
    = (void *)0x10;

/**
 * @brief   Stores a value under a key in the store that all containers share.
 *
 * @param[in] key number
 * @param[in] value number
 * @return  0, or `-ENOSPC` if the container's quota is used up.
 * @note    Capability kv-global
 */
static int (*const bpf_store_global)(uint32_t key, uint32_t value)
    = (void *)0x11;

/**
 * @brief   Fetches the value under a key from the container's own store.
 *
 * A key that is absent yields 0, and nothing is stored. Returns 0.
 *
 * @param[in] key number
 * @param[out] value memory that the host writes, 4 bytes
 * @note    Capability kv-local
 */
static int (*const bpf_fetch_local)(uint32_t key, uint32_t *value)
    = (void *)0x12;

/**
 * @brief   Fetches the value under a key from the store that all containers
 *          share.
 *
 * A key that is absent yields 0, and nothing is stored. Returns 0.
 *
 * @param[in] key number
 * @param[out] value memory that the host writes, 4 bytes
 * @note    Capability kv-global
 */
static int (*const bpf_fetch_global)(uint32_t key, uint32_t *value)
    = (void *)0x13;

/**
 * @brief   Stores a value under a key in the store that the containers of a
 *          tenant share.
 *
 * Those without a tenant share one. Returns 0, or `-ENOSPC` if the quota of the
 * container or its tenant is used up.
 *
 * @param[in] key number
 * @param[in] value number
 * @note    Capability kv-tenant
 */
static int (*const bpf_store_tenant)(uint32_t key, uint32_t value)
    = (void *)0x14;

/**
 * @brief   Fetches the value under a key from the store that the containers of
 *          a tenant share.
 *
 * A key that is absent yields 0, and nothing is stored. Returns 0.
 *
 * @param[in] key number
 * @param[out] value memory that the host writes, 4 bytes
 * @note    Capability kv-tenant
 */
static int (*const bpf_fetch_tenant)(uint32_t key, uint32_t *value)
    = (void *)0x15;

/**
 * @brief   Milliseconds since the device started; wraps around after 49 days.
 *
 * @note    Capability time
 */
static uint32_t (*const bpf_now_ms)(void)
    = (void *)0x20;

/**
 * @brief   Has an event come to the container's binding `alarm` in so many
 *          milliseconds, instead of the one that may have been set before; 0 is
 *          never. It comes once.
 *
 * @param[in] ms number
 * @return  0, or `-ENOENT` if the container is not bound to `alarm`, `-ERANGE`
 *          for more than 12 days (2^30 - 1 ms).
 * @note    Capability time
 */
static int (*const bpf_timer_set)(uint32_t ms)
    = (void *)0x21;

/**
 * @brief   Finds the device at a position of the SAUL registry, counted from 0.
 *
 * @param[in] pos number
 * @return  a handle, or 0 if there are not so many devices.
 * @note    Capability sensor
 */
static bpf_saul_reg_t *(*const bpf_saul_reg_find_nth)(int pos)
    = (void *)0x30;

/**
 * @brief   Finds the first device of a SAUL class, `SAUL_SENSE_TEMP` for
 *          example.
 *
 * @param[in] type_id number
 * @return  a handle, or 0 if there is none.
 * @note    Capability sensor
 */
static bpf_saul_reg_t *(*const bpf_saul_reg_find_type)(uint32_t type_id)
    = (void *)0x31;

/**
 * @brief   Reads a sensor into a `phydat_t`.
 *
 * @param[in] sensor handle
 * @param[out] reading memory that the host writes, 8 bytes
 * @return  the number of dimensions read, 1 to 3, or a negative error:
 *          `-ENODEV` for a handle that names nothing, `-ENOTSUP` for a device
 *          that cannot be read, `-EIO` if it did not answer. On an error
 *          nothing is written.
 * @note    Capability sensor
 */
static int (*const bpf_saul_reg_read)(bpf_saul_reg_t *sensor, phydat_t *reading)
    = (void *)0x32;

/**
 * @brief   Writes a `phydat_t` to an actuator.
 *
 * @param[in] actuator handle
 * @param[in] value memory that the host reads, 8 bytes
 * @return  the number of dimensions that the device used, or a negative error
 *          as `saul_reg_read` does.
 * @note    Capability actuator
 */
static int (*const bpf_saul_reg_write)(bpf_saul_reg_t *actuator, const phydat_t *value)
    = (void *)0x33;

/**
 * @brief   Starts the response to the CoAP request, with a code such as
 *          `COAP_CODE_CONTENT`; what was written of a response before is
 *          dropped.
 *
 * @param[in] gcoap the container's context
 * @param[in] code number
 * @return  0, or `-EINVAL` for what is not a response code, `-ENOTSUP` if the
 *          container was not started by a CoAP request.
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_gcoap_resp_init)(bpf_coap_ctx_t *gcoap, unsigned code)
    = (void *)0x40;

/**
 * @brief   Ends the options. With the flag `COAP_OPT_FINISH_PAYLOAD` (1) a
 *          payload follows, and its marker is written.
 *
 * @param[in] gcoap the container's context
 * @param[in] flags number
 * @return  the number of bytes of the response so far: header, token, options
 *          and marker. Or `-ENOSPC` if the buffer is too small, `-EINVAL` if no
 *          response was started.
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_coap_opt_finish)(bpf_coap_ctx_t *gcoap, unsigned flags)
    = (void *)0x41;

/**
 * @brief   Adds the option Content-Format, `COAP_FORMAT_TEXT` (0) for example.
 *
 * @param[in] gcoap the container's context
 * @param[in] format number
 * @return  the number of bytes added, or a negative error as `coap_opt_finish`.
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_coap_add_format)(bpf_coap_ctx_t *gcoap, uint32_t format)
    = (void *)0x42;

/**
 * @brief   The address of the response's payload, to be written by the
 *          container.
 *
 * The memory behind it ends where the response's buffer does. 0 if the options
 * are not finished, or without a payload.
 *
 * @param[in] gcoap the container's context
 * @note    Capability coap-response
 */
static uint8_t *(*const bpf_coap_get_pdu)(bpf_coap_ctx_t *gcoap)
    = (void *)0x43;

/**
 * @brief   The method of the CoAP request: 1 GET, 2 POST, 3 PUT, 4 DELETE, 5
 *          FETCH, 6 PATCH, 7 iPATCH.
 *
 * 0 if the container was not started by a CoAP request.
 *
 * @note    Capability coap-response
 */
static uint32_t (*const bpf_coap_get_method)(void)
    = (void *)0x44;

/**
 * @brief   Copies the path of the CoAP request, `/sensor/1` for example,
 *          without a NUL.
 *
 * @param[out] out memory that the host writes, `len` bytes
 * @param[in] len number
 * @return  the number of bytes, or `-ENOSPC` if they are more than `len`,
 *          `-ENOTSUP` if the container was not started by a CoAP request.
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_coap_get_path)(char *out, size_t len)
    = (void *)0x45;

/**
 * @brief   Copies the query of the CoAP request: its options Uri-Query as they
 *          are, with `&` between them, without a NUL.
 *
 * @param[out] out memory that the host writes, `len` bytes
 * @param[in] len number
 * @return  the number of bytes, 0 if there is no query, or a negative error as
 *          `coap_get_path`.
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_coap_get_query)(char *out, size_t len)
    = (void *)0x46;

/**
 * @brief   The option Observe of the CoAP request (RFC 7641): 0 if who asks
 *          wants to be told of changes from now on, 1 if no longer.
 *
 * `-ENOENT` if there is none, or the device has no observers, `-ENOTSUP` if the
 * container was not started by a CoAP request. Where the device asks on behalf
 * of an observer, it is 0.
 *
 * @note    Capability coap-response
 */
static int (*const bpf_coap_get_observe)(void)
    = (void *)0x47;

/**
 * @brief   Adds the option Observe: who asks for it may observe what is
 *          answered. To be called before `coap_add_format`. Without it, or with
 *          the code of an error, nobody is told of changes, and who was is told
 *          no longer.
 *
 * The device numbers what it sends, or leaves the option out, where it has no
 * room for one more observer or nobody asked to be one. Returns the number of
 * bytes added, or a negative error as `coap_opt_finish`.
 *
 * @param[in] gcoap the container's context
 * @note    Capability coap-response
 */
static ssize_t (*const bpf_coap_add_observe)(bpf_coap_ctx_t *gcoap)
    = (void *)0x48;

/**
 * @brief   Finds the remote of a name, of those that the device has for
 *          containers.
 *
 * @param[in] name memory that the host reads, `length` bytes
 * @param[in] length number
 * @return  its index, or `-ENODEV` if there is none of that name, `-ENOTSUP` if
 *          the device makes no requests for containers.
 * @note    Capability coap-request
 */
static int (*const bpf_coap_find_remote)(const char *name, size_t length)
    = (void *)0x49;

/**
 * @brief   Sends a CoAP request to a remote, and does not wait for the answer:
 *          that is an event, which runs this container if it is bound to
 *          `answer`.
 *
 * The method is a code such as `COAP_METHOD_POST`. The path begins with `/`,
 * has visible characters of ASCII, and may end with a query, as in
 * `/rd?ep=node`. Nothing is unescaped. A request is charged to the budget with
 * 1000 instructions.
 *
 * @param[in] remote number
 * @param[in] method number
 * @param[in] path string that ends with a NUL
 * @param[in] payload memory that the host reads, `length` bytes
 * @param[in] length number
 * @return  the number of the request, from 1 on, or a negative error: `-EBUSY`
 *          if this container, or the one before it in its slot, has a request
 *          that is not answered yet; `-ENODEV` for an index that names nothing;
 *          `-EINVAL` for what is not a method or path, and parts of a path or
 *          query of more than 255 bytes; `-ENOSPC` if it does not fit a
 *          message; `-EIO` if it cannot be sent; `-ENOTSUP` as
 *          `coap_find_remote`.
 * @note    Capability coap-request
 */
static int (*const bpf_coap_request)(uint32_t remote, uint32_t method, const char *path, const void *payload, size_t length)
    = (void *)0x4a;

/**
 * @brief   Says that what the container answers on its paths has changed. Who
 *          observes one is told: the device asks the container again, soon, as
 *          a GET does. Of several changes until then, observers see the last.
 *
 * @return  0, or `-ENOTSUP` if the device has no observers.
 * @note    Capability coap-response
 */
static int (*const bpf_coap_notify)(void)
    = (void *)0x4b;

/**
 * @brief   Writes a fixed-point number in decimal: `value` times ten to the
 *          power of `digits`, so that 2345 and -2 are `23.45`.
 *
 * @param[out] out memory for the text, up to 16 bytes; only the text is written
 * @param[in] value number
 * @param[in] digits number
 * @return  the number of characters; there is no NUL. An exponent that is not
 *          in -9 to 9 writes nothing and returns 0.
 * @note    Capability core: granted to all
 */
static size_t (*const bpf_fmt_s16_dfp)(char *out, int16_t value, int digits)
    = (void *)0x50;

/**
 * @brief   Writes an unsigned number in decimal.
 *
 * @param[out] out memory for the text, up to 10 bytes; only the text is written
 * @param[in] value number
 * @return  the number of characters, 1 to 10; there is no NUL.
 * @note    Capability core: granted to all
 */
static size_t (*const bpf_fmt_u32_dec)(char *out, uint32_t value)
    = (void *)0x51;

/**
 * @brief   Writes a measurement as a pack of SenML in CBOR (RFC 8428), of the
 *          Content-Format `COAP_FORMAT_SENML_CBOR`: one record for each of
 *          `dimensions`, with the name and the unit, and the value as a decimal
 *          fraction; of `UNIT_BOOL`, as a truth value.
 *
 * A name has letters, digits and `-:./_`, up to 32. Returns the number of
 * bytes, or `-ENOSPC` if they are more than `len`, `-EINVAL` for another name
 * or other than 1 to 3 dimensions, `-ENOTSUP` if the host does not write SenML.
 *
 * @param[out] out memory that the host writes, `len` bytes
 * @param[in] len number
 * @param[in] name string that ends with a NUL
 * @param[in] value memory that the host reads, 8 bytes
 * @param[in] dimensions number
 * @note    Capability core: granted to all
 */
static ssize_t (*const bpf_fmt_senml)(uint8_t *out, size_t len, const char *name, const phydat_t *value, uint32_t dimensions)
    = (void *)0x58;

/**
 * @brief   Microseconds since the device started; wraps around after 71
 *          minutes.
 *
 * @note    Capability time
 */
static uint32_t (*const bpf_ztimer_now)(void)
    = (void *)0x60;

/**
 * @brief   A random number, from the device's best source.
 *
 * @note    Capability random
 */
static uint32_t (*const bpf_random)(void)
    = (void *)0x61;

/**
 * @brief   Finds the pin of a name, of those that the device has for
 *          containers.
 *
 * @param[in] name memory that the host reads, `length` bytes
 * @param[in] length number
 * @return  its index, or `-ENODEV` if there is none of that name, `-ENOTSUP` if
 *          the device has no pins for containers.
 * @note    Capability gpio
 */
static int (*const bpf_gpio_find)(const char *name, size_t length)
    = (void *)0x80;

/**
 * @brief   Reads a pin; of an output, the level that it is set to.
 *
 * @param[in] pin number
 * @return  0 for low, 1 for high, or a negative error: `-ENODEV` for an index
 *          that names nothing, `-ENOTSUP` if the device has no pins for
 *          containers.
 * @note    Capability gpio
 */
static int (*const bpf_gpio_read)(uint32_t pin)
    = (void *)0x81;

/**
 * @brief   Sets an output to low, if `level` is 0, else to high.
 *
 * @param[in] pin number
 * @param[in] level number
 * @return  0, or a negative error as `gpio_read` does, `-ENOTSUP` for an input
 *          too.
 * @note    Capability gpio
 */
static int (*const bpf_gpio_write)(uint32_t pin, uint32_t level)
    = (void *)0x82;

#include <rbpf/printf.h>

#endif /* RBPF_HELPERS_H */
/** @} */
