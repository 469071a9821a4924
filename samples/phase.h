// SPDX-License-Identifier: MIT

/*
 * How every sample works together with whoever watches it: it works, says which phase is
 * over, and goes on when a line arrives on stdin. Nothing here allocates.
 *
 *     $ ./sample            prints "warm", then waits: take the first snapshot, press Enter
 *                           prints "worked", then waits: take the second, press Enter
 */

#ifndef SAMPLES_PHASE_H
#define SAMPLES_PHASE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * What returned functions left on the stack may be taken for a pointer when later frames
 * lie over it without writing every word; a lost block would then seem to be held. Clear
 * it, so that the counts are exact.
 */
__attribute__((noinline)) static void phase_wipe_stack(void)
{
    volatile char dead[8192];
    for (size_t i = 0; i < sizeof(dead); i++)
        dead[i] = 0;
}

/* Say `what`, then wait for a line; at the end of the input just go on. No dprintf: it
 * frees a buffer after the line is out, when a snapshot may already be taken. */
static inline void phase_end(const char *what)
{
    char letter = 0;
    phase_wipe_stack();
    struct iovec line[] = {{(void *)what, strlen(what)}, {"\n", 1}};
    if (writev(STDOUT_FILENO, line, 2) < 0)
        exit(1);
    while (letter != '\n' && read(STDIN_FILENO, &letter, 1) == 1)
        ;
}

/* The usual course: one call of `work` warms up, `rounds` more are what is compared. The
 * first argument on the command line overrides the number of rounds. */
static inline int phase_main(int argc, char **argv, int rounds, void (*work)(int round))
{
    if (argc > 1)
        rounds = atoi(argv[1]);
    work(0);
    phase_end("warm");
    for (int round = 1; round <= rounds; round++)
        work(round);
    phase_end("worked");
    return 0;
}

#endif
