/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#pragma once

/**
 * @file
 * @brief   A sensor that always measures 23.45 °C
 */

#include "saul_reg.h"

static int _read_temperature(const void *dev, phydat_t *res)
{
    (void)dev;
    res->val[0] = 2345;
    res->unit = UNIT_TEMP_C;
    res->scale = -2;
    return 1;
}

static const saul_driver_t _thermometer_driver = {
    .read = _read_temperature,
    .write = saul_write_notsup,
    .type = SAUL_SENSE_TEMP,
};

static saul_reg_t thermometer = {
    .name = "simulated",
    .driver = &_thermometer_driver,
};
