/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal that says that the machine goes soon, noted. The handler only stores a time and calls who was there before:
 * both are safe in a handler (signal-safety(7)). What is done about it is the program's, between two steps.
 */
#include <polyfs/async.h>

#include <signal.h>
#include <string.h>

#include "run.h"

#define SIGNALS 64 /* numbers below it can be noted */

/* Guarded by nothing: written before its handler is set, then only read. */
static struct {
    struct sigaction before;
    uint32_t grace_ms;
    int is_on;
} noted[SIGNALS];
static int64_t until_ms; /* by atomic operations: when the process has to be done; 0: no signal yet */

static void note(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *before = &noted[signal].before;
    int64_t none = 0, until = ckpt_monotonic_ms() + noted[signal].grace_ms;
    __atomic_compare_exchange_n(&until_ms, &none, until ? until : 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(signal, info, context);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
        before->sa_handler(signal);
}

int polyfs_ckpt_preempt_on(int signal, uint32_t grace_ms, struct polyfs_error *err)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = note;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (signal <= 0 || signal >= SIGNALS || signal == SIGKILL || signal == SIGSTOP)
        return ckpt_fail(err, POLYFS_INVALID, "note", "a signal", "%d is none that can be noted", signal);
    noted[signal].grace_ms = grace_ms;
    if (noted[signal].is_on)
        return POLYFS_OK;
    if (sigaction(signal, NULL, &noted[signal].before) != 0 || sigaction(signal, &action, NULL) != 0)
        return ckpt_fail(err, POLYFS_INVALID, "note", "a signal", "%d is none that can be noted", signal);
    noted[signal].is_on = 1;
    return POLYFS_OK;
}

uint32_t polyfs_ckpt_preempted(void)
{
    int64_t until = __atomic_load_n(&until_ms, __ATOMIC_RELAXED);
    if (!until)
        return 0;
    int64_t left = until - ckpt_monotonic_ms();
    return left < 1 ? 1 : (uint32_t)left;
}
