/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @file
 * @brief   Does one thing for ever: what the value under key 99 says
 */

#include <rbpf/coap.h>
#include <rbpf/helpers.h>
#include <rbpf/printf.h>
#include <rbpf/saul.h>

/* A helper of the application's, which takes some milliseconds */
#define SLOW ((uint64_t (*)(void))0x8000)

static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123\n";

int hog(void *context)
{
    char text[24];
    char copy[128];
    phydat_t reading;
    uint32_t what = 0;
    uint32_t n = 0;

    bpf_fetch_local(99, &what);
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(0);

    while (1) {
        switch (what) {
        case 1:
            bpf_printf("\n");
            break;
        case 2:
            bpf_printf("%s", "");
            break;
        case 3:
            bpf_printf("%s%s%s%s", line, line, line, line);
            break;
        case 4:
            bpf_saul_reg_read(sensor, &reading);
            break;
        case 5:
            bpf_saul_reg_find_type(SAUL_SENSE_CO2);
            break;
        case 6:
            bpf_store_local(n, n);
            break;
        case 7:
            bpf_store_global(n, n);
            break;
        case 8:
            bpf_fetch_local(n, &what);
            what = 8;
            break;
        case 9:
            bpf_random();
            break;
        case 10:
            bpf_now_ms();
            break;
        case 11:
            bpf_ztimer_now();
            break;
        case 12:
            bpf_fmt_u32_dec(text, 4294967295u);
            break;
        case 13:
            bpf_fmt_s16_dfp(text, -32768, -9);
            break;
        case 14:
            bpf_memcpy(copy, line, sizeof(line));
            break;
        case 15:
            bpf_timer_set(1000);
            break;
        case 16:
            bpf_gcoap_resp_init(context, 0x45);
            break;
        case 17:
            bpf_coap_get_path(text, sizeof(text));
            break;
        case 18:
            SLOW();
            break;
        case 19:
            bpf_coap_notify();
            break;
        case 20:
            bpf_printf("%d %x %u\n", n, n, n);
            break;
        default:
            __asm__ volatile("" : : : "memory");
            break;
        }
        n++;
    }
}
