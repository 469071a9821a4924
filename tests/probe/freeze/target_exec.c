// SPDX-License-Identifier: MIT

/* A program that executes itself over and over. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "target.h"

/* In every way there is, one after the other; also a file that is not there. */
static void execute(const char *self, char *left, int way)
{
    char *arguments[] = {(char *)(uintptr_t)self, (char *)"again", left, NULL};
    execlp("/no/such/program", "program", (char *)NULL);
    switch (way % 9) {
    case 0:
        execl(self, self, "again", left, (char *)NULL);
        break;
    case 1:
        execle(self, self, "again", left, (char *)NULL, environ);
        break;
    case 2:
        execlp(self, self, "again", left, (char *)NULL);
        break;
    case 3:
        execv(self, arguments);
        break;
    case 4:
        execvp(self, arguments);
        break;
    case 5:
        execvpe(self, arguments, environ);
        break;
    case 6:
        fexecve(open(self, O_RDONLY | O_CLOEXEC), arguments, environ);
        break;
    case 7:
        execveat(AT_FDCWD, self, arguments, environ, 0);
        break;
    default:
        execve(self, arguments, environ);
    }
    exit(1);
}

void execute_again(const char *self, int left)
{
    char text[16];
    if (left <= 0)
        return;
    snprintf(text, sizeof(text), "%d", left - 1);
    execute(self, text, left);
}
