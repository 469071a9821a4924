// SPDX-License-Identifier: MIT

/* A program that executes itself over and over. */

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

int is_asleep(const char *folder)
{
    char path[128], text[256] = "";
    snprintf(path, sizeof(path), "%s/stat", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strstr(text, ") S ") != NULL;
}

static int is_called(const char *folder, const char *name)
{
    char path[128], text[32] = "";
    snprintf(path, sizeof(path), "%s/comm", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strcmp(text, name) == 0;
}

void run_child(void)
{
    char folder[64];
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    snprintf(folder, sizeof(folder), "/proc/%d", (int)child);
    while (!is_called(folder, "sleep\n") || !is_asleep(folder))
        usleep(1000);
    printf("%d\n", (int)child);
}
