/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Measurements of containers as SenML, by RIOT's modules
 *
 * What they write is compared with cases.inc, as is what a workstation writes.
 *
 * @}
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "phydat.h"
#include "rbpf.h"

#include "context.h"
#include "write.rbpf.h"

/* More than any case takes */
#define BUDGET 1000
/* -ENOSPC and -EINVAL of containers */
#define GUEST_ENOSPC (-28)
#define GUEST_EINVAL (-22)

struct test {
    const char *name;
    uint32_t dimensions;
    phydat_t value;
    const char *bytes;
};

#define CASE(name, dimensions, x, y, z, unit, scale, bytes) \
    { (name), (dimensions), { { (x), (y), (z) }, (unit), (scale) }, (bytes) },

static const struct test _tests[] = {
#include "cases.inc"
};


static int64_t _write(const struct test *test, const char *name, uint32_t room,
                      struct context *context)
{
    int64_t result = 0;

    *context = (struct context){
        .dimensions = test->dimensions, .room = room, .value = test->value,
    };
    strncpy(context->name, name, sizeof(context->name) - 1);
    memset(context->out, 0xaa, sizeof(context->out));
    if (rbpf_execute(write_rbpf, sizeof(write_rbpf), context, sizeof(*context), NULL, 0, BUDGET,
                     &result) != 0) {
        return INT64_MIN;
    }
    return result;
}

static bool _is_hex(const uint8_t *bytes, const char *hex)
{
    for (; *hex; hex += 2, bytes++) {
        char digits[3];

        snprintf(digits, sizeof(digits), "%02x", *bytes);
        if (strncmp(digits, hex, 2) != 0) {
            return false;
        }
    }
    return true;
}

static void _run(const struct test *test)
{
    struct context context;
    uint32_t length = strlen(test->bytes) / 2;
    int64_t written = _write(test, test->name, sizeof(context.out), &context);
    bool good = written == length && _is_hex(context.out, test->bytes)
                && context.out[length] == 0xaa;

    if (!good) {
        printf("%" PRId32 " bytes, not %" PRIu32 ":", (int32_t)written, length);
        for (int i = 0; i < written; i++) {
            printf("%02x", context.out[i]);
        }
        puts("");
    }
    good = good && _write(test, test->name, length, &context) == length
           && context.out[length] == 0xaa;
    for (uint32_t room = 0; good && room < length; room++) {
        good = _write(test, test->name, room, &context) == GUEST_ENOSPC
               && context.out[room] == 0xaa;
    }
    check(test->name, good);
}

int main(void)
{
    struct context context;
    struct test wrong = _tests[0];

    for (unsigned i = 0; i < sizeof(_tests) / sizeof(_tests[0]); i++) {
        _run(&_tests[i]);
    }
    check("no name", _write(&_tests[0], "", 200, &context) == GUEST_EINVAL);
    check("a blank", _write(&_tests[0], "a b", 200, &context) == GUEST_EINVAL);
    check("33 characters", _write(&_tests[0], "a23456789012345678901234567890123", 200,
                                  &context) == GUEST_EINVAL);
    wrong.dimensions = 0;
    check("no dimension", _write(&wrong, wrong.name, 200, &context) == GUEST_EINVAL);
    wrong.dimensions = 4;
    check("four dimensions", _write(&wrong, wrong.name, 200, &context) == GUEST_EINVAL);
    check("more room than memory", _write(&_tests[0], "a", 201, &context) == INT64_MIN);
    checks_end();

    return 0;
}
