// SPDX-License-Identifier: MIT

/*
 * Memory that the maps promise and the kernel refuses: a file that was truncated, a
 * poisoned page, a page of userfaultfd. The image skips it and says so.
 */

#include <signal.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/freeze/workers.h"
#include "probes/tracker/raw.h"

#define SA_RESTORER_FLAG 0x04000000ul

static struct place {
    struct hs_jump landing;
    volatile bool is_armed;
    volatile uint64_t address;
} places[HS_WORKERS_MAX]; /* one a thread of the image */

static void on_fault(int signal, siginfo_t *info, void *context)
{
    struct place *place = &places[hs_workers_current()];
    (void)signal;
    (void)context;
    if (!place->is_armed)
        hs_raw(SYS_exit_group, 1);
    place->address = (uint64_t)(uintptr_t)info->si_addr;
    place->is_armed = false;
    hs_machine_jump(&place->landing);
}

void hs_fault_guard_install(void)
{
    struct {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {on_fault, SA_SIGINFO | SA_NODEFER, hs_machine_restorer, 0};
#if defined(__x86_64__)
    action.flags |= SA_RESTORER_FLAG;
#endif
    hs_raw(SYS_rt_sigaction, SIGSEGV, &action, 0, 8);
    hs_raw(SYS_rt_sigaction, SIGBUS, &action, 0, 8);
    uint64_t faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1);
    hs_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &faults, 0, 8);
}

__attribute__((noinline)) bool hs_fault_guard(void (*body)(void *context), void *context,
                                              uint64_t *ret_address)
{
    struct place *place = &places[hs_workers_current()];
    if (hs_machine_mark(&place->landing)) {
        place = &places[hs_workers_current()];
        *ret_address = place->address;
        return false;
    }
    place->is_armed = true;
    body(context);
    place->is_armed = false;
    return true;
}
