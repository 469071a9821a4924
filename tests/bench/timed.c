// SPDX-License-Identifier: MIT

/*
 * Runs a command and writes down what it cost. A program of its own because the kernel
 * counts the memory of whoever forks into the peak of what is executed afterwards: this one
 * is tiny, an interpreter is not.
 *
 *   timed RESULT [NAME=VALUE…] -- COMMAND…
 *
 * RESULT gets one line: seconds from start to end, in user mode, in the kernel, peak resident
 * KiB, and the status as a shell has it. The names are in the command's environment only.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void execute(char **words, char **command)
{
    for (char **word = words; word < command - 1; word++)
        putenv(*word);
    execvp(command[0], command);
    fprintf(stderr, "timed: cannot run %s\n", command[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    int start = 2;
    while (start < argc && strcmp(argv[start], "--") != 0)
        start++;
    if (start + 1 >= argc) {
        fprintf(stderr, "usage: timed RESULT [NAME=VALUE...] -- COMMAND...\n");
        return 2;
    }

    double begin = now();
    pid_t child = fork();
    if (child == 0)
        execute(argv + 2, argv + start + 1);
    int status;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) < 0) {
        perror("timed");
        return 1;
    }
    double end = now();

    FILE *result = fopen(argv[1], "w");
    if (!result) {
        perror(argv[1]);
        return 1;
    }
    fprintf(result, "%.6f %.6f %.6f %ld %d\n", end - begin, seconds(used.ru_utime),
            seconds(used.ru_stime), used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(result) == 0 ? 0 : 1;
}
