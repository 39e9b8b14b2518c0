/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief   Fletcher's checksum over a buffer of 16-bit words
 *
 * The benchmark of the original paper. The sums are ones' complement and start
 * at 0xffff, so the result is that of RIOT's own `fletcher32()`.
 */
#include <rbpf/types.h>

/** So many words can be added up before the second sum exceeds 32 bits. */
#define BLOCK 359

/** Adds the carries of a ones' complement sum back in. */
static inline uint32_t fold(uint32_t sum)
{
    return (sum & 0xffff) + (sum >> 16);
}

uint32_t fletcher32(const rbpf_words_ctx_t *context)
{
    const uint16_t *data = context->data;
    uint32_t words = context->words;
    uint32_t sum1 = 0xffff;
    uint32_t sum2 = 0xffff;

    while (words) {
        uint32_t block = words > BLOCK ? BLOCK : words;
        words -= block;
        do {
            sum1 += *data++;
            sum2 += sum1;
        } while (--block);
        sum1 = fold(sum1);
        sum2 = fold(sum2);
    }
    /* Once more: the first time may itself have carried. */
    return (fold(sum2) << 16) | fold(sum1);
}
