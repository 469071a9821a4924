// SPDX-License-Identifier: MIT

/* Blocks that only a stack holds, or a register, or what is left of a dead frame. */

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "target.h"

#define STACK (256u * 1024)

static pthread_barrier_t barrier;

static void stay(void)
{
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
}

/* Past every hook. */
static char *map_raw(size_t size)
{
    long result = syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    if (result == -1)
        exit(1);
    return (char *)result;
}

/* ---- coroutines ---- */

static ucontext_t outside, inside;

static void run_and_leave(void)
{
    void *volatile memory = allocate(2301);
    swapcontext(&inside, &outside);
    kept[60] = memory; /* never */
}

/* 2301 on the stack of a coroutine that does not run; the stack is a block. */
void hold_by_coroutine(void)
{
    char *stack = malloc(STACK);
    memset(stack, 0, STACK);
    kept[0] = stack;
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = STACK;
    makecontext(&inside, run_and_leave, 0);
    swapcontext(&outside, &inside);
}

static __thread ucontext_t home, away, other;

static void stay_away(void)
{
    void *volatile memory = allocate(2303);
    wipe_stack(20);
    stay();
    kept[60] = memory;
}

static void come_back(void)
{
    void *volatile memory = allocate(2304);
    swapcontext(&other, &home);
    kept[60] = memory;
}

static void run_on(ucontext_t *context, char *stack, void (*body)(void))
{
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK;
    makecontext(context, body, 0);
    swapcontext(&home, context);
}

static void *go_away(void *context)
{
    void *volatile memory = allocate(2302);
    char *stacks = map_raw(2 * STACK);
    run_on(&other, stacks, come_back);
    run_on(&away, stacks + STACK, stay_away);
    kept[60] = memory;
    return context;
}

/* A thread on a stack from memory nobody has seen being mapped: 2303 on it, 2302 on the
 * one it was born with, 2304 on another that lies beside it. */
void hold_by_far_stack(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    start_thread(go_away, NULL);
    pthread_barrier_wait(&barrier);
}

/* ---- signal stacks ---- */

static void handle(int number)
{
    void *volatile memory = allocate(2308);
    (void)number;
    stay();
    kept[60] = memory;
}

static void *wait_in_handler(void *context)
{
    void *volatile memory = allocate(2307);
    stack_t stack = {.ss_sp = map_raw(STACK), .ss_size = STACK};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGWINCH, &action, NULL);
    raise(SIGWINCH);
    kept[60] = memory;
    return context;
}

/* A thread in a handler on a stack of its own: 2308 on that, 2307 below the signal. */
void hold_by_signal_stack(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    start_thread(wait_in_handler, NULL);
    pthread_barrier_wait(&barrier);
}

/* ---- dead frames, guard pages ---- */

static __attribute__((noinline)) int leave_behind(int depth)
{
    void *volatile room[128];
    for (int i = 0; i < 128; i++)
        room[i] = depth > 20 ? kept[61] : NULL;
    return depth < 40 ? leave_behind(depth + 1) + (room[3] != NULL) : room[7] != NULL;
}

static void *wait_above(void *context)
{
    kept[61] = allocate(2305);
    leave_behind(0);
    kept[61] = NULL;
    __asm__ volatile("" ::: "memory");
    stay();
    return context;
}

static void *wait_on_given_stack(void *context)
{
    void *volatile memory = allocate(2306);
    stay();
    kept[60] = memory;
    return context;
}

/* 2305 in frames that are dead; 2306 on a stack with a page in it that nobody can read. */
void hold_by_dead_frames(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    char *stack = map_raw(2 * STACK);
    pthread_barrier_init(&barrier, NULL, 3);
    mprotect(stack + STACK, 4096, PROT_NONE);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, 2 * STACK);
    if (pthread_create(&thread, &attributes, wait_on_given_stack, NULL) != 0)
        exit(1);
    start_thread(wait_above, NULL);
    pthread_barrier_wait(&barrier);
}

static void *end(void *context)
{
    kept[61] = allocate(2309);
    leave_behind(0);
    kept[61] = NULL;
    return context;
}

/* 2309 in the stacks of threads that have ended; libc keeps them. */
void hold_by_dead_threads(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(i == 2 ? end : end, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* ---- registers ---- */

#if defined(__x86_64__)
static volatile uintptr_t hidden;
static volatile int is_running;

static void *run(void *context)
{
    hidden = ~(uintptr_t)allocate(2310);
    wipe_stack(20);
    __asm__ volatile("mov %1, %%r12\n"
                     "not %%r12\n"
                     "xor %%eax, %%eax\n"
                     "movl $1, %0\n"
                     "1: pause\n"
                     "jmp 1b\n"
                     : "=m"(is_running)
                     : "m"(hidden)
                     : "rax", "r12");
    return context;
}

/* 2310 in a register of a running thread. */
void hold_by_register(void)
{
    start_thread(run, NULL);
    while (!is_running)
        usleep(1000);
}
#else
void hold_by_register(void)
{
    kept[0] = allocate(2310);
}
#endif
