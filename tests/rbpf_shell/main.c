/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       The shell command `rbpf`
 *
 * @}
 */

#include "rbpf.h"
#include "saul_reg.h"
#include "shell.h"

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

static saul_reg_t _thermometer = {
    .name = "simulated",
    .driver = &_thermometer_driver,
};

static const rbpf_tenant_t _tenant = {
    .name = "alice",
    .capabilities = RBPF_CAPABILITY_COAP_RESPONSE,
    .slots = 1,
    .values = 3,
    .rate = 50000,
};

int main(void)
{
    saul_reg_add(&_thermometer);
    rbpf_tenant_add(&_tenant);

    char line_buf[SHELL_DEFAULT_BUFSIZE];
    shell_run(NULL, line_buf, sizeof(line_buf));

    return 0;
}
