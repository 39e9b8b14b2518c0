/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes to actuators as one should, and as one should not: where it went wrong, 0 if
 * nowhere. */
#include <rbpf/errno.h>
#include <rbpf/helpers.h>
#include <rbpf/saul.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            return __LINE__; \
        } \
    } while (0)

#define HANDLE(number) ((bpf_saul_reg_t *)(uintptr_t)(number))

int actuators(void)
{
    bpf_saul_reg_t *lamp = bpf_saul_reg_find_type(SAUL_ACT_SWITCH);
    bpf_saul_reg_t *motor = bpf_saul_reg_find_type(SAUL_ACT_MOTOR);
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_type(SAUL_SENSE_TEMP);
    phydat_t value = { .val = { 1, -2, 3 }, .unit = UNIT_PERCENT, .scale = -1 };

    CHECK(lamp && motor && sensor && lamp != motor);
    CHECK(bpf_saul_reg_find_type(SAUL_ACT_ANY) == lamp);
    CHECK(bpf_saul_reg_find_type(SAUL_ACT_SERVO) == NULL);
    CHECK(bpf_saul_reg_write(lamp, &value) == 1);
    CHECK(bpf_saul_reg_read(lamp, &value) == -ENOTSUP);
    CHECK(bpf_saul_reg_write(sensor, &value) == -ENOTSUP);
    /* Its driver returns an error that no container knows */
    CHECK(bpf_saul_reg_write(motor, &value) == -EIO);
    CHECK(bpf_saul_reg_write(NULL, &value) == -ENODEV);
    CHECK(bpf_saul_reg_write(HANDLE(100), &value) == -ENODEV);
    CHECK(bpf_saul_reg_write(HANDLE(0x10001), &value) == -ENODEV);
    return 0;
}
