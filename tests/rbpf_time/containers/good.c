/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @file
 * @brief   Answers at once
 */

#include <rbpf/helpers.h>

int good(void *context)
{
    (void)context;
    return 7;
}
