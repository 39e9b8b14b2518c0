// SPDX-License-Identifier: MIT OR Apache-2.0
// Recursion, which the linker cannot bound.
static __attribute__((noinline)) int fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int entry(const int *context)
{
    return fibonacci(context[0]);
}
