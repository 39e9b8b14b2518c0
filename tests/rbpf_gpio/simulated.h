/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Pins of native
 */

#ifndef SIMULATED_H
#define SIMULATED_H

#include "container.h"
#include "periph/gpio.h"

/**
 * @brief   Changes the level of a pin, and has its interrupt come
 *
 * For a callback of a timer, which native has in an interrupt.
 *
 * @param[in] arg   the pin
 */
void simulated_edge(void *arg);

#endif /* SIMULATED_H */
/** @} */
