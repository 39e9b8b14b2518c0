/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#pragma once

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       What the parts of this test share
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rbpf.h"

/**
 * @brief   Compares, prints a line, and counts
 *
 * One a line, and each is come to once: tests/01-run.py counts them in the
 * sources.
 */
#define EXPECT(name, expected, result) expect(name, expected, result)

/** @brief  An image of `NAME.rbpf.h`, as arguments */
#define IMAGE(name) name##_rbpf, sizeof(name##_rbpf)

/** @brief  Budget of a run with helpers that are charged by the clock: enough on a busy machine */
#define BUDGET 10000000

/** @brief  Guest address of the context */
#define GUEST_CONTEXT 0x02000000
/** @brief  Guest address of a region */
#define GUEST_REGION(number) (0x05000000 + 0x01000000 * (number))

/** @brief  For @ref EXPECT */
void expect(const char *name, int64_t expected, int64_t result);

/** @brief  Calls a function in an interrupt, and waits for its end */
void in_interrupt(void (*function)(void));

/** @brief  Waits until all events were handled that waited */
void settle(void);

/** @brief  Removes all containers that tests install */
void remove_all(void);

/** @name   The parts
 * @{
 */
void test_start(void);
void test_install(void);
void test_bind(void);
void test_hooks(void);
void test_events(void);
void test_helpers(void);
void test_execute(void);
void test_faults(void);
void test_tenants(void);
void test_kv(void);
void test_interrupt(void);
/** @} */

/** @} */
