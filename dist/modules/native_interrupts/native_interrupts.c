/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

/**
 * @ingroup     tests
 * @{
 *
 * @file
 * @brief       Native's interrupts leave what they interrupt as it was
 *
 * RIOT's native (2026.07, cpu/native/irq.c and native.S) serves a signal by having
 * the interrupted thread call a function, wherever it is. On x86-64 that function
 * pushes over the red zone, the 128 bytes below the stack that belong to the
 * thread (System V ABI, section 3.2.2), and keeps no vector registers. So from time
 * to time a thread goes on with wrong data.
 *
 * Here the stack is moved below the red zone before, and the vector registers,
 * which the kernel has saved for the signal's handler, are put on it. The thread
 * goes on by way of @ref _go_on, which puts both back.
 *
 * @}
 */

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

int __real_sigaction(int sig, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int sig, const struct sigaction *action, struct sigaction *old);

#ifdef __x86_64__

#define RED_ZONE 128

/* Of native_internal.h, which can't be included here: it renames functions */
extern volatile uintptr_t _native_user_fptr;
void _native_sig_leave_tramp(void);
void native_signal_action(int sig, siginfo_t *info, void *context);

/* Where the kernel says what it has saved: struct _fpx_sw_bytes of
 * asm/sigcontext.h, at the end of the first 512 bytes */
typedef struct {
    uint32_t magic;             /* 0x46505853 if there is more than 512 bytes */
    uint32_t extended_size;
    uint64_t features;
    uint32_t size;
} _saved_t;

#define SAVED_OFFSET 464
#define SAVED_MAGIC 0x46505853

/* What the stack points to when the thread goes on; the vector registers follow.
 * _go_on knows the offsets. */
typedef struct {
    uintptr_t stack;            /* where the address stands at which it goes on */
    uint64_t rax;
    uint64_t rdx;
    uint64_t features;
    uint64_t unused[4];
} _kept_t;

_Static_assert(sizeof(_kept_t) == 64, "xrstor wants a multiple of 64");

void _go_on(void);

/* None of these changes a flag. The return takes the red zone off the stack. */
__asm__(
    ".text\n"
    "_go_on:\n"
    "    movq %rax, 8(%rsp)\n"
    "    movq %rdx, 16(%rsp)\n"
    "    movl 24(%rsp), %eax\n"
    "    movl 28(%rsp), %edx\n"
    "    xrstor64 64(%rsp)\n"
    "    movq 8(%rsp), %rax\n"
    "    movq 16(%rsp), %rdx\n"
    "    movq (%rsp), %rsp\n"
    "    ret $128\n"
);

static void _action(int sig, siginfo_t *info, void *arg)
{
    ucontext_t *context = arg;
    greg_t *registers = context->uc_mcontext.gregs;
    const uint8_t *vectors = (const uint8_t *)context->uc_mcontext.fpregs;
    greg_t program = registers[REG_RIP];
    _saved_t saved;

    native_signal_action(sig, info, arg);
    if (registers[REG_RIP] != (greg_t)(uintptr_t)_native_sig_leave_tramp) {
        return;
    }
    memcpy(&saved, vectors + SAVED_OFFSET, sizeof(saved));
    if (saved.magic != SAVED_MAGIC) {
        return;
    }
    uintptr_t stack = registers[REG_RSP] - RED_ZONE - sizeof(program);
    memcpy((void *)stack, &program, sizeof(program));
    uintptr_t below = (stack - saved.size) & ~(uintptr_t)63;
    memcpy((void *)below, vectors, saved.size);
    _kept_t kept = { .stack = stack, .features = saved.features };
    below -= sizeof(kept);
    memcpy((void *)below, &kept, sizeof(kept));
    registers[REG_RSP] = below;
    _native_user_fptr = (uintptr_t)_go_on;
}

int __wrap_sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction kept;

    if (action && (action->sa_flags & SA_SIGINFO)
        && action->sa_sigaction == native_signal_action) {
        kept = *action;
        kept.sa_sigaction = _action;
        action = &kept;
    }
    return __real_sigaction(sig, action, old);
}

#else

int __wrap_sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    return __real_sigaction(sig, action, old);
}

#endif
