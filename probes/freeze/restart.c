// SPDX-License-Identifier: MIT

/*
 * sleep, pause, epoll_wait and their like return EINTR after any handler, whatever
 * SA_RESTART says, and many a program ends when pause() or sleep() returns. So the saved
 * registers are set back to before the system call where that is exact: calls without a
 * time limit, with an absolute one, and those that the kernel has told what is left:
 * nanosleep in its second argument (sleep.c sees to it that there is one), select, pselect
 * and ppoll in the limit itself. No call then takes longer than was asked for.
 *
 * Of poll, epoll_wait, sigtimedwait and semtimedop with a relative limit nobody says how
 * much is left: their hooks are told (wait.c). EINTR remains for what has no hook:
 * io_getevents, sockets with SO_RCVTIMEO, system calls without libc.
 *
 * A signal of the program that came in meanwhile must find its EINTR: with one pending
 * nothing is restarted. One that comes later finds the program right before the call,
 * where it could have been anyway.
 *
 * The number of the call is read from the code: libc loads it right before. Where the
 * code looks different, and on other machines, the program sees EINTR.
 */

#include "probes/freeze/restart.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "probes/freeze/private_signal.h"
#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"

/* A hook and libc below it use less of the stack, a signal's frame takes more. */
#define HOOK_STACK 768

__thread struct hs_wait hs_wait;

#if defined(__x86_64__)
/* mov $number, %eax; syscall */
static long interrupted_call(uint64_t ip)
{
    uint8_t code[7];
    int32_t number;
    if ((ip & 4095) < sizeof(code)) /* what comes before may not be mapped */
        return -1;
    memcpy(code, (const void *)(uintptr_t)(ip - sizeof(code)), sizeof(code));
    memcpy(&number, code + 1, sizeof(number));
    return code[0] == 0xb8 && code[5] == 0x0f && code[6] == 0x05 ? number : -1;
}

/* Make the call mean what is left of it. False: that is not known. */
static bool shorten(long number, greg_t *registers)
{
    switch (number) {
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_semop:
    case SYS_msgsnd:
    case SYS_msgrcv:
    case SYS_select:
    case SYS_pselect6:
    case SYS_ppoll:
        return true;
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
        return (int32_t)registers[REG_R10] < 0;
    case SYS_poll:
        return (int32_t)registers[REG_RDX] < 0;
    case SYS_rt_sigtimedwait:
        return registers[REG_RDX] == 0;
    case SYS_io_getevents:
        return registers[REG_R8] == 0;
    case SYS_epoll_pwait2:
    case SYS_semtimedop:
        return registers[REG_R10] == 0;
    case SYS_nanosleep:
        registers[REG_RDI] = registers[REG_RSI];
        return registers[REG_RSI] != 0;
    case SYS_clock_nanosleep:
        if (registers[REG_RSI] & TIMER_ABSTIME)
            return true;
        registers[REG_RDX] = registers[REG_R10];
        return registers[REG_R10] != 0;
    case SYS_futex:
        return (registers[REG_RSI] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    default:
        return false;
    }
}

#endif

static bool has_other_signal(const ucontext_t *interrupted)
{
    uint64_t pending = 0, blocked;
    memcpy(&blocked, &interrupted->uc_sigmask, sizeof(blocked));
    hs_raw(SYS_rt_sigpending, &pending, 8);
    if (hs_control->signal)
        blocked |= 1ull << (hs_control->signal - 1);
    if (hs_signal_trigger)
        blocked |= 1ull << (hs_signal_trigger - 1);
    if (hs_signal_switch)
        blocked |= 1ull << (hs_signal_switch - 1);
    return pending & ~blocked;
}

/* Was it a call made by the hook, and not in a signal handler that interrupted that? */
static void tell_hook(uint64_t sp)
{
    if (hs_wait.frame && hs_wait.frame - sp < HOOK_STACK)
        hs_wait.is_cut = true;
}

#if defined(__x86_64__)

void hs_restart_interrupted(void *context)
{
    ucontext_t *interrupted = context;
    greg_t *registers = interrupted->uc_mcontext.gregs;
    if (registers[REG_RAX] != -EINTR || has_other_signal(interrupted))
        return;
    long number = interrupted_call((uint64_t)registers[REG_RIP]);
    if (number >= 0 && shorten(number, registers)) {
        registers[REG_RAX] = number;
        registers[REG_RIP] -= 2;
        return;
    }
    tell_hook((uint64_t)registers[REG_RSP]);
}

#else

void hs_restart_interrupted(void *context)
{
    ucontext_t *interrupted = context;
    if ((int64_t)interrupted->uc_mcontext.regs[0] == -EINTR
        && !has_other_signal(interrupted))
        tell_hook(interrupted->uc_mcontext.sp);
}

#endif
