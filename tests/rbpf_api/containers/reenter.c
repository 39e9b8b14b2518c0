/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Calls a helper of the application's own that calls the module
 */
#include <rbpf/types.h>

static int64_t (*const _reenter)(uint64_t which) = (void *)0x8004;

int64_t reenter(const uint64_t *context)
{
    return _reenter(*context);
}
