/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     pkg_rbpf
 * @{
 *
 * @file
 * @brief       Measurements of containers, written by RIOT's modules senml_cbor and
 *              senml_phydat
 *
 * Called by the Rust crate rbpf-riot, which declares the function for itself.
 *
 * @}
 */

#include <stddef.h>
#include <stdint.h>

#include "nanocbor/nanocbor.h"
#include "phydat.h"
#include "senml/cbor.h"
#include "senml/phydat.h"

/* Writes one record a dimension, and returns how long all are, which may be more
 * than there is room for. */
size_t rbpf_senml_write(uint8_t *out, size_t room, const char *name, const phydat_t *value,
                        uint8_t dimensions)
{
    nanocbor_encoder_t encoder;

    nanocbor_encoder_init(&encoder, out, room);
    nanocbor_fmt_array_indefinite(&encoder);
    for (uint8_t i = 0; i < dimensions; i++) {
        if (value->unit == UNIT_BOOL) {
            senml_bool_value_t record = { .attr = { .name = name } };

            phydat_to_senml_bool(&record, value, i);
            senml_encode_bool_cbor(&encoder, &record);
        }
        else {
            senml_value_t record = { .attr = { .name = name } };

            phydat_to_senml_decimal(&record, value, i);
            senml_encode_value_cbor(&encoder, &record);
        }
    }
    nanocbor_fmt_end_indefinite(&encoder);
    return nanocbor_encoded_len(&encoder);
}
