// SPDX-License-Identifier: MIT

/* Pointers that are nowhere but in a vector register. */

#include "target.h"

#if defined(__x86_64__)

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Complements of the addresses. */
static volatile uintptr_t running_hidden, high_hidden;
static volatile int is_running, is_running_high;

static struct sleeper {
    size_t size;
    volatile uintptr_t hidden;
    volatile int tid;
} sleepers[2] = {{.size = 8882}, {.size = 8884}};

static void *volatile kept_high; /* where there are no wide registers */

static void *run(void *context)
{
    running_hidden = ~(uintptr_t)allocate(8881);
    wipe_stack(20);
    __asm__ volatile("mov %1, %%rax\n"
                     "not %%rax\n"
                     "movq %%rax, %%xmm9\n"
                     "xor %%eax, %%eax\n"
                     "movl $1, %0\n"
                     "1: pause\n"
                     "jmp 1b\n"
                     : "=m"(is_running)
                     : "m"(running_hidden)
                     : "rax", "xmm9");
    return context;
}

/* In the upper half of a wide register, whose lower half is empty. */
static void *run_high(void *context)
{
    high_hidden = ~(uintptr_t)allocate(8883);
    wipe_stack(20);
    __asm__ volatile("mov %1, %%rax\n"
                     "not %%rax\n"
                     "movq %%rax, %%xmm9\n"
                     "vinsertf128 $1, %%xmm9, %%ymm9, %%ymm10\n"
                     "vxorps %%xmm9, %%xmm9, %%xmm9\n"
                     "vblendps $15, %%ymm9, %%ymm10, %%ymm10\n"
                     "xor %%eax, %%eax\n"
                     "movl $1, %0\n"
                     "1: pause\n"
                     "jmp 1b\n"
                     : "=m"(is_running_high)
                     : "m"(high_hidden)
                     : "rax", "xmm9", "xmm10");
    return context;
}

/* Nothing but poll or read, which differ in how they go on after a signal. */
static void *doze(void *context)
{
    struct sleeper *own = context;
    char byte;
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    own->hidden = ~(uintptr_t)allocate(own->size);
    poll(NULL, 0, 0); /* binds the names, which would use the stack */
    if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1)
        return NULL;
    wipe_stack(20);
    own->tid = (int)syscall(SYS_gettid);
    __asm__ volatile("mov %0, %%rax\n"
                     "not %%rax\n"
                     "movq %%rax, %%xmm9\n"
                     "xor %%eax, %%eax\n"
                     :
                     : "m"(own->hidden)
                     : "rax");
    while (own->size == 8882 ? poll(NULL, 0, -1) <= 0 : read(ends[0], &byte, 1) <= 0)
        ;
    return context;
}

static int sleeps(const struct sleeper *sleeper)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d", sleeper->tid);
    return sleeper->tid && is_asleep(path);
}

void hold_in_vectors(void)
{
    start_thread(run, NULL);
    for (int i = 0; i < 2; i++)
        start_thread(doze, &sleepers[i]);
    if (__builtin_cpu_supports("avx"))
        start_thread(run_high, NULL);
    else
        kept_high = allocate(8883);
    while (!is_running || (!is_running_high && !kept_high) || !sleeps(&sleepers[0])
           || !sleeps(&sleepers[1]))
        usleep(1000);
}

#else

void hold_in_vectors(void)
{
}

#endif
