/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Images that are run once
 *
 * @}
 */

#include "api.h"
#include "copy.rbpf.h"
#include "endless.rbpf.h"
#include "fault.rbpf.h"
#include "sum.rbpf.h"

static const uint8_t _junk[64] __attribute__((aligned(8))) = { 'r', 'B', 'P', 'F', 0xff };
/* Bytes of an image before its text */
#define HEADER 24

static uint8_t _copy[sizeof(sum_rbpf) + 8] __attribute__((aligned(8)));
static uint8_t _bytes[16];

/* The sum of no bytes, with these regions */
static int _granted(const rbpf_region_t *regions, size_t count)
{
    return rbpf_execute(IMAGE(sum), _bytes, 4, regions, count, 100, NULL);
}

/* The same with one region */
static int _region(void *data, size_t length, uint8_t rights)
{
    rbpf_region_t region = { data, length, rights };

    return _granted(&region, 1);
}

/* The same with two regions */
static int _regions(void *one, uint8_t one_rights, void *other, uint8_t other_rights)
{
    rbpf_region_t regions[] = { { one, 4, one_rights }, { other, 4, other_rights } };

    return _granted(regions, 2);
}

static void _images(void)
{
    int64_t result = -1;

    EXPECT("execute without image", -EINVAL, rbpf_execute(NULL, 8, NULL, 0, NULL, 0, 100, NULL));
    EXPECT("execute of endless length", -EINVAL,
           rbpf_execute(sum_rbpf, SIZE_MAX, NULL, 0, NULL, 0, 100, NULL));
    EXPECT("execute without image, of no bytes", -EINVAL,
           rbpf_execute(NULL, 0, NULL, 0, NULL, 0, 100, NULL));
    EXPECT("execute of no bytes", -EBADMSG,
           rbpf_execute(sum_rbpf, 0, NULL, 0, NULL, 0, 100, &result));
    EXPECT("execute of junk", -EBADMSG,
           rbpf_execute(_junk, sizeof(_junk), NULL, 0, NULL, 0, 100, &result));
    memcpy(_copy + 4, IMAGE(sum));
    EXPECT("execute, not aligned", -EBADMSG,
           rbpf_execute(_copy + 4, sizeof(sum_rbpf), NULL, 0, NULL, 0, 100, &result));
    memcpy(_copy, IMAGE(fault));
    _copy[HEADER] = 0xff;
    EXPECT("execute of bad instruction", -EBADMSG,
           rbpf_execute(_copy, sizeof(fault_rbpf), NULL, 0, NULL, 0, 100, &result));
    EXPECT("result of what was refused", -1, result);
}

static void _runs(void)
{
    uint8_t context[] = { 1, 2, 3 };
    int64_t result = 0;

    EXPECT("execute", 0, rbpf_execute(IMAGE(sum), context, 3, NULL, 0, 1000, &result));
    EXPECT("result of execute", 6, result);
    EXPECT("execute without context", 0, rbpf_execute(IMAGE(sum), NULL, 0, NULL, 0, 1000, &result));
    EXPECT("result without context", 0, result);
    EXPECT("execute without result", 0, rbpf_execute(IMAGE(sum), context, 3, NULL, 0, 1000, NULL));
    EXPECT("execute a fault", -EFAULT, rbpf_execute(IMAGE(fault), NULL, 0, NULL, 0, 1000, &result));
    EXPECT("execute a loop", -ECANCELED,
           rbpf_execute(IMAGE(endless), NULL, 0, NULL, 0, 1000, &result));
    EXPECT("execute without budget", -ECANCELED,
           rbpf_execute(IMAGE(endless), NULL, 0, NULL, 0, 0, &result));
    EXPECT("result is left after failures", 0, result);
    EXPECT("execute after failures", 0, rbpf_execute(IMAGE(sum), context, 3, NULL, 0, 1000, &result));
    EXPECT("result after failures", 6, result);
    EXPECT("execute leaves nothing behind", -ENOENT, rbpf_find("-", NULL));
}

static void _grants(void)
{
    rbpf_region_t four[4] = { { NULL, 0, RBPF_REGION_READ } };
    struct {
        uint64_t from;
        uint64_t to;
        uint32_t count;
    } context = { GUEST_REGION(2), GUEST_CONTEXT + 12, 1 };
    rbpf_region_t three[] = {
        { NULL, 0, RBPF_REGION_READ },
        { NULL, 0, RBPF_REGION_READ | RBPF_REGION_WRITE },
        { _bytes, 1, RBPF_REGION_READ },
    };

    _bytes[0] = 7;
    EXPECT("three regions", 0,
           rbpf_execute(IMAGE(copy), &context, sizeof(context), three, 3, 100, NULL));
    EXPECT("context is written", 8, context.to >> 32);
    EXPECT("four regions", -EINVAL, _granted(four, 4));
    EXPECT("endless many regions", -EINVAL, _granted(four, SIZE_MAX));
    EXPECT("regions without array", -EINVAL, _granted(NULL, 1));
    EXPECT("no regions without array", 0, _granted(NULL, 0));
    EXPECT("region without rights", -EINVAL, _region(_bytes + 4, 4, 0));
    EXPECT("region of undefined rights", -EINVAL, _region(_bytes + 4, 4, 4));
    EXPECT("region of more than all rights", -EINVAL, _region(_bytes + 4, 4, 7));
    EXPECT("region without memory", -EINVAL, _region(NULL, 4, RBPF_REGION_READ));
    EXPECT("region without memory, of no bytes", 0, _region(NULL, 0, RBPF_REGION_WRITE));
    EXPECT("region of endless length", -EINVAL, _region(_bytes + 4, SIZE_MAX, RBPF_REGION_READ));
    EXPECT("region up to the end of memory", -EINVAL,
           _region(_bytes + 4, -(uintptr_t)(_bytes + 4), RBPF_REGION_WRITE));
    EXPECT("region longer than one can be", -EINVAL,
           _region(_bytes + 4, (1 << 24) + 1, RBPF_REGION_READ));
    EXPECT("region beside the context", 0, _region(_bytes + 4, 4, RBPF_REGION_WRITE));
    EXPECT("region within the context", -EINVAL, _region(_bytes + 3, 4, RBPF_REGION_READ));
    EXPECT("region around the context", -EINVAL, _region(_bytes, 16, RBPF_REGION_WRITE));
    EXPECT("region of no bytes within the context", 0, _region(_bytes + 2, 0, RBPF_REGION_WRITE));
    EXPECT("regions side by side", 0,
           _regions(_bytes + 4, RBPF_REGION_WRITE, _bytes + 8, RBPF_REGION_WRITE));
    EXPECT("the same region to be written twice", -EINVAL,
           _regions(_bytes + 4, RBPF_REGION_WRITE, _bytes + 4, RBPF_REGION_WRITE));
    EXPECT("regions overlap, one to be written", -EINVAL,
           _regions(_bytes + 4, RBPF_REGION_READ, _bytes + 7, RBPF_REGION_WRITE));
    EXPECT("regions overlap, both to be read", 0,
           _regions(_bytes + 4, RBPF_REGION_READ, _bytes + 5, RBPF_REGION_READ));
}

/* What would write the image or the array of regions while they are in use */
static void _overlaps(void)
{
    static rbpf_region_t regions[2];
    uint8_t *image = _copy;
    size_t length = sizeof(sum_rbpf);
    void *inside = _copy + HEADER;
    union {
        uint8_t bytes[8];
        int64_t result;
    } context = { .bytes = { 1, 2, 3 } };

    memcpy(_copy, IMAGE(sum));
    EXPECT("context within the image", -EINVAL,
           rbpf_execute(image, length, image + HEADER, 8, NULL, 0, 100, NULL));
    EXPECT("context around the image", -EINVAL,
           rbpf_execute(image, length, image, length, NULL, 0, 100, NULL));
    EXPECT("context over the last byte of the image", -EINVAL,
           rbpf_execute(image, length, image + length - 1, 2, NULL, 0, 100, NULL));
    EXPECT("context behind the image", 0,
           rbpf_execute(image, length, image + length, 2, NULL, 0, 100, NULL));
    EXPECT("context of no bytes within the image", 0,
           rbpf_execute(image, length, image + HEADER, 0, NULL, 0, 100, NULL));
    regions[0] = (rbpf_region_t){ image + HEADER, 8, RBPF_REGION_WRITE };
    EXPECT("region to be written within the image", -EINVAL,
           rbpf_execute(image, length, NULL, 0, regions, 1, 100, NULL));
    regions[0].rights = RBPF_REGION_READ;
    EXPECT("region to be read within the image", 0,
           rbpf_execute(image, length, NULL, 0, regions, 1, 100, NULL));
    EXPECT("result within the image", -EINVAL,
           rbpf_execute(image, length, NULL, 0, NULL, 0, 100, inside));
    EXPECT("the image is as it was", 0, memcmp(image, sum_rbpf, length));

    regions[0] = (rbpf_region_t){ _bytes, 4, RBPF_REGION_READ };
    EXPECT("context over the array of regions", -EINVAL,
           rbpf_execute(image, length, regions, 1, regions, 1, 100, NULL));
    EXPECT("result over the array of regions", -EINVAL,
           rbpf_execute(image, length, NULL, 0, regions, 1, 100, (void *)regions));
    regions[1] = (rbpf_region_t){ regions, sizeof(regions[0]), RBPF_REGION_WRITE };
    EXPECT("region over the array of regions", -EINVAL,
           rbpf_execute(image, length, NULL, 0, regions, 2, 100, NULL));
    EXPECT("the array of regions is as it was", 4, regions[0].length);

    EXPECT("result within the context", 0,
           rbpf_execute(image, length, &context, 3, NULL, 0, 1000, &context.result));
    EXPECT("it is written last", 6, context.result);
}

void test_execute(void)
{
    _images();
    _runs();
    _grants();
    _overlaps();
}
