// SPDX-License-Identifier: MIT

/*
 * Provokes: "siglongjmp out of a handler that interrupted malloc-free code". The code
 * interrupted is open() and close(), which are async-signal-safe, so a handler may leave
 * them by a jump; but around them is our hook, in the middle of a capture or of the table
 * of descriptors. The thread must be tracked afterwards as it was before.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/own_page.h"

#define JUMPS 1000

static sigjmp_buf out;
static volatile sig_atomic_t may_jump, jumps;

static void on_timer(int signal)
{
    (void)signal;
    if (!may_jump)
        return;
    may_jump = 0;
    jumps++;
    siglongjmp(out, 1);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_timer};
    struct itimerval every = {{0, 200}, {0, 200}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    while (jumps < JUMPS) {
        if (sigsetjmp(out, 1) != 0)
            continue;
        may_jump = 1;
        for (volatile int i = 0; i < 100; i++)
            close(open("/dev/null", O_RDONLY | O_CLOEXEC));
        may_jump = 0;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    close_range(3, 900, 0); /* what a jump has left open */

    const volatile struct hs_control *page = own_page();
    int64_t before = page ? page->live_bytes : 0;
    void *block = malloc(50 << 20);
    if (page && page->live_bytes - before < 40 << 20)
        puts("the thread is not tracked any more");
    free(block);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    printf("jumped, then descriptor %d\n", fd);
    return 0;
}
