// SPDX-License-Identifier: MIT

/*
 * A seccomp filter that lets the image be cloned need not allow a thread, and may kill for
 * it: under a filter there is one worker. The kernel clears a thread's word when it has
 * ended, and wakes who waits for that.
 */

#include "probes/freeze/workers.h"

#include <linux/futex.h>
#include <sched.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/raw.h"

#define STACK_SIZE (256u * 1024)

static struct worker {
    char *stack;
    int32_t is_running; /* cleared by the kernel */
    uint32_t number;
    void (*body)(void *context, uint32_t number);
    void *context;
} workers[HS_WORKERS_MAX];

uint32_t hs_workers_current(void)
{
    const char *here = __builtin_frame_address(0);
    for (uint32_t i = 1; i < HS_WORKERS_MAX; i++)
        if (workers[i].stack && here >= workers[i].stack
            && here < workers[i].stack + STACK_SIZE)
            return i;
    return 0;
}

bool hs_workers_are_filtered(void)
{
    static char text[8192];
    long size = hs_read_file("/proc/self/status", text, sizeof(text));
    const char *line = size > 0 ? strstr(text, "\nSeccomp:\t") : NULL;
    return !line || line[sizeof("\nSeccomp:\t") - 1] != '0';
}

uint32_t hs_workers_useful(void)
{
    uint64_t mask[16] = {0};
    uint32_t count = 0;
    if (hs_job.shares_memory || hs_workers_are_filtered())
        return 1;
    long size = hs_raw(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    for (long i = 0; i < size / 8; i++)
        count += (uint32_t)__builtin_popcountll(mask[i]);
    if (count == 0)
        return 1;
    return count < HS_WORKERS_MAX ? count : HS_WORKERS_MAX;
}

static void enter(void *argument)
{
    struct worker *worker = argument;
    worker->body(worker->context, worker->number);
    for (;;)
        hs_raw(SYS_exit, 0);
}

static void start(struct worker *worker)
{
    unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
                          | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    if (!worker->stack)
        worker->stack = hs_scratch_map(STACK_SIZE);
    if (!worker->stack)
        return;
    __atomic_store_n(&worker->is_running, 1, __ATOMIC_RELEASE);
    if (hs_machine_clone(flags, worker->stack + STACK_SIZE, enter, worker,
                         &worker->is_running)
        < 0)
        __atomic_store_n(&worker->is_running, 0, __ATOMIC_RELEASE);
}

void hs_workers_run(uint32_t count, void (*body)(void *context, uint32_t number),
                    void *context)
{
    for (uint32_t i = 1; i < count && i < HS_WORKERS_MAX; i++) {
        workers[i].number = i;
        workers[i].body = body;
        workers[i].context = context;
        start(&workers[i]);
    }
    body(context, 0);
    for (uint32_t i = 1; i < count && i < HS_WORKERS_MAX; i++)
        while (__atomic_load_n(&workers[i].is_running, __ATOMIC_ACQUIRE))
            hs_raw(SYS_futex, &workers[i].is_running, FUTEX_WAIT, 1, 0, 0, 0);
}
