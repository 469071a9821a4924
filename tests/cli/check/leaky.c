// SPDX-License-Identifier: MIT

/*
 * Loses what it is told to: each argument is one word. Ends with status 7 unless told
 * otherwise, so that a status that was replaced is seen.
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static void *keep;

__attribute__((noinline)) static void lose_small(void)
{
    memset(malloc(11), 0, 11);
}

__attribute__((noinline)) static void lose_pair(void)
{
    void **head = malloc(32);
    memset(head, 0, 32);
    *head = calloc(1, 64);
}

__attribute__((noinline)) static void hold_inside(void)
{
    keep = (char *)calloc(1, 40) + 8 + 4;
}

static void *sleep_on(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void start_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_on, NULL);
}

static void fork_child(void)
{
    if (fork() == 0) {
        lose_small();
        exit(0);
    }
    int status = 0;
    wait(&status);
    printf("child %d\n", WEXITSTATUS(status));
}

static void clean(void)
{
    volatile char dirt[4096];
    memset((void *)dirt, 0, sizeof(dirt));
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "small") == 0)
            lose_small();
        else if (strcmp(argv[i], "pair") == 0)
            lose_pair();
        else if (strcmp(argv[i], "inside") == 0)
            hold_inside();
        else if (strcmp(argv[i], "say") == 0)
            printf("not flushed");
        else if (strcmp(argv[i], "thread") == 0)
            start_thread();
        else if (strcmp(argv[i], "fork") == 0)
            fork_child();
        else if (strcmp(argv[i], "closed") == 0)
            close(2);
        else if (strcmp(argv[i], "taken") == 0 && (close(2), 1))
            open("taken", O_CREAT | O_WRONLY, 0600);
        else if (strcmp(argv[i], "term") == 0)
            raise(SIGTERM);
        else if (strcmp(argv[i], "ask") == 0)
            printf("answer %d\n", __lsan_do_recoverable_leak_check
                                      ? __lsan_do_recoverable_leak_check()
                                      : -1);
        else if (strcmp(argv[i], "exec") == 0)
            execv(argv[0], (char *[]){argv[0], argv[i + 1], NULL});
    }
    clean();
    return 7;
}
