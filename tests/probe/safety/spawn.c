// SPDX-License-Identifier: MIT

/*
 * Provokes: "vfork/posix_spawn/clone(CLONE_VM): child shares memory … raw clone/fork
 * syscalls bypass atfork".
 *
 * While threads allocate and open files, children are made in every way that passes
 * pthread_atfork by. A child that shares our memory opens and closes descriptors of its
 * own table, allocates, and ends by exit_group or by exec; one made by the bare system
 * call allocates in a copy that no handler has prepared.
 */

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/own_page.h"

#define CHILDREN 40
#define STACK (256 * 1024)

extern char **environ;
static volatile int stop;
static char *stack;

static void *work(void *context)
{
    (void)context;
    while (!stop) {
        for (size_t i = 1; i < 50; i++)
            free(realloc(malloc(i * 7), i * 20));
        close(open("/dev/null", O_RDONLY | O_CLOEXEC));
        usleep(50);
    }
    return NULL;
}

/* In a child that shares the parent's memory and thread pointer only what is
 * async-signal-safe is allowed: descriptors, exec, _exit. */
static int share(void *argument)
{
    long way = (long)argument;
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0 || dup2(fd, 700) != 700 || close(fd) != 0)
        _exit(90);
    close_range(3, ~0u, 0);
    if (way % 2)
        execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
    _exit(5);
}

/* What a copy of us leaves behind is no leak of ours. */
static int copy(void)
{
    for (size_t i = 1; i < 20000; i++)
        if (!malloc(i % 500))
            return 91;
    close(open("/dev/null", O_RDONLY));
    return 5;
}

static pid_t child_of_clone(long number)
{
    return clone(share, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)number);
}

static pid_t child_of_clone3(long number)
{
    struct clone_args arguments = {.flags = 0, .exit_signal = SIGCHLD};
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (child == 0)
        _exit(number % 2 ? copy() : share((void *)number));
    return child;
}

static pid_t child_of_fork_call(long number)
{
#ifdef SYS_fork
    pid_t child = (pid_t)syscall(SYS_fork);
#else
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
    if (child == 0)
        _exit(number % 2 ? copy() : share((void *)number));
    return child;
}

static pid_t child_of_spawn(long number)
{
    static char *const arguments[] = {"sh", "-c", "exit 5", NULL};
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 9, 800);
    posix_spawn_file_actions_addclose(&actions, 9);
    if (number % 2)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnp(&child, "sh", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static pid_t child_of_vfork(long number)
{
    pid_t child = vfork();
    if (child == 0)
        share((void *)number);
    return child;
}

int main(int argc, char **argv)
{
    static pid_t (*const ways[])(long) = {child_of_clone, child_of_clone3,
                                          child_of_fork_call, child_of_spawn,
                                          child_of_vfork};
    static const char *const names[] = {"clone", "clone3", "fork", "spawn", "vfork"};
    pthread_t threads[4];
    (void)argv;
    const volatile struct hs_control *page = own_page();
    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    int64_t handles = page ? page->open_handles : 0;
    int64_t blocks = page ? page->live_blocks : 0;
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
        int good = 0;
        for (long i = 0; i < CHILDREN; i++) {
            int status = 0;
            pid_t child = ways[way](i);
            waitpid(child, &status, 0);
            good += WIFEXITED(status) && WEXITSTATUS(status) == 5;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 5)
                printf("%s %ld: status %x\n", names[way], i, (unsigned)status);
        }
        printf("%s: %d of %d\n", names[way], good, CHILDREN);
        fflush(stdout);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    /* What children opened and closed in tables of their own is not ours. */
    if (page && page->open_handles > handles + 4)
        printf("%lld handles more\n", (long long)(page->open_handles - handles));
    if (argc > 1 && page && page->live_blocks > blocks + 5000)
        printf("%lld blocks more\n", (long long)(page->live_blocks - blocks));
    return 0;
}
