// SPDX-License-Identifier: MIT

/*
 * An executable with a sigaction of its own that calls the next one, under both of libc's
 * names, as Erlang's has it. Built so that others see its functions.
 */

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t seen;

int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    int (*next)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT,
                                                                          "__sigaction");
    return next(signal, action, old);
}

int __sigaction(int signal, const struct sigaction *action, struct sigaction *old);
int __sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    return sigaction(signal, action, old);
}

static void note(int signal)
{
    seen = signal;
}

int main(void)
{
    struct sigaction action = {.sa_handler = note}, old;
    int result = sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    result += sigaction(SIGUSR1, NULL, &old);
    printf("%d, signal %d, %s\n", result, (int)seen,
           old.sa_handler == note ? "the handler is in" : "another handler");
    return seen != SIGUSR1;
}
