/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       The shell command `rbpf`, and misuse of the C API
 *
 * @}
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static const uint8_t _junk[600] = { 'r', 'B', 'P', 'F', 0xff };

static void _expect(const char *what, int expected, int result)
{
    printf("%s %s: %d\n", (result == expected) ? "PASS" : "FAIL", what, result);
}

static int _misuse(int argc, char **argv)
{
    (void)argc;
    (void)argv;

    _expect("install without name", -EINVAL, rbpf_install(NULL, _junk, 8));
    _expect("install without image", -EINVAL, rbpf_install("a", NULL, 8));
    _expect("install of endless length", -EINVAL, rbpf_install("a", _junk, SIZE_MAX));
    _expect("install of empty name", -EINVAL, rbpf_install("", _junk, 8));
    _expect("install of long name", -EINVAL, rbpf_install("12345678901234567", _junk, 8));
    _expect("install of no bytes", -EBADMSG, rbpf_install("a", _junk, 0));
    _expect("install of junk", -EBADMSG, rbpf_install("a", _junk, 300));
    _expect("install of too much", -ENOMEM, rbpf_install("a", _junk, sizeof(_junk)));
    _expect("remove without name", -EINVAL, rbpf_remove(NULL));
    _expect("remove of nothing", -ENOENT, rbpf_remove("a"));
    _expect("remove of long name", -ENOENT, rbpf_remove("12345678901234567"));
    _expect("bind without name", -EINVAL, rbpf_bind(NULL, "/a"));
    _expect("bind without path", -EINVAL, rbpf_bind("a", NULL));
    _expect("bind of nothing", -ENOENT, rbpf_bind("a", "/a"));
    _expect("bind of nothing to long path", -ENOENT, rbpf_bind("a", "/23456789012345678901234567890123"));
    _expect("unbind without path", -EINVAL, rbpf_unbind(NULL, NULL));
    _expect("unbind of nothing", -ENOENT, rbpf_unbind(NULL, "/a"));
    puts("misuse done");

    return 0;
}

SHELL_COMMAND(misuse, "call the C API wrongly", _misuse);

int main(void)
{
    saul_reg_add(&_thermometer);

    char line_buf[SHELL_DEFAULT_BUFSIZE];
    shell_run(NULL, line_buf, sizeof(line_buf));

    return 0;
}
