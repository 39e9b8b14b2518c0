/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
/* What container and application share; phydat_t is the same for both. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdint.h>

struct context {
    uint32_t dimensions;
    uint32_t room;
    phydat_t value;
    char name[40];
    uint8_t out[200];
};

#endif /* CONTEXT_H */
