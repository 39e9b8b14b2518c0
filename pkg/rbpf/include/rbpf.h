/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/* Generated from rust/rbpf-riot by cbindgen (`make generate`): do not edit. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * @defgroup    pkg_rbpf rBPF containers
 * @ingroup     pkg
 * @brief       Hosts small isolated programs in the eBPF instruction set
 *
 * The thread `rbpf` owns the containers; functions hand their request to it
 * and wait until it is done. So they may be called by threads only, once the
 * module has been started. Some only touch what is theirs, and do not wait:
 * @ref rbpf_hook_register, @ref rbpf_helper_register, `rbpf_gpio_register()`,
 * `rbpf_remote_register()`, `rbpf_saul_register()`, and, from interrupts too,
 * @ref rbpf_hook_post, `rbpf_saul_event()` and @ref rbpf_stats.
 *
 * Every function that waits has these errors beside its own. Nothing has been
 * done then, and it can be tried again:
 *
 * | error      | why                                                         |
 * |------------|-------------------------------------------------------------|
 * | -EPERM     | it was called in an interrupt                               |
 * | -EDEADLK   | it was called by a helper, which the worker waits for       |
 * | -ENODEV    | the module has not been started                             |
 * | -EBUSY     | `CONFIG_RBPF_QUEUE` requests wait already                   |
 * | -ETIMEDOUT | the worker had not begun after `CONFIG_RBPF_TIMEOUT_MS`     |
 *
 * What the worker has begun is waited for until its end, which the budgets of
 * containers bound.
 *
 * Strings end with a NUL. Names, images, contexts and regions are used until
 * the function returns, and not longer.
 *
 * @{
 *
 * @file
 * @brief       rBPF containers from C
 */

#ifdef MODULE_RBPF_CLIENT
#include "net/sock/udp.h"
#endif

#ifdef MODULE_RBPF_GPIO
#include "periph/gpio.h"
#endif

#ifdef MODULE_RBPF_SAUL
#include "saul_reg.h"
#endif

/**
 * @brief   Smallest number of a helper of the application's own
 */
#define RBPF_HELPER_FIRST 0x8000

/**
 * @name    Capabilities: rights to call groups of helpers, a bit each
 * @{
 */
#define RBPF_CAPABILITY_LOG            0x0001 /**< Write to the device's log or console */
#define RBPF_CAPABILITY_TIME           0x0002 /**< Read the clocks */
#define RBPF_CAPABILITY_RANDOM         0x0004 /**< Draw random numbers */
#define RBPF_CAPABILITY_KV_LOCAL       0x0008 /**< Use the container's own key-value store */
#define RBPF_CAPABILITY_KV_GLOBAL      0x0010 /**< Use the key-value store that all containers share */
#define RBPF_CAPABILITY_SENSOR         0x0020 /**< Find and read sensors */
#define RBPF_CAPABILITY_ACTUATOR       0x0040 /**< Write to actuators */
#define RBPF_CAPABILITY_COAP_RESPONSE  0x0080 /**< Answer the CoAP request that started the container */
#define RBPF_CAPABILITY_PACKET         0x0100 /**< See packets of the network stack */
#define RBPF_CAPABILITY_APPLICATION    0x0200 /**< Call helpers that the device's application registered itself */
#define RBPF_CAPABILITY_PACKET_DROP    0x0400 /**< Drop packets of the network stack */
#define RBPF_CAPABILITY_GPIO           0x0800 /**< Find, read and write pins, and see their edges */
#define RBPF_CAPABILITY_KV_TENANT      0x1000 /**< Use the key-value store that the containers of a tenant share */
#define RBPF_CAPABILITY_COAP_REQUEST   0x2000 /**< Make CoAP requests to remotes that the device has for containers */
/** @} */

/**
 * @brief   Capabilities whose helpers may wait
 */
#define RBPF_CAPABILITIES_MAY_WAIT 0x2261

/**
 * @name    Why a run ended in a fault
 * @{
 */
#define RBPF_FAULT_INVALID_READ        1 /**< read outside of the granted memory */
#define RBPF_FAULT_INVALID_WRITE       2 /**< write outside of the granted memory */
#define RBPF_FAULT_STACK_OVERFLOW      3 /**< stack overflow */
#define RBPF_FAULT_BUDGET_EXHAUSTED    4 /**< instruction budget used up */
#define RBPF_FAULT_UNKNOWN_HELPER      5 /**< unknown helper */
#define RBPF_FAULT_INVALID_INSTRUCTION 6 /**< invalid instruction */
#define RBPF_FAULT_UNTERMINATED_STRING 7 /**< string without end */
#define RBPF_FAULT_INVALID_FORMAT      8 /**< format directive not supported */
#define RBPF_FAULT_INVALID_RESULT      9 /**< result out of range */
/** @} */

/**
 * @brief   Initialiser of a @ref rbpf_hook_t
 *
 * @param[in] name      its name, 1 to 32 visible characters of ASCII, of which
 *                      the first is not a slash; the string stays
 */
#define RBPF_HOOK_INIT(name) RBPF_HOOK_INIT_POLICY(name, RBPF_POLICY_LAST)

/**
 * @brief   Initialiser of a @ref rbpf_hook_t where an event's result is not
 *          simply that of the last container
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    @ref RBPF_POLICY_LAST, @ref RBPF_POLICY_FIRST_NON_ZERO,
 *                      @ref RBPF_POLICY_ALL or
 *                      @ref RBPF_POLICY_STOP_ON_FAULT
 */
#define RBPF_HOOK_INIT_POLICY(name, policy) RBPF_HOOK_INIT_RIGHTS(name, policy, 0, 0)

/**
 * @brief   Initialiser of a @ref rbpf_hook_t that is not for all containers
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    as for @ref RBPF_HOOK_INIT_POLICY
 * @param[in] needs     `RBPF_CAPABILITY_...` that a container must have been
 *                      granted to be bound
 * @param[in] say       `RBPF_CAPABILITY_...` that it must have been granted for
 *                      its result to be looked at
 */
#define RBPF_HOOK_INIT_RIGHTS(name, policy, needs, say) \
    { NULL, (name), (policy), 0, (needs), (say), 0, 0 }

/**
 * @brief   Initialiser of a @ref rbpf_hook_t where a run has a bound: it is never
 *          paused, and containers that were granted one of
 *          @ref RBPF_CAPABILITIES_MAY_WAIT can't be bound
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    as for @ref RBPF_HOOK_INIT_POLICY
 * @param[in] budget    instructions that a run may execute, at least 1, in place of
 *                      `CONFIG_RBPF_BUDGET`
 */
#define RBPF_HOOK_INIT_BOUNDED(name, policy, budget) \
    { NULL, (name), (policy), 0, 0, 0, RBPF_CAPABILITIES_MAY_WAIT, (budget) }

/**
 * @brief   Initialiser of a @ref rbpf_pin_t
 *
 * @param[in] name      its name, a literal: 1 to 27 visible characters of ASCII
 * @param[in] pin       a `gpio_t`, which no other code sets up
 * @param[in] mode      `GPIO_IN`, `GPIO_IN_PD` or `GPIO_IN_PU` for an input;
 *                      `GPIO_OUT`, `GPIO_OD` or `GPIO_OD_PU` for an output
 */
#define RBPF_PIN_INIT(name, pin, mode) RBPF_PIN_INIT_EDGES(name, pin, mode, RBPF_EDGE_NONE)

/**
 * @brief   Initialiser of a @ref rbpf_pin_t whose edges run the containers that
 *          are bound to the hook `gpio:NAME`
 *
 * @param[in] name      as for @ref RBPF_PIN_INIT
 * @param[in] pin       as for @ref RBPF_PIN_INIT
 * @param[in] mode      as for @ref RBPF_PIN_INIT, of an input
 * @param[in] edges     @ref RBPF_EDGE_RISING, @ref RBPF_EDGE_FALLING or
 *                      @ref RBPF_EDGE_BOTH
 */
#define RBPF_PIN_INIT_EDGES(name, pin, mode, edges) \
    { RBPF_HOOK_INIT_RIGHTS("gpio:" name, RBPF_POLICY_LAST, RBPF_CAPABILITY_GPIO, 0), NULL, \
       (pin), (mode), 0, (edges) }

/**
 * @brief   Initialiser of a @ref rbpf_remote_t
 *
 * @param[in] name      its name, of visible characters of ASCII; the string stays
 */
#define RBPF_REMOTE_INIT(name) { NULL, (name), { 0 }, 0 }

/**
 * @brief   Initialiser of a @ref rbpf_saul_source_t
 *
 * @param[in] name      its name, a literal: 1 to 27 visible characters of ASCII
 */
#define RBPF_SAUL_SOURCE_INIT(name) \
    { RBPF_HOOK_INIT_RIGHTS("saul:" name, RBPF_POLICY_LAST, RBPF_CAPABILITY_SENSOR, 0), 0 }

/**
 * @brief   Initialiser of a @ref rbpf_helper_t
 *
 * @param[in] id            its number, from @ref RBPF_HELPER_FIRST on
 * @param[in] capability    `RBPF_CAPABILITY_...` that containers need, 0 for
 *                          none
 * @param[in] cost          instructions that a call is charged with
 * @param[in] function      a @ref rbpf_helper_function_t
 * @param[in] user          passed to @p function as it is
 * @param[in] ...           its parameters, 1 to 5: @ref RBPF_VALUE,
 *                          @ref RBPF_INPUT, @ref RBPF_OUTPUT or
 *                          @ref RBPF_IN_OUT; further ones are values
 */
#define RBPF_HELPER_INIT(id, capability, cost, function, user, ...) \
    { NULL, (id), (capability), (cost), { __VA_ARGS__ }, (function), (user) }

/**
 * @brief   The next argument says the length of the memory
 */
#define RBPF_LENGTH_FOLLOWS 0

/** @brief  Parameter that is a number */
#define RBPF_VALUE { RBPF_PARAMETER_VALUE, 0 }
/** @brief  Parameter that is memory of so many bytes, which the helper reads */
#define RBPF_INPUT(length) { RBPF_PARAMETER_INPUT, (length) }
/** @brief  Parameter that is memory of so many bytes, which the helper writes */
#define RBPF_OUTPUT(length) { RBPF_PARAMETER_OUTPUT, (length) }
/** @brief  Parameter that is memory, which the helper reads and writes */
#define RBPF_IN_OUT(length) { RBPF_PARAMETER_IN_OUT, (length) }

/**
 * @brief   The container may read the region
 */
#define RBPF_REGION_READ 1

/**
 * @brief   The container may write the region
 */
#define RBPF_REGION_WRITE 2

/**
 * @brief   All containers run, and the result of the last that returned counts
 */
#define RBPF_POLICY_LAST 0

/**
 * @brief   The first result that is not 0 counts, and containers after it do
 *          not run
 */
#define RBPF_POLICY_FIRST_NON_ZERO 1

/**
 * @brief   All containers run and must agree: the result is 0 if that of one
 *          is, else that of the last
 */
#define RBPF_POLICY_ALL 2

/**
 * @brief   The result of the last counts; a fault ends the event, which has
 *          none then
 */
#define RBPF_POLICY_STOP_ON_FAULT 3

/**
 * @brief   The argument is a number; all its 64 bits are passed on
 */
#define RBPF_PARAMETER_VALUE 0

/**
 * @brief   The argument is the address of memory that the helper reads
 */
#define RBPF_PARAMETER_INPUT 1

/**
 * @brief   The argument is the address of memory that the helper writes
 */
#define RBPF_PARAMETER_OUTPUT 2

/**
 * @brief   The argument is the address of memory that the helper reads and
 *          writes
 */
#define RBPF_PARAMETER_IN_OUT 3

/**
 * @brief   The pin's edges are no events
 */
#define RBPF_EDGE_NONE 0

/**
 * @brief   An event when the pin becomes high
 */
#define RBPF_EDGE_RISING 1

/**
 * @brief   An event when the pin becomes low
 */
#define RBPF_EDGE_FALLING 2

/**
 * @brief   An event whenever the pin changes
 */
#define RBPF_EDGE_BOTH 3

/**
 * @brief   On whose behalf containers are installed
 *
 * What its containers may have is meant for all of them together, but for the
 * capabilities.
 */
typedef struct {
    /**
     * Its name: 1 to 16 visible characters of ASCII
     */
    const char *name;
    /**
     * Capabilities that each may be granted: `RBPF_CAPABILITY_...`
     */
    uint32_t capabilities;
    /**
     * Instructions in a second; 0 is no limit beside that of each container
     */
    uint32_t rate;
    /**
     * Values in key-value stores
     */
    uint16_t values;
    /**
     * Containers
     */
    uint8_t slots;
    /**
     * Bindings
     */
    uint8_t bindings;
    /**
     * Runs that may be paused at a time, where `CONFIG_RBPF_PAUSES` is not 0
     */
    uint8_t paused;
} rbpf_tenant_t;

/**
 * @brief   A container and how it fares
 */
typedef struct {
    /**
     * Slot that it lies in, from 0
     */
    uint8_t slot;
    /**
     * Number of paths and hooks that it is bound to
     */
    uint8_t bindings;
    /**
     * Whether it runs no more before @ref rbpf_release, since too many of its
     * runs in a row ended in a fault
     */
    bool quarantined;
    /**
     * Number of its tenant, from 1 in the order of @ref rbpf_tenant_add; 0 if it
     * has none
     */
    uint8_t tenant;
    /**
     * Counts the containers in that slot
     */
    uint32_t generation;
    /**
     * Whether its image says which version it is
     */
    bool versioned;
    /**
     * Which version it is; 0 if its image does not say
     */
    uint32_t version;
    /**
     * Bytes of its image
     */
    uint32_t size;
    /**
     * Capabilities that it was granted, a bit each
     */
    uint32_t capabilities;
    /**
     * Runs; wraps, as all counters
     */
    uint32_t runs;
    /**
     * Runs that ended in a fault
     */
    uint32_t faults;
    /**
     * Helpers called
     */
    uint32_t helper_calls;
    /**
     * Runs that did not begin, because it was in quarantine, its share of
     * `CONFIG_RBPF_RATE` or its tenant's was used up, or its last run was paused;
     * and results other than 0 where it had no say
     */
    uint32_t denied;
    /**
     * Instructions of the longest run
     */
    uint32_t longest_run;
    /**
     * Program counter of the last fault, in instruction slots
     */
    uint32_t fault_pc;
    /**
     * Instructions executed
     */
    uint64_t instructions;
} rbpf_info_t;

/**
 * @brief   What triggers a container
 */
typedef struct {
    /**
     * Path, hook, timer or value
     */
    char target[33];
    /**
     * Name of the container
     */
    char name[17];
    /**
     * Events that have come to it; wraps
     */
    uint32_t events;
} rbpf_binding_t;

/**
 * @brief   A run that ended in a fault
 */
typedef struct {
    /**
     * Name that the container had; `-` for an image that was not installed
     */
    char name[17];
    /**
     * Why: `RBPF_FAULT_...`
     */
    uint8_t kind;
    /**
     * Slot that it lay in; 255 for an image that was not installed
     */
    uint8_t slot;
    /**
     * Which of the containers in that slot it was
     */
    uint32_t generation;
    /**
     * Instruction slot that did not complete
     */
    uint32_t pc;
    /**
     * When it was, in milliseconds since start; wraps
     */
    uint32_t at_ms;
    /**
     * Guest address of the access that was refused, or 0
     */
    uint64_t address;
    /**
     * r0 to r10
     */
    uint64_t registers[11];
} rbpf_fault_t;

/**
 * @brief   A place in the application's code where containers run
 *
 * A static, initialised by @ref RBPF_HOOK_INIT or @ref RBPF_HOOK_INIT_POLICY
 * and registered once.
 */
typedef struct {
    /**
     * The next of all hooks; private
     */
    const void *next;
    /**
     * Its name: 1 to 32 visible characters of ASCII, of which the first is
     * not a slash; the string stays
     */
    const char *name;
    /**
     * What the result of an event is: `RBPF_POLICY_...`
     */
    uint8_t policy;
    /**
     * Containers bound to it, where 255 stands for more, too; private
     */
    uint8_t bound;
    /**
     * What a container must have been granted to be bound:
     * `RBPF_CAPABILITY_...`
     */
    uint32_t needs;
    /**
     * What a container must have been granted for its result to be looked at
     */
    uint32_t say;
    /**
     * What a container must not have been granted to be bound
     */
    uint32_t forbids;
    /**
     * Instructions that a run may execute here, which is never paused; 0 for as
     * many as elsewhere
     */
    uint32_t budget;
} rbpf_hook_t;

/**
 * @brief   Memory that a run is granted
 *
 * Nothing that is registered with the module (hooks, helpers, pins) lies there.
 */
typedef struct {
    /**
     * The memory; `NULL` only if its length is 0
     */
    void *data;
    /**
     * Bytes
     */
    size_t length;
    /**
     * @ref RBPF_REGION_READ, @ref RBPF_REGION_WRITE, or both
     */
    uint8_t rights;
} rbpf_region_t;

/**
 * @brief   What an argument of a helper is
 */
typedef struct {
    /**
     * One of `RBPF_PARAMETER_...`
     */
    uint8_t kind;
    /**
     * Bytes of the memory; 0 if the argument after this one says it
     */
    uint16_t length;
} rbpf_parameter_t;

/**
 * @brief   An argument, as a helper in C gets it
 */
typedef struct {
    /**
     * What the register holds
     */
    uint64_t value;
    /**
     * The memory at that address, `NULL` for a number. It is valid until the
     * helper returns, and may overlap with that of another argument. It need
     * not be aligned: use `memcpy` for anything larger than a byte
     */
    void *data;
    /**
     * Bytes of the memory, 0 for a number
     */
    size_t length;
} rbpf_argument_t;

/**
 * @brief   The function of a helper
 *
 * @param[in] arguments     r1 to r5, checked
 * @param[in] user          what the helper was registered with
 *
 * @return  the result, r0
 */
typedef int64_t (*rbpf_helper_function_t)(const rbpf_argument_t *arguments, void *user);

/**
 * @brief   A helper of the application's own
 *
 * A static, initialised by @ref RBPF_HELPER_INIT and registered once.
 */
typedef struct {
    /**
     * The next of all helpers; private
     */
    const void *next;
    /**
     * Number by which containers call it, from @ref RBPF_HELPER_FIRST on
     */
    uint32_t id;
    /**
     * Capability that containers need: `RBPF_CAPABILITY_APPLICATION`, or
     * another one that their image wants; 0 for none
     */
    uint32_t capability;
    /**
     * Instructions that a call is charged with, beside the call itself
     */
    uint32_t cost;
    /**
     * What its arguments are
     */
    rbpf_parameter_t parameters[5];
    /**
     * What is called, with 5 arguments and @p user; its result is r0
     */
    rbpf_helper_function_t function;
    /**
     * Passed to @p function as it is
     */
    void *user;
} rbpf_helper_t;

#if defined(MODULE_RBPF_GPIO)
/**
 * @brief   A pin that containers may use
 *
 * A static, initialised by @ref RBPF_PIN_INIT or @ref RBPF_PIN_INIT_EDGES and
 * registered once.
 */
typedef struct {
    /**
     * What its edges trigger, and, after `gpio:`, its name; private
     */
    rbpf_hook_t hook;
    /**
     * The next of all pins; private
     */
    const void *next;
    /**
     * The pin
     */
    gpio_t pin;
    /**
     * `GPIO_IN`, `GPIO_IN_PD` or `GPIO_IN_PU` for an input; `GPIO_OUT`,
     * `GPIO_OD` or `GPIO_OD_PU` for an output
     */
    gpio_mode_t mode;
    /**
     * Index by which containers know it; private
     */
    uint16_t index;
    /**
     * Edges of an input that are events: `RBPF_EDGE_...`
     */
    uint8_t edges;
} rbpf_pin_t;
#endif

#if defined(MODULE_RBPF_CLIENT)
/**
 * @brief   Whom containers may make CoAP requests to
 *
 * A static, initialised by @ref RBPF_REMOTE_INIT and registered once.
 */
typedef struct {
    /**
     * The next of all remotes; private
     */
    const void *next;
    /**
     * Its name: visible characters of ASCII; the string stays
     */
    const char *name;
    /**
     * Its address; private
     */
    sock_udp_ep_t endpoint;
    /**
     * Index by which containers know it; private
     */
    uint16_t index;
} rbpf_remote_t;
#endif

#if defined(MODULE_RBPF_SAUL)
/**
 * @brief   A SAUL device that has events
 *
 * A static, initialised by @ref RBPF_SAUL_SOURCE_INIT and registered once.
 */
typedef struct {
    /**
     * What its events trigger; private
     */
    rbpf_hook_t hook;
    /**
     * Handle by which containers know the device; private
     */
    uint16_t handle;
} rbpf_saul_source_t;
#endif

/**
 * @brief   A value in a key-value store
 */
typedef struct {
    /**
     * Its store, as @ref rbpf_kv_fetch takes it; but empty for the global one, and
     * `-` for that of images that are not installed
     */
    char store[18];
    /**
     * Its key
     */
    uint32_t key;
    /**
     * The value
     */
    uint32_t value;
} rbpf_kv_t;

/**
 * @brief   What the module has counted
 */
typedef struct {
    /**
     * Requests to the worker; wraps, as all counters
     */
    uint32_t jobs;
    /**
     * Requests refused because too many waited
     */
    uint32_t refused;
    /**
     * Requests whose caller waited too long
     */
    uint32_t timeouts;
    /**
     * Events lost because too many waited
     */
    uint32_t events_lost;
} rbpf_stats_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * @brief   Start the module
 *
 * auto_init does it; this is for applications without. For a thread.
 *
 * @retval 0            containers can be installed from now on
 * @retval -EPERM       it was called in an interrupt
 * @retval -EALREADY    it has been started
 * @retval -ENOMEM      there are no more threads
 */
int rbpf_init(void);

/**
 * @brief   Install a container
 *
 * The image is copied and verified; nothing runs yet. The container gets all
 * capabilities that its image wants.
 *
 * @param[in] name      name, 1 to 16 visible characters of ASCII
 * @param[in] image     image as `rbpf build` makes it, need not be aligned
 * @param[in] length    bytes of the image
 *
 * @retval 0            it is installed
 * @retval -EINVAL      a pointer is `NULL`, or the name not as above
 * @retval -EEXIST      there is a container of that name
 * @retval -ENOMEM      no slot is free and large enough
 * @retval -EBADMSG     the image is malformed or the verifier refuses it
 */
int rbpf_install(const char *name, const void *image, size_t length);

/**
 * @brief   Make a tenant known, for good
 *
 * @param[in] tenant    name and allowance; copied
 *
 * @retval 0            containers can be installed for it from now on
 * @retval -EINVAL      a pointer is `NULL`, the name not as it must be, or a
 *                      capability not defined
 * @retval -EEXIST      there is a tenant of that name
 * @retval -ENOMEM      there are `CONFIG_RBPF_TENANTS` already, or tenants are promised
 *                      more paused runs than `CONFIG_RBPF_PAUSED`
 */
int rbpf_tenant_add(const rbpf_tenant_t *tenant);

/**
 * @brief   Install a container of a tenant
 *
 * As @ref rbpf_install, but it gets only those of the capabilities that its
 * tenant allows.
 *
 * @param[in] tenant    name of the tenant
 * @param[in] name      as for @ref rbpf_install
 * @param[in] image     as for @ref rbpf_install
 * @param[in] length    as for @ref rbpf_install
 *
 * @retval 0            it is installed
 * @retval -EINVAL      a pointer is `NULL`, or the name not as it must be
 * @retval -ENOENT      there is no such tenant
 * @retval -EEXIST      there is a container of that name
 * @retval -ENOMEM      no slot is free and large enough, or the tenant has as
 *                      many containers as it may
 * @retval -EBADMSG     the image is malformed or the verifier refuses it, or it
 *                      calls a helper that the tenant does not allow
 */
int rbpf_install_for(const char *tenant,
                     const char *name,
                     const void *image,
                     size_t length);

/**
 * @brief   Replace a container by another version of it
 *
 * It keeps name, tenant and bindings, and its values if the new image says so
 * (`RBPF_KEEP_VALUES` in its source). If the image is refused,
 * the container stays as it was.
 *
 * @param[in] name      its name
 * @param[in] image     image as `rbpf build` makes it, aligned to 8 bytes
 * @param[in] length    bytes of the image
 *
 * @retval 0            it is replaced
 * @retval -EINVAL      a pointer is `NULL`
 * @retval -ENOENT      there is no such container
 * @retval -ENOMEM      the image is larger than the slot
 * @retval -EBADMSG     the image is malformed or the verifier refuses it
 */
int rbpf_replace(const char *name, const void *image, size_t length);

/**
 * @brief   Remove a container, its bindings and its stored values
 *
 * @param[in] name      its name
 *
 * @retval 0            it is gone
 * @retval -EINVAL      @p name is `NULL`
 * @retval -ENOENT      there is no such container
 */
int rbpf_remove(const char *name);

/**
 * @brief   Let a container run again that is in quarantine
 *
 * `CONFIG_RBPF_FAULT_LIMIT` faults in a row have led there. What is counted
 * of it stays.
 *
 * @param[in] name      its name
 *
 * @retval 0            it runs from now on, or always has
 * @retval -EINVAL      @p name is `NULL`
 * @retval -ENOENT      there is no such container
 */
int rbpf_release(const char *name);

/**
 * @brief   Look a container up
 *
 * @param[in]  name     its name
 * @param[out] info     slot, rights and counters; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -EINVAL      @p name is `NULL`
 * @retval -ENOENT      there is no such container
 */
int rbpf_find(const char *name, rbpf_info_t *info);

/**
 * @brief   The container at a position
 *
 * For who wants to see all: positions go from 0, in the order of slots. They are
 * those of a moment; what is installed or removed between two calls may be missed.
 *
 * @param[in]  position position, from 0
 * @param[out] name     17 bytes for its name, with its NUL; may be `NULL`
 * @param[out] info     slot, rights and counters; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -EINVAL      @p name and @p info overlap
 * @retval -ENOENT      there are not so many
 */
int rbpf_at(uint32_t position, char *name, rbpf_info_t *info);

/**
 * @brief   The binding at a position, with the events that have come to it
 *
 * In the order in which they were made; else as @ref rbpf_at.
 *
 * @param[in]  position position, from 0
 * @param[out] binding  what is known of it; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -ENOENT      there are not so many
 */
int rbpf_binding_at(uint32_t position, rbpf_binding_t *binding);

/**
 * @brief   The SHA-256 digest of a container's image
 *
 * @pre     Module `rbpf_digest`
 *
 * @param[in]  name     its name
 * @param[out] digest   32 bytes
 *
 * @retval 0            it is there
 * @retval -EINVAL      a pointer is `NULL`
 * @retval -ENOENT      there is no such container
 * @retval -ENOTSUP     the module `rbpf_digest` is not used
 */
int rbpf_digest(const char *name, uint8_t *digest);

/**
 * @brief   One of the last faults of containers
 *
 * `CONFIG_RBPF_FAULT_LOG` of them are kept; those of a container end with it.
 *
 * @param[in]  position 0 for the last one, 1 for the one before, and so on
 * @param[out] fault    what is known of it; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -ENOENT      so many are not kept, or there were not so many
 */
int rbpf_fault(uint32_t position, rbpf_fault_t *fault);

/**
 * @brief   Bind a container to a CoAP path, to a timer, to a value, to answers or to a
 *          hook
 *
 * On a path or hook any number of containers run, in the order in which they were
 * bound. A path belongs to one tenant, or to nobody's containers: the first that
 * starts a response, or returns something else than 0, answers the request. The
 * module's own hook is `boot`, see @ref rbpf_boot.
 * `kv:global:KEY`, `kv:tenant:KEY` and `kv:local:KEY` run it after that value
 * has changed in a store; it needs the right to fetch it.
 * The timer `every:MS` runs the container each so many milliseconds,
 * `after:MS` once; times that it misses because others run are passed over.
 * At `alarm` it runs when it has asked for it by `bpf_timer_set()`.
 * `answer` runs it after a request of its own has ended, with `rbpf_client`.
 *
 * @param[in] name      the container's name
 * @param[in] target    path with its leading slash, of letters, digits and
 *                      `-._~!$&'()*+=:@/`, without a segment `.` or `..`; timer with its
 *                      milliseconds, 1 to 1073741823; `alarm`; value with its key;
 *                      `answer`; or name of a registered hook; at most 32 bytes
 *
 * @retval 0            it is bound
 * @retval -EINVAL      a pointer is `NULL`, the path malformed or too long, the
 *                      timer without a time, or the value without store or key
 * @retval -ENOENT      there is no such container or hook
 * @retval -EACCES      the container has not been granted what the target needs, or has
 *                      been granted what the hook forbids
 * @retval -EEXIST      the path is another tenant's, the module's own, or that of
 *                      another listener of gcoap's, or the container is bound there
 * @retval -ENOMEM      the table of bindings is full, or its tenant has as many
 *                      as it may
 */
int rbpf_bind(const char *name, const char *target);

/**
 * @brief   Undo @ref rbpf_bind
 *
 * @param[in] name      the container's name; `NULL` for all containers
 * @param[in] target    the path, timer or hook
 *
 * @retval 0            done
 * @retval -EINVAL      @p target is `NULL`
 * @retval -ENOENT      nothing was bound there
 */
int rbpf_unbind(const char *name, const char *target);

/**
 * @brief   Make a hook known, so that containers can be bound to it
 *
 * @param[in] hook      the hook, initialised by @ref RBPF_HOOK_INIT; it stays
 *                      where it is
 *
 * @retval 0            it is known
 * @retval -EINVAL      @p hook is `NULL`, its policy or a capability is not
 *                      defined, or its name is not 1 to 32 visible characters of ASCII,
 *                      begins with a slash, or is that of a timer
 * @retval -EEXIST      there is a hook of that name
 */
int rbpf_hook_register(rbpf_hook_t *hook);

/**
 * @brief   Run the containers that are bound to a hook, and wait for them
 *
 * They run in the worker thread in the order of their binding, each with a
 * budget of `CONFIG_RBPF_BUDGET` instructions. r1 points to the context, r2
 * is its length; regions are at the guest addresses 0x05000000, 0x06000000
 * and 0x07000000. What a container writes there, the next one sees. A
 * container that has begun is waited for, however long it takes.
 *
 * If nothing is bound, this is a load and a branch: 0 is returned, whatever
 * the arguments are.
 *
 * @param[in]     hook      the hook, registered
 * @param[in,out] context   memory that containers read and write; may be
 *                          `NULL` if @p length is 0
 * @param[in]     length    bytes of it, up to 16 MiB
 * @param[in]     regions   further memory; may be `NULL` if @p count is 0
 * @param[in]     count     number of regions, up to 3
 * @param[out]    result    the result (r0), of the last container that
 *                          returned or as the hook's policy says; unchanged
 *                          if there is none; may be `NULL`, or in the context
 *                          or a region: it is written last
 *
 * @return  number of containers that ran and returned; those in quarantine,
 *          or that have used up their share of time, are passed over
 * @retval -EINVAL      a pointer is `NULL`, or regions are too many, have
 *                      other rights than are defined, or overlap although
 *                      one may be written; or context, a region or the result
 *                      overlap with the hook, or with the array of regions
 *                      although they may be written
 * @retval -EFAULT      containers ran, and all ended in a fault; or one did,
 *                      and the policy is @ref RBPF_POLICY_STOP_ON_FAULT
 * @retval -ECANCELED   as -EFAULT, and the first used its budget up
 */
int rbpf_hook_trigger(const rbpf_hook_t *hook,
                      void *context,
                      size_t length,
                      const rbpf_region_t *regions,
                      size_t count,
                      int64_t *result);

/**
 * @brief   Have the containers that are bound to a hook run soon
 *
 * Leaves an event for the worker thread, with a copy of the context, of which
 * each container gets its own. From any context, also an interrupt. If nothing
 * is bound, this is a load and a branch: 0 is returned, whatever the context is.
 *
 * @param[in] hook      the hook, registered
 * @param[in] context   what containers get; may be `NULL` if @p length is 0
 * @param[in] length    bytes of it, up to `CONFIG_RBPF_EVENT_SIZE`
 *
 * @retval 0            the event waits, or nothing is bound
 * @retval -EINVAL      a pointer is `NULL`, or the context too long
 * @retval -ENOMEM      too many events wait; this one is lost, and counted
 */
int rbpf_hook_post(const rbpf_hook_t *hook, const void *context, size_t length);

/**
 * @brief   Run the containers that are bound to the hook `boot`
 *
 * For the application to call once it has installed and bound what it brings.
 * They get no context, and what they return is not looked at.
 *
 * @return  number of containers that have run
 * @return  a negative error, as of @ref rbpf_hook_trigger
 */
int rbpf_boot(void);

/**
 * @brief   Make a helper of the application's own known
 *
 * Containers that are installed from now on may call it, if they have the
 * capability. Their arguments are checked as the helper's parameters say: a
 * container that passes memory it does not have ends in a fault, and the
 * function is not called.
 *
 * The function is called by the worker thread, on whose stack of
 * `CONFIG_RBPF_STACK_SIZE` bytes some 700 are left for it by default. It must
 * not take long, and must not call functions of this module that wait.
 *
 * @param[in] helper    the helper; it stays where it is
 *
 * @retval 0            it is known
 * @retval -EINVAL      @p helper or its function is `NULL`; its number is
 *                      below @ref RBPF_HELPER_FIRST; a capability or kind of
 *                      parameter is not defined; or the last parameter is
 *                      memory without a length
 * @retval -EEXIST      there is a helper of that number
 */
int rbpf_helper_register(rbpf_helper_t *helper);

#if defined(MODULE_RBPF_GPIO)
/**
 * @brief   Set a pin up, and make it known to containers
 *
 * They find it by name, if they have the right `gpio`; its index is how many pins
 * were known before. Where edges of an input are events, it has a hook
 * `gpio:NAME`, to which containers with that right are bound. They get a
 * `rbpf_gpio_ctx_t`. While none is bound, its interrupt ends after a load and a
 * branch.
 *
 * The pin stays what it is. An output keeps its level as far as `gpio_init()`
 * does. As of RIOT's functions, the board must have the pin, and, on some, enough
 * interrupts for pins.
 *
 * @param[in] pin       the pin, initialised by @ref RBPF_PIN_INIT or
 *                      @ref RBPF_PIN_INIT_EDGES; it stays where it is
 *
 * @retval 0            containers may use it
 * @retval -EPERM       it was called in an interrupt
 * @retval -EINVAL      @p pin is `NULL`; it is `GPIO_UNDEF`; its name is not 1 to
 *                      27 visible characters of ASCII; its mode or edges are not
 *                      defined, or edges are those of an output
 * @retval -EEXIST      there is a pin or hook of that name, or the pin is known
 * @retval -ENOMEM      65536 pins are known
 * @retval -ENOTSUP     the hardware does not do that
 */
int rbpf_gpio_register(rbpf_pin_t *pin);
#endif

#if defined(MODULE_RBPF_CLIENT)
/**
 * @brief   Let containers make CoAP requests to a remote
 *
 * They find it by name, if they have the right `coap-request`; its index is how many
 * remotes were known before. It stays what it is.
 *
 * @param[in] remote    the remote, initialised by @ref RBPF_REMOTE_INIT; it stays
 *                      where it is
 * @param[in] endpoint  its address, of IPv6, for example from `sock_udp_str2ep()`;
 *                      port 0 is that of CoAP, 5683. It is copied.
 *
 * @retval 0            containers may use it
 * @retval -EPERM       it was called in an interrupt
 * @retval -EINVAL      one of them is `NULL`; the name is not of visible characters
 *                      of ASCII; the address is none of IPv6, unspecified, or that
 *                      of a group
 * @retval -EEXIST      there is a remote of that name
 * @retval -ENOMEM      65536 remotes are known
 */
int rbpf_remote_register(rbpf_remote_t *remote, const sock_udp_ep_t *endpoint);
#endif

#if defined(MODULE_RBPF_SAUL)
/**
 * @brief   Make a SAUL device known as a source of events
 *
 * It has a hook `saul:NAME`, to which containers with the right `sensor` are
 * bound. They get a `rbpf_saul_ctx_t`.
 *
 * @param[in] source    the source, initialised by @ref RBPF_SAUL_SOURCE_INIT; it
 *                      stays where it is
 * @param[in] device    a device of the SAUL registry, which stays there
 *
 * @retval 0            containers can be bound to it
 * @retval -EPERM       it was called in an interrupt
 * @retval -EINVAL      @p source is `NULL`; its name is not 1 to 27 visible
 *                      characters of ASCII; or `CONFIG_RBPF_EVENT_SIZE` is below
 *                      16
 * @retval -ENOENT      the device is `NULL`, or not in the registry
 * @retval -EEXIST      the source, or a hook of that name, is known
 */
int rbpf_saul_register(rbpf_saul_source_t *source, const saul_reg_t *device);
#endif

#if defined(MODULE_RBPF_SAUL)
/**
 * @brief   Have the containers run soon that are bound to a SAUL device's events
 *
 * For whoever notices that its value is worth it: a driver's callback, a thread
 * that compares. From any context, also an interrupt. If nothing is bound, this
 * is a load and a branch: 0 is returned, whatever the value is.
 *
 * @param[in] source        the source, registered
 * @param[in] value         the value; copied. `NULL` leaves it to containers to
 *                          read it, in the worker thread
 * @param[in] dimensions    of the value, 1 to 3; not looked at without
 *
 * @retval 0            the event waits, or nothing is bound
 * @retval -EINVAL      @p source is `NULL`, or the dimensions are others
 * @retval -ENOMEM      too many events wait; this one is lost, and counted
 */
int rbpf_saul_event(const rbpf_saul_source_t *source,
                    const phydat_t *value,
                    uint8_t dimensions);
#endif

/**
 * @brief   Run an image once, without installing it
 *
 * It runs in the worker thread, in place: the image is verified before, and
 * not copied. What it stores locally, the next image that is run so finds.
 *
 * @param[in]     image          image as `rbpf build` makes it, aligned to 8
 *                               bytes
 * @param[in]     image_length   bytes of it
 * @param[in,out] context        as for @ref rbpf_hook_trigger
 * @param[in]     length         bytes of the context
 * @param[in]     regions        as for @ref rbpf_hook_trigger
 * @param[in]     count          number of regions, up to 3
 * @param[in]     budget         instructions that it may execute
 * @param[out]    result         what it returns (r0); may be `NULL`, or in the
 *                               context or a region: it is written last
 *
 * @retval 0            it has returned
 * @retval -EINVAL      a pointer is `NULL`, or regions are wrong as for
 *                      @ref rbpf_hook_trigger; or context, a region or the
 *                      result overlap with the image although they may be
 *                      written
 * @retval -EBADMSG     the image is malformed, not aligned, or the verifier
 *                      refuses it
 * @retval -EFAULT      it ended in a fault
 * @retval -ECANCELED   it used its budget up
 */
int rbpf_execute(const void *image,
                 size_t image_length,
                 void *context,
                 size_t length,
                 const rbpf_region_t *regions,
                 size_t count,
                 uint32_t budget,
                 int64_t *result);

/**
 * @brief   Read a value of a key-value store
 *
 * @param[in]  name     container whose store it is, `@NAME` for that of a tenant,
 *                      `NULL` for the global one
 * @param[in]  key      the key
 * @param[out] value    the value; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -ENOENT      there is no such container, tenant or key
 */
int rbpf_kv_fetch(const char *name, uint32_t key, uint32_t *value);

/**
 * @brief   Write a value of a key-value store
 *
 * A new key of a container's store is charged to the container, any other to the
 * application, which has the same share as each slot.
 *
 * @param[in] name      container whose store it is, `@NAME` for that of a
 *                      tenant, `NULL` for the global one
 * @param[in] key       the key
 * @param[in] value     the value
 *
 * @retval 0            it is stored
 * @retval -ENOENT      there is no such container
 * @retval -ENOMEM      the share is used up
 */
int rbpf_kv_store(const char *name, uint32_t key, uint32_t value);

/**
 * @brief   Erase a value of a key-value store
 *
 * @param[in] name      container whose store it is, `@NAME` for that of a
 *                      tenant, `NULL` for the global one
 * @param[in] key       the key
 *
 * @retval 0            it is gone
 * @retval -ENOENT      there is no such container, tenant or key
 */
int rbpf_kv_erase(const char *name, uint32_t key);

/**
 * @brief   The value at a position, of all in all stores
 *
 * By store and key; else as @ref rbpf_at.
 *
 * @param[in]  position position, from 0
 * @param[out] value    store, key and value; may be `NULL`
 *
 * @retval 0            it is there
 * @retval -ENOENT      there are not so many
 */
int rbpf_kv_at(uint32_t position, rbpf_kv_t *value);

/**
 * @brief   What the module has counted; from any context
 *
 * @param[out] stats    the counters
 *
 * @retval 0            they are there
 * @retval -EINVAL      @p stats is `NULL`
 */
int rbpf_stats(rbpf_stats_t *stats);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** @} */
