/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * @brief       Calls one of three helpers of the application's own with memory
 */
#include <rbpf/types.h>

static int64_t (*const _input)(uint64_t address, uint64_t length) = (void *)0x8001;
static int64_t (*const _output)(uint64_t address, uint64_t length) = (void *)0x8002;
static int64_t (*const _in_out)(uint64_t address) = (void *)0x8003;

typedef struct {
    uint64_t address;
    uint64_t length;
    uint8_t helper;
    uint8_t bytes[7];
} context_t;

int64_t memory(const context_t *context)
{
    switch (context->helper) {
    case 1:
        return _input(context->address, context->length);
    case 2:
        return _output(context->address, context->length);
    default:
        return _in_out(context->address);
    }
}
