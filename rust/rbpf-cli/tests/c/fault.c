/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults of three kinds: in a function, in an inlined one, and in none of
 * these if the context says so.
 */
#include <stdint.h>

static const uint32_t table[4] = { 1, 2, 3, 5 };

static inline __attribute__((always_inline)) uint32_t look(const uint8_t *from, uint32_t index)
{
    return *(const volatile uint32_t *)(from + 4 * index);
}

__attribute__((noinline)) static uint32_t write(uint32_t index)
{
    volatile uint32_t *words = (volatile uint32_t *)table;

    words[index] = 7;
    return index;
}

__attribute__((noinline)) uint32_t unused(uint32_t index)
{
    return index * table[3];
}

uint64_t entry(const uint8_t *context, uint64_t length)
{
    if (length == 0) {
        return look(0, 2);
    }
    if (context[0] == 1) {
        return write(table[2]);
    }
    return look(context, 1000);
}
