/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Has an LED shine while a button is pressed, and counts
 *
 * Bound to `gpio:button`, of a button that is low when it is pressed. The LED is the
 * output `led`, if there is one.
 */
#include <rbpf/kv.h>

/** How often the button was pressed, in the global store. */
#define KEY_PRESSES 512

int button(const rbpf_gpio_ctx_t *edge)
{
    int pressed = (edge->level == 0);
    int led = bpf_gpio_find("led", 3);

    if (led >= 0) {
        bpf_gpio_write(led, pressed);
    }
    return bpf_store_global(KEY_PRESSES, rbpf_global_get(KEY_PRESSES) + pressed);
}
