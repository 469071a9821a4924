// SPDX-License-Identifier: MIT

/*
 * Eight threads that allocate below recursions of changing depth and shape, open and
 * close things in between, and are interrupted by signals whose handler allocates, too.
 */

#include "stress.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HANDLER_STACK (64u << 10)

/* Not while the thread itself is inside the allocator, which no handler may enter then; nor
 * while it is inside another hook, whose guard would keep the block out of the table. */
static __thread volatile bool handler_may_allocate;
static __thread struct stress_random handler_random;

/* Frames that need their frame pointer, and frames that do not. */
DESCENDING static void descend(struct stress_random *random, enum ledger_who who,
                               uint32_t depth, uint32_t rest)
{
    volatile char *room = NULL;
    if (rest % 3 == 1) {
        size_t size = 1 + stress_random(random, 200);
        room = alloca(size);
        room[size - 1] = 0;
    }
    if (rest > 1) {
        descend(random, who, depth, rest - 1);
    } else {
        handler_may_allocate = false;
        pool_step(random, who, depth);
        handler_may_allocate = who == LEDGER_WORKER;
    }
    if (room)
        room[0] = 1; /* after the call: it is no tail call */
    __asm__ volatile("" ::: "memory");
}

void work_step(struct stress_random *random, enum ledger_who who, uint32_t deepest)
{
    uint32_t depth = 1 + stress_random(random, stress_random(random, 8) ? 20 : deepest);
    descend(random, who, depth, depth);
}

static void touch_handles(struct stress_random *random)
{
    int pair[2];
    void *memory;
    size_t size = 4096u << stress_random(random, 4);
    switch (stress_random(random, 3)) {
    case 0:
        close(open("/dev/null", O_RDONLY | O_CLOEXEC));
        break;
    case 1:
        if (pipe2(pair, O_CLOEXEC) == 0) {
            close(pair[0]);
            close(pair[1]);
        }
        break;
    default:
        memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED)
            munmap(memory, size);
    }
}

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    if (handler_may_allocate) {
        handler_may_allocate = false;
        pool_step(&handler_random, LEDGER_HANDLER, 0);
        handler_may_allocate = true;
    } else {
        close(open("/dev/null", O_RDONLY | O_CLOEXEC)); /* in the middle of anything */
    }
    errno = saved;
}

static void prepare_handler(uintptr_t number, void *stack)
{
    handler_random.state = number * 77 + 5;
    if (number % 2 == 0) {
        stack_t own = {.ss_sp = stack, .ss_size = HANDLER_STACK};
        sigaltstack(&own, NULL);
    }
}

void *worker_run(void *context)
{
    uintptr_t number = (uintptr_t)context;
    struct stress_random random = {number * 1000003 + 17};
    void *stack = mmap(NULL, HANDLER_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prepare_handler(number, stack);
    handler_may_allocate = true;
    while (!stress_ends) {
        work_step(&random, LEDGER_WORKER, 200);
        if (stress_random(&random, 50) == 0) {
            handler_may_allocate = false;
            touch_handles(&random);
            handler_may_allocate = true;
        }
        stress_progress[number]++;
    }
    handler_may_allocate = false;
    return NULL;
}

void *pester_run(void *context)
{
    const pthread_t *workers = context;
    struct stress_random random = {4711};
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    while (!stress_ends) {
        pthread_kill(workers[stress_random(&random, STRESS_WORKERS)], SIGUSR1);
        usleep(stress_random(&random, 2000));
    }
    return NULL;
}
