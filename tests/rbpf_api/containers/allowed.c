/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       As denied.c, and wants that capability for what it also calls
 */
#include <rbpf/helpers.h>

static int64_t (*const _sensor)(void) = (void *)0x8005;

int64_t allowed(const void *context, size_t length)
{
    if (length > 0) {
        return bpf_saul_reg_find_nth(0) != NULL;
    }
    return _sensor();
}
