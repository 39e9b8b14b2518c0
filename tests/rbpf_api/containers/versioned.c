/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Does nothing, in its seventh version
 */
#include <rbpf/manifest.h>

RBPF_VERSION(7);

int nothing(void)
{
    return 0;
}
