/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Calls a helper that needs another capability than the image wants
 */
#include <rbpf/types.h>

static int64_t (*const _sensor)(void) = (void *)0x8005;

int64_t denied(void)
{
    return _sensor();
}
