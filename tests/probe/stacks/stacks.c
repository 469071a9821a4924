// SPDX-License-Identifier: MIT

/*
 * Stacks that are not the thread's own from end to end: signal handlers, coroutines,
 * threads with stacks of their own making, children that borrow the parent's.
 */

#include <alloca.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/probe/stacks/shape.h"

static void on_signal(int number)
{
    (void)number;
    allocate(100);
}

static void raise_often(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    volatile int sum = 0;
    for (int i = 0; i < 50; i++) {
        raise(SIGUSR1);
        deep(i % 7, &sum);
    }
}

static void run_signal(void)
{
    raise_often(0);
}

static void run_altstack(void)
{
    static char memory[65536];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
    sigaltstack(&stack, NULL);
    raise_often(SA_ONSTACK);
}

static ucontext_t main_context, contexts[2];

static void coroutine(int self)
{
    volatile int sum = 0;
    for (int i = 0; i < 50; i++) {
        deep(self + i % 5, &sum);
        swapcontext(&contexts[self], i % 3 ? &contexts[1 - self] : &main_context);
    }
}

static void run_on(char *first, char *second, size_t size)
{
    for (int i = 0; i < 2; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_size = size;
        contexts[i].uc_stack.ss_sp = i ? second : first;
        contexts[i].uc_link = &main_context;
        makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    }
    volatile int sum = 0;
    for (int i = 0; i < 30; i++) {
        swapcontext(&main_context, &contexts[i % 2]);
        deep(i % 9, &sum);
    }
}

static void run_coroutine(void)
{
    run_on(malloc(65536), malloc(65536), 65536);
}

/* Stacks in the middle of the thread's own, where it also looks like one stack. */
__attribute__((noinline)) static void run_nested(void)
{
    run_on(alloca(65536), alloca(65536), 65536);
}

static void *thread_main(void *context)
{
    volatile int sum = 0;
    for (int i = 0; i < 30; i++)
        deep((int)(intptr_t)context + i % 4, &sum);
    return NULL;
}

static void start_four(const pthread_attr_t *attributes)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], i % 2 ? attributes : NULL, thread_main,
                       (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void run_threads(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    for (int round = 0; round < 5; round++)
        start_four(&attributes);
}

/* The smallest stack that threads may have: no room for a libunwind beside us, so the
 * test asks for fewer comparisons. */
static void run_small(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN));
    for (int round = 0; round < 5; round++)
        start_four(&attributes);
}

/* Stacks from the program's own memory, used again at once. */
static void run_borrowed(void)
{
    static _Alignas(4096) char memory[65536];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, memory, sizeof(memory));
    for (intptr_t i = 0; i < 10; i++) {
        pthread_t thread;
        pthread_create(&thread, &attributes, thread_main, (void *)(i % 5));
        pthread_join(thread, NULL);
    }
}

/* The child runs on the parent's stack, in the parent's memory. */
__attribute__((noinline)) static void child_of_vfork(void)
{
    volatile int sum = 0;
    pid_t child = vfork();
    if (child == 0) {
        deep(4, &sum);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    deep(4, &sum);
}

static void run_vfork(void)
{
    for (int i = 0; i < 20; i++)
        child_of_vfork();
}

static void run_fork(void)
{
    volatile int sum = 0;
    deep(7, &sum);
    pid_t child = fork();
    for (int i = 0; i < 50; i++)
        deep(i % 9, &sum);
    if (child == 0)
        exit(0);
    waitpid(child, NULL, 0);
}

static const struct shape shapes[] = {
    {"signal handlers", run_signal},
    {"signal handlers on a stack of their own", run_altstack},
    {"coroutines", run_coroutine},
    {"coroutines inside the stack", run_nested},
    {"threads", run_threads},
    {"threads with the smallest stack", run_small},
    {"threads on borrowed stacks", run_borrowed},
    {"vfork", run_vfork},
    {"fork", run_fork},
};
SHAPE_MAIN(shapes)
