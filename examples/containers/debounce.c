/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Counts presses of a button whose contact bounces
 *
 * Bound to `gpio:button`, of a button that is low when it is pressed, and to
 * `alarm`: each edge sets the alarm, so it comes when the level has stood still.
 */
#include <rbpf/kv.h>
#include <rbpf/manifest.h>

RBPF_WANTS(RBPF_CAPABILITY_GPIO);

/** How long a level stands still that is none of a bouncing contact. */
#define BOUNCE_MS 20

/** How often the button was pressed, and the level that has stood still last. */
#define KEY_PRESSES 0
#define KEY_RELEASED 1

int debounce(const void *context, size_t length)
{
    if (length == sizeof(rbpf_gpio_ctx_t)) {
        const rbpf_gpio_ctx_t *edge = context;

        bpf_store_local(KEY_RELEASED, edge->level);
        return bpf_timer_set(BOUNCE_MS);
    }
    uint32_t pressed = (rbpf_local_get(KEY_RELEASED) == 0);
    return bpf_store_local(KEY_PRESSES, rbpf_local_get(KEY_PRESSES) + pressed);
}
