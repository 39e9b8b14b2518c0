// SPDX-License-Identifier: MIT OR Apache-2.0
// Named sections, calls between them, and frames of different sizes.
#define NOINLINE __attribute__((noinline))

static NOINLINE int with_stack(const int *values, int index)
{
    volatile int copy[4];
    for (int i = 0; i < 4; i++) {
        copy[i] = values[i];
    }
    return copy[index & 3];
}

static NOINLINE int without_stack(int value)
{
    return value + 1;
}

__attribute__((section("hook/entry"))) int entry(const int *context)
{
    int values[4] = { context[0], 15, 16, context[0] };
    return with_stack(values, 0) + without_stack(context[0]) + with_stack(values, 1) +
           with_stack(values, 3);
}

char _license[] __attribute__((section("license"))) = "MIT";
