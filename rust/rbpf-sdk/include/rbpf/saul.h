/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */
/**
 * @ingroup     rbpf_sdk
 * @{
 *
 * @file
 * @brief       Sensors and actuators: device classes and units
 */
#ifndef RBPF_SAUL_H
#define RBPF_SAUL_H

#include <rbpf/types.h>

/**
 * @name    Classes of devices
 * @{
 */
#ifndef SAUL_CLASS_UNDEF
#define SAUL_CLASS_UNDEF (0x00) /**< class undefined */
#endif
#ifndef SAUL_ACT_ANY
#define SAUL_ACT_ANY (0x40) /**< any actuator */
#endif
#ifndef SAUL_ACT_LED_RGB
#define SAUL_ACT_LED_RGB (0x41) /**< RGB LED */
#endif
#ifndef SAUL_ACT_SERVO
#define SAUL_ACT_SERVO (0x42) /**< servo motor */
#endif
#ifndef SAUL_ACT_MOTOR
#define SAUL_ACT_MOTOR (0x43) /**< motor */
#endif
#ifndef SAUL_ACT_SWITCH
#define SAUL_ACT_SWITCH (0x44) /**< on/off switch */
#endif
#ifndef SAUL_ACT_DIMMER
#define SAUL_ACT_DIMMER (0x45) /**< dimmable switch */
#endif
#ifndef SAUL_ACT_VOLTAGE
#define SAUL_ACT_VOLTAGE (0x46) /**< output voltage */
#endif
#ifndef SAUL_ACT_CURRENT
#define SAUL_ACT_CURRENT (0x47) /**< output current */
#endif
#ifndef SAUL_SENSE_ANY
#define SAUL_SENSE_ANY (0x80) /**< any sensor */
#endif
#ifndef SAUL_SENSE_BTN
#define SAUL_SENSE_BTN (0x81) /**< button */
#endif
#ifndef SAUL_SENSE_TEMP
#define SAUL_SENSE_TEMP (0x82) /**< temperature */
#endif
#ifndef SAUL_SENSE_HUM
#define SAUL_SENSE_HUM (0x83) /**< humidity */
#endif
#ifndef SAUL_SENSE_LIGHT
#define SAUL_SENSE_LIGHT (0x84) /**< light */
#endif
#ifndef SAUL_SENSE_ACCEL
#define SAUL_SENSE_ACCEL (0x85) /**< acceleration */
#endif
#ifndef SAUL_SENSE_MAG
#define SAUL_SENSE_MAG (0x86) /**< magnetic field */
#endif
#ifndef SAUL_SENSE_GYRO
#define SAUL_SENSE_GYRO (0x87) /**< rotation */
#endif
#ifndef SAUL_SENSE_COLOR
#define SAUL_SENSE_COLOR (0x88) /**< color of light */
#endif
#ifndef SAUL_SENSE_PRESS
#define SAUL_SENSE_PRESS (0x89) /**< pressure */
#endif
#ifndef SAUL_SENSE_ANALOG
#define SAUL_SENSE_ANALOG (0x8a) /**< raw analog value */
#endif
#ifndef SAUL_SENSE_UV
#define SAUL_SENSE_UV (0x8b) /**< UV index */
#endif
#ifndef SAUL_SENSE_OBJTEMP
#define SAUL_SENSE_OBJTEMP (0x8c) /**< temperature of an object */
#endif
#ifndef SAUL_SENSE_COUNT
#define SAUL_SENSE_COUNT (0x8d) /**< pulse counter */
#endif
#ifndef SAUL_SENSE_DISTANCE
#define SAUL_SENSE_DISTANCE (0x8e) /**< distance */
#endif
#ifndef SAUL_SENSE_CO2
#define SAUL_SENSE_CO2 (0x8f) /**< carbon dioxide */
#endif
#ifndef SAUL_SENSE_TVOC
#define SAUL_SENSE_TVOC (0x90) /**< volatile organic compounds */
#endif
#ifndef SAUL_SENSE_GAS
#define SAUL_SENSE_GAS (0x91) /**< gas in general */
#endif
#ifndef SAUL_SENSE_OCCUP
#define SAUL_SENSE_OCCUP (0x92) /**< occupancy */
#endif
#ifndef SAUL_SENSE_PROXIMITY
#define SAUL_SENSE_PROXIMITY (0x93) /**< proximity */
#endif
#ifndef SAUL_SENSE_RSSI
#define SAUL_SENSE_RSSI (0x94) /**< signal strength */
#endif
#ifndef SAUL_SENSE_CHARGE
#define SAUL_SENSE_CHARGE (0x95) /**< charge */
#endif
#ifndef SAUL_SENSE_CURRENT
#define SAUL_SENSE_CURRENT (0x96) /**< current */
#endif
#ifndef SAUL_SENSE_PM
#define SAUL_SENSE_PM (0x97) /**< particulate matter */
#endif
#ifndef SAUL_SENSE_CAPACITANCE
#define SAUL_SENSE_CAPACITANCE (0x98) /**< capacitance */
#endif
#ifndef SAUL_SENSE_VOLTAGE
#define SAUL_SENSE_VOLTAGE (0x99) /**< voltage */
#endif
#ifndef SAUL_SENSE_PH
#define SAUL_SENSE_PH (0x9a) /**< pH */
#endif
#ifndef SAUL_SENSE_POWER
#define SAUL_SENSE_POWER (0x9b) /**< power */
#endif
#ifndef SAUL_SENSE_SIZE
#define SAUL_SENSE_SIZE (0x9c) /**< size */
#endif
#ifndef SAUL_CLASS_ANY
#define SAUL_CLASS_ANY (0xff) /**< any device */
#endif
/** @} */

/**
 * @name    Units of a phydat_t
 * @{
 */
#ifndef UNIT_UNDEF
#define UNIT_UNDEF (0) /**< unit undefined */
#endif
#ifndef UNIT_NONE
#define UNIT_NONE (1) /**< no unit */
#endif
#ifndef UNIT_TEMP_C
#define UNIT_TEMP_C (2) /**< degree Celsius */
#endif
#ifndef UNIT_TEMP_F
#define UNIT_TEMP_F (3) /**< degree Fahrenheit */
#endif
#ifndef UNIT_TEMP_K
#define UNIT_TEMP_K (4) /**< kelvin */
#endif
#ifndef UNIT_LUX
#define UNIT_LUX (5) /**< lux */
#endif
#ifndef UNIT_M
#define UNIT_M (6) /**< metre */
#endif
#ifndef UNIT_M2
#define UNIT_M2 (7) /**< square metre */
#endif
#ifndef UNIT_M3
#define UNIT_M3 (8) /**< cubic metre */
#endif
#ifndef UNIT_G_FORCE
#define UNIT_G_FORCE (9) /**< acceleration of gravity */
#endif
#ifndef UNIT_DPS
#define UNIT_DPS (10) /**< degree per second */
#endif
#ifndef UNIT_GRAM
#define UNIT_GRAM (11) /**< gram */
#endif
#ifndef UNIT_A
#define UNIT_A (12) /**< ampere */
#endif
#ifndef UNIT_V
#define UNIT_V (13) /**< volt */
#endif
#ifndef UNIT_W
#define UNIT_W (14) /**< watt */
#endif
#ifndef UNIT_GAUSS
#define UNIT_GAUSS (15) /**< gauss */
#endif
#ifndef UNIT_T
#define UNIT_T (16) /**< tesla */
#endif
#ifndef UNIT_DBM
#define UNIT_DBM (17) /**< decibel-milliwatt */
#endif
#ifndef UNIT_COULOMB
#define UNIT_COULOMB (18) /**< coulomb */
#endif
#ifndef UNIT_F
#define UNIT_F (19) /**< farad */
#endif
#ifndef UNIT_OHM
#define UNIT_OHM (20) /**< ohm */
#endif
#ifndef UNIT_PH
#define UNIT_PH (21) /**< pH */
#endif
#ifndef UNIT_BAR
#define UNIT_BAR (22) /**< bar */
#endif
#ifndef UNIT_PA
#define UNIT_PA (23) /**< pascal */
#endif
#ifndef UNIT_CD
#define UNIT_CD (24) /**< candela */
#endif
#ifndef UNIT_BOOL
#define UNIT_BOOL (25) /**< truth value, 0 or 1 */
#endif
#ifndef UNIT_CTS
#define UNIT_CTS (26) /**< counts */
#endif
#ifndef UNIT_PERCENT
#define UNIT_PERCENT (27) /**< of 100 */
#endif
#ifndef UNIT_PERMILL
#define UNIT_PERMILL (28) /**< of 1000 */
#endif
#ifndef UNIT_PPM
#define UNIT_PPM (29) /**< parts per million */
#endif
#ifndef UNIT_PPB
#define UNIT_PPB (30) /**< parts per billion */
#endif
#ifndef UNIT_TIME
#define UNIT_TIME (31) /**< seconds, minutes, hours */
#endif
#ifndef UNIT_DATE
#define UNIT_DATE (32) /**< days, months, years */
#endif
#ifndef UNIT_GPM3
#define UNIT_GPM3 (33) /**< grams per cubic metre */
#endif
#ifndef UNIT_CPM3
#define UNIT_CPM3 (34) /**< counts per cubic metre */
#endif
/** @} */

#endif /* RBPF_SAUL_H */
/** @} */
