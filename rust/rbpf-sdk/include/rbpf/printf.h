/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       bpf_printf with a variable number of arguments
 *
 * A BPF function takes five arguments and no more, so those that are missing
 * are filled up with zeros.
 */
#ifndef RBPF_PRINTF_H
#define RBPF_PRINTF_H

#include <rbpf/helpers.h>

/** @cond INTERNAL */
int rbpf_printf_check(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define RBPF_PRINTF_0(f) (bpf_printf)(f, 0, 0, 0, 0)
#define RBPF_PRINTF_1(f, a) (bpf_printf)(f, (uint64_t)(a), 0, 0, 0)
#define RBPF_PRINTF_2(f, a, b) (bpf_printf)(f, (uint64_t)(a), (uint64_t)(b), 0, 0)
#define RBPF_PRINTF_3(f, a, b, c) \
    (bpf_printf)(f, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0)
#define RBPF_PRINTF_4(f, a, b, c, d) \
    (bpf_printf)(f, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))
#define RBPF_PRINTF_SELECT(f, a, b, c, d, e, g, h, i, name, ...) name
/** @endcond */

/**
 * @brief   Writes to the log, with up to four arguments
 *
 * The compiler checks the arguments against the format; they are evaluated
 * once.
 */
#define bpf_printf(...) \
    ((void)(0 ? rbpf_printf_check(__VA_ARGS__) : 0), \
     RBPF_PRINTF_SELECT(__VA_ARGS__, \
                        bpf_printf_takes_at_most_four_arguments, \
                        bpf_printf_takes_at_most_four_arguments, \
                        bpf_printf_takes_at_most_four_arguments, \
                        bpf_printf_takes_at_most_four_arguments, \
                        RBPF_PRINTF_4, RBPF_PRINTF_3, RBPF_PRINTF_2, \
                        RBPF_PRINTF_1, RBPF_PRINTF_0, 0)(__VA_ARGS__))

#endif /* RBPF_PRINTF_H */
/** @} */
