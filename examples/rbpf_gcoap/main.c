/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     examples
 * @{
 *
 * @file
 * @brief       Containers that answer CoAP requests with sensors' values
 *
 * Containers come over the shell or the network; nothing is built in. On
 * native, which has no sensors, a simulated thermometer stands at position 0
 * of the SAUL registry.
 *
 * @}
 */

#include <stdio.h>

#include "msg.h"
#include "saul_reg.h"
#include "shell.h"

#ifdef COLLECTOR
#include "net/sock/util.h"
#include "rbpf.h"
#endif

#define MAIN_QUEUE_SIZE (8)

static msg_t _main_msg_queue[MAIN_QUEUE_SIZE];

#ifdef CPU_NATIVE
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
#endif

#ifdef COLLECTOR
static rbpf_remote_t _collector = RBPF_REMOTE_INIT("collector");

static void _register_collector(void)
{
    sock_udp_ep_t endpoint;

    if (sock_udp_str2ep(&endpoint, COLLECTOR) < 0
        || rbpf_remote_register(&_collector, &endpoint) < 0) {
        puts("error: no address: " COLLECTOR);
    }
}
#endif

int main(void)
{
    /* for the ping command, and other users of messages */
    msg_init_queue(_main_msg_queue, MAIN_QUEUE_SIZE);

#ifdef CPU_NATIVE
    saul_reg_add(&_thermometer);
#endif

#ifdef COLLECTOR
    _register_collector();
#endif

    puts("rBPF containers on RIOT");

    char line_buf[SHELL_DEFAULT_BUFSIZE];
    shell_run(NULL, line_buf, sizeof(line_buf));

    return 0;
}
