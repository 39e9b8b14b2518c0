/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Pins of native, in the place of the workstation's own
 *
 * The linker has these called instead of those of RIOT, by `--wrap`. RIOT's
 * `periph_gpio_mock` is no choice: riot-wrappers 0.9.2 does not build with it.
 *
 * @}
 */

#include "simulated.h"

#ifdef CPU_NATIVE

typedef struct {
    bool level;
    gpio_cb_t callback;
    void *arg;
} _pin_t;

static _pin_t _pins[8];

int __wrap_gpio_init(gpio_t pin, gpio_mode_t mode)
{
    (void)mode;
    return (pin < ARRAY_SIZE(_pins)) ? 0 : -1;
}

int __wrap_gpio_init_int(gpio_t pin, gpio_mode_t mode, gpio_flank_t flank, gpio_cb_t callback,
                         void *arg)
{
    (void)flank;
    if (__wrap_gpio_init(pin, mode) < 0) {
        return -1;
    }
    _pins[pin].callback = callback;
    _pins[pin].arg = arg;
    return 0;
}

bool __wrap_gpio_read(gpio_t pin)
{
    return _pins[pin].level;
}

void __wrap_gpio_write(gpio_t pin, bool level)
{
    _pins[pin].level = level;
}

void simulated_edge(void *arg)
{
    _pin_t *pin = &_pins[(uintptr_t)arg];

    pin->level = !pin->level;
    if (pin->callback) {
        pin->callback(pin->arg);
    }
}

#endif
