// SPDX-License-Identifier: MIT

/*
 * A signal handler may jump out of open() or mmap(), and with them out of our hook, whose
 * guard nobody would release: the thread would never be tracked again. So every jump
 * releases it. One that stays inside the handler merely lets the hook below it be entered
 * again, should another signal come before it is through.
 */

#include <setjmp.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/next.h"

HS_NEXT(void, longjmp, (jmp_buf, int))
HS_NEXT(void, _longjmp, (jmp_buf, int))
HS_NEXT(void, siglongjmp, (jmp_buf, int))
HS_NEXT(void, __longjmp_chk, (jmp_buf, int))

void __longjmp_chk(jmp_buf place, int value) __attribute__((noreturn));

/* Jumps are made in signal handlers. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_longjmp();
    hs_next__longjmp();
    hs_next_siglongjmp();
    hs_next___longjmp_chk();
}

static void release_guard(void)
{
    if (HS_LIKELY(!hs_guard_word))
        return;
    if (hs_thread_own)
        hs_thread_own->capturing = 0;
    hs_guard_word = 0;
}

HS_EXPORT void longjmp(jmp_buf place, int value)
{
    release_guard();
    hs_next_longjmp()(place, value);
    __builtin_unreachable();
}

HS_EXPORT void _longjmp(jmp_buf place, int value)
{
    release_guard();
    hs_next__longjmp()(place, value);
    __builtin_unreachable();
}

HS_EXPORT void siglongjmp(jmp_buf place, int value)
{
    release_guard();
    hs_next_siglongjmp()(place, value);
    __builtin_unreachable();
}

/* What the others become under _FORTIFY_SOURCE. */
HS_EXPORT void __longjmp_chk(jmp_buf place, int value)
{
    release_guard();
    hs_next___longjmp_chk()(place, value);
    __builtin_unreachable();
}
