// SPDX-License-Identifier: MIT

/*
 * Becomes another program in the way that is named, or has it as a child and ends like it:
 *   executes execv PROGRAM
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int end_like(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                    : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const char *way = argv[1], *path = argv[2], *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *arguments[] = {argv[2], NULL};
    if (strcmp(way, "execve") == 0)
        execve(path, arguments, environ);
    if (strcmp(way, "execv") == 0)
        execv(path, arguments);
    if (strcmp(way, "execvp") == 0)
        execvp(name, arguments);
    if (strcmp(way, "execvpe") == 0)
        execvpe(name, arguments, environ);
    if (strcmp(way, "fexecve") == 0)
        fexecve(open(path, O_RDONLY | O_CLOEXEC), arguments, environ);
    if (strcmp(way, "execl") == 0)
        execl(path, path, (char *)NULL);
    if (strcmp(way, "execlp") == 0)
        execlp(name, path, (char *)NULL);
    if (strcmp(way, "execle") == 0)
        execle(path, path, (char *)NULL, environ);
    pid_t child;
    if (strcmp(way, "posix_spawn") == 0
        && posix_spawn(&child, path, NULL, NULL, arguments, environ) == 0)
        return end_like(child);
    if (strcmp(way, "posix_spawnp") == 0
        && posix_spawnp(&child, name, NULL, NULL, arguments, environ) == 0)
        return end_like(child);
    perror(way);
    return 1;
}
