/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Calls a helper that there is not
 */
#include <rbpf/types.h>

static int64_t (*const _missing)(void) = (void *)0x8fff;

int64_t unknown(void)
{
    return _missing();
}
