// SPDX-License-Identifier: MIT

/*
 * An alternate signal stack that several threads share: the program's own handler for it
 * (of SIGSEGV, and then the program ends) never runs in two threads at once, but a freeze
 * runs our handler in all of them. varnish does so. Such a program gets our handlers on
 * its ordinary stacks. Elsewhere they stay on the alternate ones: Go and Erlang run on
 * small stacks of their own making, which have no room for a signal.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "probes/freeze/private_signal.h"
#include "probes/tracker/next.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sandbox.h"

#define PLACES 256
#define TRIES 8

HS_NEXT(int, sigaltstack, (const stack_t *, stack_t *))

/* Who last registered which stack. A full neighbourhood forgets somebody: then sharing is
 * noticed with another thread. */
static struct {
    uint64_t start;
    int32_t tid;
} places[PLACES];

/* Async-signal-safe, and looking a name up is not. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_sigaltstack();
}

static bool lives(int32_t tid)
{
    return tid > 0 && hs_raw(SYS_tgkill, hs_raw(SYS_getpid), tid, 0) == 0;
}

/* True: a thread that still lives has registered this stack, too. */
static bool note(uint64_t start, int32_t tid)
{
    uint64_t hash = start * 0x9e3779b97f4a7c15ull >> 56;
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned at = (unsigned)(hash + i) % PLACES;
        uint64_t taken = __atomic_load_n(&places[at].start, __ATOMIC_ACQUIRE);
        if (!taken
            && __atomic_compare_exchange_n(&places[at].start, &taken, start, false,
                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            taken = start;
        if (taken == start) {
            int32_t other = __atomic_exchange_n(&places[at].tid, tid, __ATOMIC_ACQ_REL);
            return other != tid && lives(other);
        }
    }
    __atomic_store_n(&places[hash % PLACES].tid, tid, __ATOMIC_RELEASE);
    __atomic_store_n(&places[hash % PLACES].start, start, __ATOMIC_RELEASE);
    return false;
}

HS_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    /* Before it is in use. */
    if (stack && !(stack->ss_flags & SS_DISABLE) && !hs_sandbox.no_snapshots
        && note((uint64_t)stack->ss_sp, (int32_t)hs_raw(SYS_gettid)))
        hs_signal_leave_alternate_stacks();
    return hs_next_sigaltstack()(stack, old);
}
