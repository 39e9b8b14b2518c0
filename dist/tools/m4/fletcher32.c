/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Fletcher32, the workload of the rBPF paper: one source, compiled to eBPF for
 * each -mcpu and to Thumb-2 as the reference. Data is read without assuming
 * alignment, as the original does.
 */
#include <stdint.h>

struct context {
    uint64_t data;  /* address of the data */
    uint32_t words; /* 16-bit words to sum */
};

struct __attribute__((packed)) unaligned_u16 {
    uint16_t value;
};

uint32_t fletcher32(const struct context *context)
{
    const struct unaligned_u16 *data =
        (const struct unaligned_u16 *)(uintptr_t)context->data;
    uint32_t words = context->words;
    uint32_t sum1 = 0xffff;
    uint32_t sum2 = 0xffff;

    while (words) {
        /* As many words as can be summed before sum2 overflows. */
        uint32_t block = words > 359 ? 359 : words;
        words -= block;
        do {
            sum1 += (data++)->value;
            sum2 += sum1;
        } while (--block);
        sum1 = (sum1 & 0xffff) + (sum1 >> 16);
        sum2 = (sum2 & 0xffff) + (sum2 >> 16);
    }
    sum1 = (sum1 & 0xffff) + (sum1 >> 16);
    sum2 = (sum2 & 0xffff) + (sum2 >> 16);
    return (sum2 << 16) | sum1;
}
