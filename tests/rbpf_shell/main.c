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
#include "shell.h"
#include "thermometer.h"

static const rbpf_tenant_t _tenant = {
    .name = "alice",
    .capabilities = RBPF_CAPABILITY_COAP_RESPONSE,
    .slots = 1,
    .values = 3,
    .rate = 50000,
};

int main(void)
{
    saul_reg_add(&thermometer);
    rbpf_tenant_add(&_tenant);

    char line_buf[SHELL_DEFAULT_BUFSIZE];
    shell_run(NULL, line_buf, sizeof(line_buf));

    return 0;
}
