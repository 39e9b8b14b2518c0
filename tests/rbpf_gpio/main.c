/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Pins, sensors and actuators: registered, used by containers, and as events
 *
 * On native the pins are those of simulated.c, and their interrupts a timer's. In the
 * emulator the button is pressed after 1 s and after 2 s, for half a second; on a
 * board, by who tests it.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "actuators.rbpf.h"
#include "alert.rbpf.h"
#include "board.h"
#include "button.rbpf.h"
#include "checks.h"
#include "debounce.rbpf.h"
#include "periph/gpio.h"
#include "pins.rbpf.h"
#include "plain.rbpf.h"
#include "rbpf.h"
#include "saul_reg.h"
#include "simulated.h"
#include "spoil.rbpf.h"
#include "ztimer.h"

#ifdef BTN0_PIN
#define BUTTON BTN0_PIN
#else
#define BUTTON GPIO_PIN(0, 1)
#endif
#ifdef LED0_PIN
#define LED LED0_PIN
#else
#define LED GPIO_PIN(0, 2)
#endif
#define SWITCH GPIO_PIN(0, 3)
#define SPARE GPIO_PIN(0, 4)

/* How long the button is waited for */
#define PATIENCE_MS 10000
/* By when the worker has done what an interrupt left */
#define SETTLE_MS 40

/* As in examples/containers/button.c */
#define KEY_PRESSES 512

/* Cycles of a Cortex-M4 that a hook may take to which nothing is bound: a call, a
 * load, a branch and the way back. In nrfsim it is 31 to trigger, whose six
 * arguments must be put in their places, and 13 for others. Femto-Container, a
 * predecessor, took 109. */
#define BOUND_CYCLES 40

static rbpf_pin_t _button = RBPF_PIN_INIT_EDGES("button", BUTTON, GPIO_IN_PU, RBPF_EDGE_BOTH);
static rbpf_pin_t _led = RBPF_PIN_INIT("led", LED, GPIO_OUT);
static rbpf_pin_t _switch = RBPF_PIN_INIT("switch", SWITCH, GPIO_IN);
static rbpf_pin_t _wrong[] = {
    RBPF_PIN_INIT("", SPARE, GPIO_IN),
    RBPF_PIN_INIT("two words", SPARE, GPIO_IN),
    RBPF_PIN_INIT("twenty-eight-characters.led.", SPARE, GPIO_OUT),
    RBPF_PIN_INIT("mode", SPARE, 0x7e),
    RBPF_PIN_INIT("none", GPIO_UNDEF, GPIO_IN),
    RBPF_PIN_INIT_EDGES("edges", SPARE, GPIO_IN, 4),
    RBPF_PIN_INIT_EDGES("output", SPARE, GPIO_OUT, RBPF_EDGE_BOTH),
    { .hook = RBPF_HOOK_INIT("prefix"), .pin = SPARE, .mode = GPIO_IN },
    { .hook = RBPF_HOOK_INIT_RIGHTS("gpio:rights", RBPF_POLICY_LAST, 1u << 31, 0),
      .pin = SPARE, .mode = GPIO_IN },
    { .pin = SPARE, .mode = GPIO_IN },
};
static rbpf_pin_t _same_name = RBPF_PIN_INIT("led", SPARE, GPIO_OUT);
static rbpf_pin_t _same_pin = RBPF_PIN_INIT("lamp", LED, GPIO_IN);
static rbpf_pin_t _same_hook = RBPF_PIN_INIT("hook", SPARE, GPIO_IN);
static rbpf_hook_t _hook = RBPF_HOOK_INIT("gpio:hook");
static rbpf_pin_t _late = RBPF_PIN_INIT("late", SPARE, GPIO_IN);

static int _read(const void *device, phydat_t *value)
{
    (void)device;
    *value = (phydat_t){ .val = { 2345 }, .unit = UNIT_TEMP_C, .scale = -2 };
    return 1;
}

static const saul_driver_t _driver = { _read, saul_write_notsup, SAUL_SENSE_TEMP };
static phydat_t _lit;

static int _light(const void *device, const phydat_t *value)
{
    (void)device;
    _lit = *value;
    return 1;
}

static int _stuck(const void *device, const phydat_t *value)
{
    (void)device;
    (void)value;
    return -EXDEV;
}

static const saul_driver_t _lamp_driver = { saul_read_notsup, _light, SAUL_ACT_SWITCH };
static const saul_driver_t _motor_driver = { saul_read_notsup, _stuck, SAUL_ACT_MOTOR };
static saul_reg_t _lamp = { .name = "lamp", .driver = &_lamp_driver };
static saul_reg_t _motor = { .name = "motor", .driver = &_motor_driver };
static saul_reg_t _sensor = { .name = "thermometer", .driver = &_driver };
static saul_reg_t _absent = { .name = "absent", .driver = &_driver };
static rbpf_saul_source_t _hot = RBPF_SAUL_SOURCE_INIT("hot");
static rbpf_saul_source_t _again = RBPF_SAUL_SOURCE_INIT("hot");
static rbpf_saul_source_t _nameless = RBPF_SAUL_SOURCE_INIT("");
static rbpf_saul_source_t _blank = RBPF_SAUL_SOURCE_INIT("too hot");
static rbpf_saul_source_t _prefix = { .hook = RBPF_HOOK_INIT("hot") };

static int _result;

static void _in_interrupt(ztimer_callback_t function, void *arg)
{
    ztimer_t timer = { .callback = function, .arg = arg };

    ztimer_set(ZTIMER_USEC, &timer, 100);
    ztimer_sleep(ZTIMER_MSEC, SETTLE_MS);
}

static void _register(void *pin)
{
    _result = rbpf_gpio_register(pin);
}

/* Waits for a level of the button, and for what comes of it */
static void _until(bool level)
{
#ifdef CPU_NATIVE
    if (gpio_read(BUTTON) != level) {
        _in_interrupt(simulated_edge, (void *)(uintptr_t)BUTTON);
    }
#else
    for (unsigned i = 0; i < PATIENCE_MS && gpio_read(BUTTON) != level; i++) {
        ztimer_sleep(ZTIMER_MSEC, 1);
    }
#endif
    check(level ? "the button is high" : "the button is low", gpio_read(BUTTON) == level);
    ztimer_sleep(ZTIMER_MSEC, SETTLE_MS);
}

static uint32_t _value(const char *name, uint32_t key)
{
    uint32_t value = 0;

    rbpf_kv_fetch(name, key, &value);
    return value;
}

static uint32_t _runs(const char *name)
{
    rbpf_info_t info = { 0 };

    rbpf_find(name, &info);
    return info.runs;
}

static void _misuse(void)
{
    check("no pin", rbpf_gpio_register(NULL) == -EINVAL);
    for (unsigned i = 0; i < sizeof(_wrong) / sizeof(_wrong[0]); i++) {
        int result = rbpf_gpio_register(&_wrong[i]);

        if (result != -EINVAL) {
            printf("pin %u: %d\n", i, result);
            check("what is wrong is refused", false);
        }
    }
    check("a pin again", rbpf_gpio_register(&_led) == -EEXIST);
    check("a name again", rbpf_gpio_register(&_same_name) == -EEXIST);
    check("a pin by another name", rbpf_gpio_register(&_same_pin) == -EEXIST);
    check("hook", rbpf_hook_register(&_hook) == 0);
    check("the name of a hook", rbpf_gpio_register(&_same_hook) == -EEXIST);
    _in_interrupt(_register, &_late);
    check("in an interrupt", _result == -EPERM);
}

static void _use(void)
{
    int64_t result = -1;

    check("use pins", rbpf_execute(pins_rbpf, sizeof(pins_rbpf), NULL, 0, NULL, 0, 10000,
                                   &result) == 0);
    printf("pins.c: %" PRId32 "\n", (int32_t)result);
    check("pins do what they should", result == 0);
}

static void _bind(void)
{
    check("install plain", rbpf_install("plain", plain_rbpf, sizeof(plain_rbpf)) == 0);
    check("bind without right", rbpf_bind("plain", "gpio:button") == -EACCES);
    check("install button", rbpf_install("button", button_rbpf, sizeof(button_rbpf)) == 0);
    check("bind to an output", rbpf_bind("button", "gpio:led") == -ENOENT);
    check("bind to an input without events", rbpf_bind("button", "gpio:switch") == -ENOENT);
    check("bind to no pin", rbpf_bind("button", "gpio:none") == -ENOENT);
    check("install spoil", rbpf_install("spoil", spoil_rbpf, sizeof(spoil_rbpf)) == 0);
    check("bind spoil", rbpf_bind("spoil", "gpio:button") == 0);
    check("bind", rbpf_bind("button", "gpio:button") == 0);
    check("install debounce",
          rbpf_install("debounce", debounce_rbpf, sizeof(debounce_rbpf)) == 0);
    check("bind debounce", rbpf_bind("debounce", "gpio:button") == 0);
    check("bind it to its alarm", rbpf_bind("debounce", "alarm") == 0);
    check("no alarm is set", _runs("debounce") == 0);
}

static void _events(void)
{
    rbpf_stats_t stats = { 0 };

    _until(false);
    check("pressed: one run", _runs("button") == 1 && _runs("spoil") == 1);
    check("pressed: counted", _value(NULL, KEY_PRESSES) == 1);
    check("pressed: the LED shines", gpio_read(LED));
    check("pressed: the alarm has come", _runs("debounce") == 2);
    check("pressed: counted by the alarm", _value("debounce", 0) == 1);
    check("the context has the pin", _value("spoil", 0) == 0);
    check("the context has the level", _value("spoil", 1) == 0);
    check("the context has 8 bytes", _value("spoil", 2) == 8);
    _until(true);
    check("released: one more run", _runs("button") == 2 && _runs("spoil") == 2);
    check("released: the LED is dark", !gpio_read(LED));
    check("released: not counted", _value(NULL, KEY_PRESSES) == 1);
    check("released: the alarm has come", _runs("debounce") == 4);
    check("released: not counted by the alarm", _value("debounce", 0) == 1);
    check("the context has the other level", _value("spoil", 1) == 1);

    check("unbind", rbpf_unbind(NULL, "gpio:button") == 0);
    _until(false);
    _until(true);
    check("nobody is bound: nobody runs", _runs("button") == 2 && _runs("spoil") == 2);
    check("remove debounce", rbpf_remove("debounce") == 0);
    check("stats", rbpf_stats(&stats) == 0);
    check("no event is lost", stats.events_lost == 0);
}

static void _register_source(void *source)
{
    _result = rbpf_saul_register(source, &_sensor);
}

static void _post(void *value)
{
    _result = rbpf_saul_event(&_hot, value, 1);
}

static void _sensors(void)
{
    phydat_t value = { .val = { -7, 1, 2 }, .unit = UNIT_TEMP_K, .scale = -1 };
    phydat_t large = { .val = { 9000 }, .unit = UNIT_TEMP_F, .scale = 1 };

    check("add a sensor", saul_reg_add(&_sensor) == 0);
    check("no source", rbpf_saul_register(NULL, &_sensor) == -EINVAL);
    check("no device", rbpf_saul_register(&_hot, NULL) == -ENOENT);
    check("a device of no registry", rbpf_saul_register(&_hot, &_absent) == -ENOENT);
    check("no name", rbpf_saul_register(&_nameless, &_sensor) == -EINVAL);
    check("two words", rbpf_saul_register(&_blank, &_sensor) == -EINVAL);
    check("no prefix", rbpf_saul_register(&_prefix, &_sensor) == -EINVAL);
    _in_interrupt(_register_source, &_hot);
    check("register in an interrupt", _result == -EPERM);
    check("event of none", rbpf_saul_event(NULL, &value, 1) == -EINVAL);
    check("event before", rbpf_saul_event(&_hot, &value, 1) == 0);
    check("register a source", rbpf_saul_register(&_hot, &_sensor) == 0);
    check("register a source again", rbpf_saul_register(&_hot, &_sensor) == -EEXIST);
    check("register its name again", rbpf_saul_register(&_again, &_sensor) == -EEXIST);
    check("event, nothing bound", rbpf_saul_event(&_hot, &value, 4) == 0);

    check("bind without right", rbpf_bind("plain", "saul:hot") == -EACCES);
    check("install alert", rbpf_install("alert", alert_rbpf, sizeof(alert_rbpf)) == 0);
    check("bind alert", rbpf_bind("alert", "saul:hot") == 0);
    check("no dimensions", rbpf_saul_event(&_hot, &value, 0) == -EINVAL);
    check("four dimensions", rbpf_saul_event(&_hot, &value, 4) == -EINVAL);
    check("event with a value", rbpf_saul_event(&_hot, &value, 3) == 0);
    ztimer_sleep(ZTIMER_MSEC, SETTLE_MS);
    check("one event", _value("alert", 0) == 1);
    check("its value", _value("alert", 1) == (uint32_t)-7);
    check("its scale", _value("alert", 2) == (uint32_t)-1);
    check("its unit", _value("alert", 3) == 4);
    check("event without a value", rbpf_saul_event(&_hot, NULL, 0) == 0);
    ztimer_sleep(ZTIMER_MSEC, SETTLE_MS);
    check("the sensor was read", _value("alert", 1) == 2345);
    check("the sensor's unit", _value("alert", 3) == 2);
    _in_interrupt(_post, &large);
    check("event in an interrupt", _result == 0);
    check("the interrupt's value", _value("alert", 1) == 9000 && _value("alert", 2) == 1);
    check("three events", _value("alert", 0) == 3 && _runs("alert") == 3);
}

static void _actuators(void)
{
    int64_t result = -1;

    check("add a lamp", saul_reg_add(&_lamp) == 0);
    check("add a motor", saul_reg_add(&_motor) == 0);
    check("use actuators", rbpf_execute(actuators_rbpf, sizeof(actuators_rbpf), NULL, 0, NULL, 0,
                                        10000, &result) == 0);
    printf("actuators.c: %" PRId32 "\n", (int32_t)result);
    check("actuators do what they should", result == 0);
    check("the lamp has got the value", _lit.val[0] == 1 && _lit.val[1] == -2
          && _lit.val[2] == 3 && _lit.unit == UNIT_PERCENT && _lit.scale == -1);
}

#ifdef DWT_CTRL_CYCCNTENA_Msk
/* Cycles of the fastest of some, as if nothing came in between */
#define CYCLES(what) \
    ({ \
        uint32_t least = UINT32_MAX; \
        for (unsigned i = 0; i < 10; i++) { \
            uint32_t begin = DWT->CYCCNT; \
            what; \
            uint32_t took = DWT->CYCCNT - begin; \
            least = (took < least) ? took : least; \
        } \
        least; \
    })

static void _cycles(void)
{
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    uint32_t empty = CYCLES((void)0);
    uint32_t trigger = CYCLES(rbpf_hook_trigger(&_hook, NULL, 0, NULL, 0, NULL)) - empty;
    uint32_t post = CYCLES(rbpf_hook_post(&_hook, NULL, 0)) - empty;
    uint32_t saul = CYCLES(rbpf_saul_event(&_hot, NULL, 0)) - empty;

    printf("cycles with nothing bound: trigger %" PRIu32 ", post %" PRIu32 ", sensor %" PRIu32
           "\n", trigger, post, saul);
    check("the counter runs", empty > 0);
    check("nothing bound costs next to nothing",
          trigger <= BOUND_CYCLES && post <= BOUND_CYCLES && saul <= BOUND_CYCLES);
}
#else
static void _cycles(void)
{
    /* No counter, or nobody else's time */
}
#endif

int main(void)
{
    check("register an input with events", rbpf_gpio_register(&_button) == 0);
    check("register an output", rbpf_gpio_register(&_led) == 0);
    check("register an input", rbpf_gpio_register(&_switch) == 0);
#ifdef CPU_NATIVE
    /* As if it had a pull-up resistor */
    gpio_write(BUTTON, true);
#endif
    _misuse();
    _use();
    _bind();
    _events();
    _sensors();
    _actuators();
    check("unbind alert", rbpf_unbind("alert", "saul:hot") == 0);
    _cycles();
    checks_end();

    return 0;
}
