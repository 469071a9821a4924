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
#include <unistd.h>

/* Say `what`, then wait for a line; at the end of the input just go on. (dprintf would hold
 * a buffer for a moment after the line can be seen.) */
static inline void phase_end(const char *what)
{
    char line[32], letter = 0;
    int size = snprintf(line, sizeof(line), "%s\n", what);
    if (write(STDOUT_FILENO, line, (size_t)size) != size)
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
