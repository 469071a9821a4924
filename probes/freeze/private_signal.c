// SPDX-License-Identifier: MIT

/*
 * Installed with raw rt_sigaction: the handler must see every signal blocked, those that
 * libc keeps for itself included, and must not depend on interposed functions.
 */

#include "probes/freeze/private_signal.h"

#include "probes/freeze/machine.h"
#include "probes/tracker/control.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define HIGHEST 62 /* the last two are popular with programs */
#define LOWEST 34  /* libc keeps 32 and 33; Go takes all but 34 */
#define SA_RESTORER_FLAG 0x04000000ul

struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

#define HANDLER_IGNORE ((void (*)(int, siginfo_t *, void *))1) /* the kernel's SIG_IGN */

int hs_signal_trigger, hs_signal_switch;

static void (*private_handler)(int, siginfo_t *, void *);
static uint32_t leaving; /* threads inside an exec */
static bool stays_on_stack;

/* Ignored at start is free, too: so the image before this one has left it. */
static bool is_free(int signal, bool at_start)
{
    struct kernel_action old = {0};
    return hs_raw(SYS_rt_sigaction, signal, 0, &old, 8) == 0
           && (!old.handler || (at_start && old.handler == HANDLER_IGNORE));
}

static void ignore(int signal)
{
    struct kernel_action action = {.handler = HANDLER_IGNORE};
    hs_raw(SYS_rt_sigaction, signal, &action, 0, 8);
}

bool hs_signal_install(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct kernel_action action = {.handler = handler,
                                   .flags = SA_SIGINFO | SA_RESTART,
                                   .restorer = hs_machine_restorer,
                                   .mask = ~0ull};
    if (!__atomic_load_n(&stays_on_stack, __ATOMIC_ACQUIRE))
        action.flags |= SA_ONSTACK;
#if defined(__x86_64__)
    action.flags |= SA_RESTORER_FLAG;
#endif
    return hs_raw(SYS_rt_sigaction, signal, &action, 0, 8) == 0;
}

void hs_signal_leave_alternate_stacks(void)
{
    const int ours[] = {(int)hs_control->signal, hs_signal_trigger, hs_signal_switch};
    if (__atomic_exchange_n(&stays_on_stack, true, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        struct kernel_action action = {0};
        if (ours[i] <= 0 || hs_raw(SYS_rt_sigaction, ours[i], 0, &action, 8) < 0
            || !(action.flags & SA_ONSTACK))
            continue;
        action.flags &= ~(unsigned long)SA_ONSTACK;
        hs_raw(SYS_rt_sigaction, ours[i], &action, 0, 8);
    }
}

static bool choose(int below, bool at_start)
{
    uint64_t bit;
    int wanted = hs_options.freeze_signal;
    int signal = wanted && wanted < below ? wanted : below - 1;
    while (signal >= LOWEST && !is_free(signal, at_start))
        signal--;
    if (signal < LOWEST || !hs_signal_install(signal, private_handler))
        return false;
    bit = 1ull << (signal - 1);
    hs_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
    __atomic_store_n(&hs_control->signal, (uint32_t)signal, __ATOMIC_RELEASE);
    return true;
}

bool hs_signal_start(void (*handler)(int, siginfo_t *, void *))
{
    private_handler = handler;
    return choose(HIGHEST + 1, true);
}

void hs_signal_move(void)
{
    if (!choose((int)hs_control->signal, false)) {
        __atomic_store_n(&hs_control->signal, 0, __ATOMIC_RELEASE);
        hs_report("no free real-time signal is left: no more snapshots of this process");
    }
}

void hs_signal_leave(void)
{
    __atomic_fetch_add(&leaving, 1, __ATOMIC_SEQ_CST);
    if (hs_control->signal)
        ignore((int)hs_control->signal);
}

void hs_signal_answer(void)
{
    if (hs_control->signal
        && __atomic_load_n(&hs_control->phase, __ATOMIC_ACQUIRE) == HS_PHASE_REQUESTED)
        hs_raw(SYS_tgkill, hs_control->pid, hs_raw(SYS_gettid), hs_control->signal);
}

void hs_signal_return(void)
{
    int signal = (int)hs_control->signal;
    bool is_last = __atomic_sub_fetch(&leaving, 1, __ATOMIC_SEQ_CST) == 0;
    if (!signal || !is_last)
        return;
    hs_signal_install(signal, private_handler);
    hs_signal_answer(); /* one that came meanwhile was dropped */
    if (__atomic_load_n(&leaving, __ATOMIC_SEQ_CST)) /* since then */
        ignore(signal);
}

void hs_signal_retire(void)
{
    int *const options[] = {&hs_signal_trigger, &hs_signal_switch};
    uint32_t signal = __atomic_exchange_n(&hs_control->signal, 0, __ATOMIC_ACQ_REL);
    if (signal)
        ignore((int)signal);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int other = __atomic_exchange_n(options[i], 0, __ATOMIC_ACQ_REL);
        if (other)
            ignore(other);
    }
}

void hs_signal_fork_child(void)
{
    if (__atomic_exchange_n(&leaving, 0, __ATOMIC_SEQ_CST) && hs_control->signal)
        hs_signal_install((int)hs_control->signal, private_handler);
}

bool hs_signal_is_ours(int signal)
{
    return signal > 0 && (uint32_t)signal == hs_control->signal;
}

const sigset_t *hs_signal_spared(const sigset_t *mask, sigset_t *copy)
{
    if (!mask || !hs_control->signal)
        return mask;
    *copy = *mask;
    sigdelset(copy, (int)hs_control->signal);
    return copy;
}
