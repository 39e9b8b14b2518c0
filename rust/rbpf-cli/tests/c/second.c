// SPDX-License-Identifier: MIT OR Apache-2.0
// The other half of first.c.
int shared = 100;

static __attribute__((noinline)) int local(int value)
{
    return value - shared;
}

int other(int value)
{
    char buffer[24];
    for (int i = 0; i < 24; i++) {
        buffer[i] = (char)(value + i);
    }
    int sum = 0;
    for (int i = 0; i < 24; i++) {
        sum += buffer[(unsigned)(i * 5 + value) % 24];
    }
    return local(sum);
}
