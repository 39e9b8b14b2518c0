/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Appends a letter, the value under key 0 of its store, to a text
 */
#include <rbpf/kv.h>

/** Length of the text, and the text. */
typedef struct {
    uint8_t length;
    char text[7];
} context_t;

uint32_t append(context_t *context)
{
    context->text[context->length++ % sizeof(context->text)] = rbpf_local_get(0);
    return context->length;
}
