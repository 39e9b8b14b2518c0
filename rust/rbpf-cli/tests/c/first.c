// SPDX-License-Identifier: MIT OR Apache-2.0
// Two files: functions and variables of the other, and statics of one name.
extern int shared;
int other(int value);
int unused(int value);

static __attribute__((noinline)) int local(int value)
{
    return value * 3 + shared;
}

static const char text[] = "same";

int entry(const int *context)
{
    shared += 1;
    return local(context[0]) + other(context[1]) + text[context[2] & 3];
}

int unused(int value)
{
    return value * 7 + entry(&value);
}
