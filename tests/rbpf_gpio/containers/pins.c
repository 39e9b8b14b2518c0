/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Uses pins as one should, and as one should not: where it went wrong, 0 if nowhere. */
#include <rbpf/errno.h>
#include <rbpf/helpers.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            return __LINE__; \
        } \
    } while (0)

int pins(void)
{
    int button = bpf_gpio_find("button", 6);
    int led = bpf_gpio_find("led", 3);
    int idle = bpf_gpio_find("switch", 6);

    /* In the order in which main.c registers them */
    CHECK(button == 0 && led == 1 && idle == 2);
    CHECK(bpf_gpio_find("leds", 4) == -ENODEV);
    CHECK(bpf_gpio_find("led", 2) == -ENODEV);
    CHECK(bpf_gpio_find("led", 4) == -ENODEV);
    CHECK(bpf_gpio_find("", 0) == -ENODEV);
    CHECK(bpf_gpio_find("gpio:led", 8) == -ENODEV);

    CHECK(bpf_gpio_write(led, 1) == 0 && bpf_gpio_read(led) == 1);
    CHECK(bpf_gpio_write(led, 0) == 0 && bpf_gpio_read(led) == 0);
    CHECK(bpf_gpio_write(led, 2) == 0 && bpf_gpio_read(led) == 1);
    CHECK(bpf_gpio_write(led, 0) == 0);

    int before = bpf_gpio_read(button);
    CHECK(before == 0 || before == 1);
    CHECK(bpf_gpio_write(button, !before) == -ENOTSUP);
    CHECK(bpf_gpio_read(button) == before);
    CHECK(bpf_gpio_write(idle, 1) == -ENOTSUP);

    CHECK(bpf_gpio_read(3) == -ENODEV && bpf_gpio_write(3, 1) == -ENODEV);
    CHECK(bpf_gpio_read(-ENODEV) == -ENODEV && bpf_gpio_write(-ENODEV, 1) == -ENODEV);
    CHECK(bpf_gpio_read(0x10000) == -ENODEV && bpf_gpio_write(0x10001, 1) == -ENODEV);
    return 0;
}
