// SPDX-License-Identifier: MIT

/*
 * The program's own signal calls, as far as they could take the private signal away:
 * masks are passed on without its bit, its handler cannot be replaced (the program gets
 * the number it wants, and we move to another).
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/select.h>

#include "probes/freeze/private_signal.h"
#include "probes/tracker/next.h"
#include "probes/tracker/report.h"

typedef void (*handler_type)(int);

HS_NEXT(int, sigaction, (int, const struct sigaction *, struct sigaction *))
HS_NEXT(handler_type, signal, (int, handler_type))
HS_NEXT(handler_type, sysv_signal, (int, handler_type))
HS_NEXT(handler_type, sigset, (int, handler_type))
HS_NEXT(int, sigignore, (int))
HS_NEXT(int, sighold, (int))
HS_NEXT(int, siginterrupt, (int, int))
HS_NEXT(int, sigprocmask, (int, const sigset_t *, sigset_t *))
HS_NEXT(int, pthread_sigmask, (int, const sigset_t *, sigset_t *))
HS_NEXT(int, sigsuspend, (const sigset_t *))
HS_NEXT(int, sigwait, (const sigset_t *, int *))
HS_NEXT(int, sigwaitinfo, (const sigset_t *, siginfo_t *))
HS_NEXT(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))
HS_NEXT(int, pselect,
        (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))

/* What the program last asked for on a number of ours without taking it (SIG_IGN or
 * SIG_DFL): reported back when it asks. */
static struct sigaction remembered[3]; /* the private one; those of signal= and switch= */

/* These are async-signal-safe, and looking a name up is not. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_sigaction();
    hs_next_signal();
    hs_next_sysv_signal();
    hs_next_sigset();
    hs_next_sigignore();
    hs_next_sighold();
    hs_next_siginterrupt();
    hs_next_sigprocmask();
    hs_next_pthread_sigmask();
    hs_next_sigsuspend();
    hs_next_sigwait();
    hs_next_sigwaitinfo();
    hs_next_ppoll();
    hs_next_pselect();
}

/* The option that wants `signal`: 1 is signal=, 2 switch=; 0: none. */
static int option_of(int signal)
{
    if (signal == 0)
        return 0;
    return signal == hs_signal_trigger ? 1 : signal == hs_signal_switch ? 2 : 0;
}

/* The program's handler wins over an option's; said once. */
static void note_taken(int signal, int option)
{
    int *place = option == 1 ? &hs_signal_trigger : &hs_signal_switch;
    if (__atomic_compare_exchange_n(place, &signal, 0, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        hs_report("the program handles signal %d itself: option %s is off",
                  (int64_t)signal, option == 1 ? "signal=" : "switch=");
}

static bool is_plain(handler_type handler)
{
    return handler == SIG_DFL || handler == SIG_IGN;
}

/* Before the program's `handler` goes in for `signal`. True: it is only remembered. */
static bool give_way(int signal, handler_type handler)
{
    if (hs_signal_is_ours(signal)) {
        if (is_plain(handler))
            return true;
        hs_signal_move();
    }
    int option = option_of(signal);
    if (option && is_plain(handler))
        return true;
    if (option)
        note_taken(signal, option);
    return false;
}

/* Our own handlers are not the program's business. */
static bool hides(int signal)
{
    return hs_signal_is_ours(signal) || option_of(signal);
}

/* Only for one that is hidden. */
static struct sigaction *remembered_of(int signal)
{
    return &remembered[hs_signal_is_ours(signal) ? 0 : option_of(signal)];
}

/*
 * Our signal interrupts the program's handlers, too: if it waited for their end, it would
 * find the registers of the call that the program's signal has cut, and make that call
 * again. Alternate stacks may have no room for both.
 */
static const struct sigaction *spared_action(const struct sigaction *action,
                                             struct sigaction *copy)
{
    if (!action || action->sa_flags & SA_ONSTACK)
        return action;
    *copy = *action;
    hs_signal_spared(&action->sa_mask, &copy->sa_mask);
    return copy;
}

static int change_action(int signal, const struct sigaction *action,
                         struct sigaction *old)
{
    bool hidden = hides(signal);
    if (hidden && (!action || give_way(signal, action->sa_handler))) {
        struct sigaction *place = remembered_of(signal);
        struct sigaction before = *place;
        if (action)
            *place = *action;
        if (old)
            *old = before;
        return 0;
    }
    struct sigaction copy;
    int result = hs_next_sigaction()(signal, spared_action(action, &copy), old);
    if (hidden && result == 0 && old)
        *old = (struct sigaction){.sa_handler = SIG_DFL};
    return result;
}

/* Not one by way of the other: their names may be the executable's (Erlang's are), and it
 * calls ours. */
HS_EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    return change_action(signal, action, old);
}

HS_EXPORT int __sigaction(int signal, const struct sigaction *action,
                          struct sigaction *old);
HS_EXPORT int __sigaction(int signal, const struct sigaction *action,
                          struct sigaction *old)
{
    return change_action(signal, action, old);
}

/* signal() and its relatives; `next` installs the program's handler. */
static handler_type set_handler(int signal, handler_type handler,
                                handler_type (*next)(int, handler_type))
{
    bool hidden = hides(signal);
    if (hidden && (handler == SIG_ERR || give_way(signal, handler))) {
        struct sigaction *place = remembered_of(signal);
        handler_type before = place->sa_handler;
        if (handler != SIG_ERR)
            place->sa_handler = handler;
        return before;
    }
    handler_type old = next(signal, handler);
    return hidden && old != SIG_ERR ? SIG_DFL : old;
}

HS_EXPORT handler_type signal(int number, handler_type handler)
{
    return set_handler(number, handler, hs_next_signal());
}

HS_EXPORT handler_type bsd_signal(int number, handler_type handler);
HS_EXPORT handler_type bsd_signal(int number, handler_type handler)
{
    return set_handler(number, handler, hs_next_signal());
}

HS_EXPORT handler_type sysv_signal(int number, handler_type handler)
{
    return set_handler(number, handler, hs_next_sysv_signal());
}

HS_EXPORT handler_type __sysv_signal(int number, handler_type handler);
HS_EXPORT handler_type __sysv_signal(int number, handler_type handler)
{
    return set_handler(number, handler, hs_next_sysv_signal());
}

/* sigset(SIG_HOLD) blocks instead: 2 is its number. */
HS_EXPORT handler_type sigset(int number, handler_type handler)
{
    if (hides(number) && handler == (handler_type)2)
        return SIG_DFL;
    return set_handler(number, handler, hs_next_sigset());
}

HS_EXPORT int sigignore(int number)
{
    return hides(number) ? 0 : hs_next_sigignore()(number);
}

HS_EXPORT int sighold(int number)
{
    return hs_signal_is_ours(number) ? 0 : hs_next_sighold()(number);
}

HS_EXPORT int siginterrupt(int number, int interrupts)
{
    return hides(number) ? 0 : hs_next_siginterrupt()(number, interrupts);
}

HS_EXPORT int sigprocmask(int how, const sigset_t *mask, sigset_t *old)
{
    sigset_t copy;
    return hs_next_sigprocmask()(
        how, how == SIG_UNBLOCK ? mask : hs_signal_spared(mask, &copy), old);
}

HS_EXPORT int pthread_sigmask(int how, const sigset_t *mask, sigset_t *old)
{
    sigset_t copy;
    return hs_next_pthread_sigmask()(
        how, how == SIG_UNBLOCK ? mask : hs_signal_spared(mask, &copy), old);
}

HS_EXPORT int sigsuspend(const sigset_t *mask)
{
    sigset_t copy;
    return hs_next_sigsuspend()(hs_signal_spared(mask, &copy));
}

HS_EXPORT int sigwait(const sigset_t *mask, int *signal)
{
    sigset_t copy;
    return hs_next_sigwait()(hs_signal_spared(mask, &copy), signal);
}

HS_EXPORT int sigwaitinfo(const sigset_t *mask, siginfo_t *info)
{
    sigset_t copy;
    return hs_next_sigwaitinfo()(hs_signal_spared(mask, &copy), info);
}

HS_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
                    const sigset_t *mask)
{
    sigset_t copy;
    return hs_next_ppoll()(fds, count, limit, hs_signal_spared(mask, &copy));
}

HS_EXPORT int pselect(int count, fd_set *readable, fd_set *writable, fd_set *special,
                      const struct timespec *limit, const sigset_t *mask)
{
    sigset_t copy;
    return hs_next_pselect()(count, readable, writable, special, limit,
                             hs_signal_spared(mask, &copy));
}
