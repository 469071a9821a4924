// SPDX-License-Identifier: MIT

/* Threads that begin, end, fork and get signals while they are looked at. */

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target.h"

static void *take_and_free(void *context)
{
    void *volatile memory = context;
    usleep(100);
    free(memory);
    return NULL;
}

static __attribute__((noinline)) void start_with_block(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    void *memory = allocate(2500);
    if (pthread_create(&thread, &attributes, take_and_free, memory) != 0)
        free(memory);
}

static void *start_threads(void *context)
{
    for (;;) {
        start_with_block();
        usleep(50);
    }
    return context;
}

/* Blocks of 2500 go to threads as they start: always held by somebody. */
void hold_by_starting_threads(void)
{
    start_thread(start_threads, NULL);
    start_thread(start_threads, NULL);
}

static void *ask_in_vain(void *context)
{
    dlsym(RTLD_DEFAULT, "there is no such thing");
    return context;
}

static __thread void *volatile own;
static volatile int is_deaf;

/* Past every hook, and never in the kernel, so that nobody learns where its stack is. */
static void *be_deaf(void *context)
{
    uint64_t all = ~0ull;
    void *volatile memory = allocate(2540);
    own = allocate(2548);
    wipe_stack(20);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    is_deaf = 1;
    for (;;)
        __asm__ volatile("" : : "r"(&memory) : "memory");
    return context;
}

/* 2540 on the stack of a thread that cannot be stopped, 2548 in its own memory. */
void hold_by_deaf_thread(void)
{
    start_thread(be_deaf, NULL);
    while (!is_deaf)
        usleep(1000);
}

static pthread_key_t key;

static void clean_up(void *value)
{
    free(value);
}

static void *leave_to_destructor(void *context)
{
    pthread_setspecific(key, allocate(2508));
    return context;
}

/* Detached threads that end with a message of dlerror(), and with 2508 for a destructor. */
void hold_nothing_after_threads(void)
{
    pthread_key_create(&key, clean_up);
    for (int i = 0; i < 20; i++) {
        pthread_detach(start_thread(ask_in_vain, NULL));
        pthread_detach(start_thread(leave_to_destructor, NULL));
    }
    for (int i = 0; i < 500; i++) { /* until we are alone */
        char line[256] = "";
        int threads = 0;
        FILE *status = fopen("/proc/self/status", "r");
        while (status && fgets(line, sizeof(line), status))
            if (sscanf(line, "Threads: %d", &threads) == 1)
                break;
        if (status)
            fclose(status);
        if (threads == 1)
            break;
        usleep(10000);
    }
}

static void *fork_here(void *context)
{
    void *volatile held = allocate(2516);
    void *lost = allocate(2524);
    memset(&lost, 0, sizeof(lost));
    __asm__ volatile("" : : "r"(&lost) : "memory");
    wipe_stack(20);
    pid_t child = fork();
    if (child == 0) {
        alarm(60); /* whoever asked may have forgotten us */
        for (;;)
            pause();
    }
    printf("%d\n", (int)child);
    fflush(stdout);
    kept[62] = held;
    return context;
}

/* Ask for it by a line: a child forked by another thread than the first, with 2516 on its
 * stack and 2524 lost, and 2532 on the first one's, which the child has not; says its
 * pid. */
void fork_in_thread(void)
{
    void *volatile memory = allocate(2532);
    pthread_join(start_thread(fork_here, NULL), NULL);
    kept[62] = memory;
}

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
    (void)number;
    n_signals++;
}

/* Real-time signals are queued: none may be lost. */
void count_signals(void)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN + 5, &action, NULL);
}

void tell_signals(void)
{
    printf("%d\n", (int)n_signals);
    fflush(stdout);
}
