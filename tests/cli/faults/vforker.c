// SPDX-License-Identifier: MIT

/*
 * A program that is held up by vfork until its standard input ends, or, when a signal
 * ends its child, lives on until then. The child prints both pids.
 */

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t parent = getpid();
    char byte;
    pid_t child = vfork();
    if (child == 0) {
        dprintf(STDOUT_FILENO, "%d %d\n", (int)parent, (int)getpid());
        while (read(STDIN_FILENO, &byte, 1) > 0)
            ;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    dprintf(STDOUT_FILENO, "on\n");
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
