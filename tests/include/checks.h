/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#pragma once

/**
 * @file
 * @brief   What test applications print, and tests/checks.py counts
 */

#include <stdbool.h>
#include <stdio.h>

static unsigned checks_failed;

static inline void check(const char *name, bool good)
{
    checks_failed += !good;
    printf("%s %s\n", good ? "PASS" : "FAIL", name);
}

static inline void checks_end(void)
{
    printf("%u failed\n", checks_failed);
}
