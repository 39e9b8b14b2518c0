/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       The path under which sources of the original prototype include the helpers
 */
#ifndef BPF_BPFAPI_HELPERS_H
#define BPF_BPFAPI_HELPERS_H

#include <rbpf/helpers.h>

#endif /* BPF_BPFAPI_HELPERS_H */
/** @} */
