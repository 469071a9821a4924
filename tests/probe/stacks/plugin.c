// SPDX-License-Identifier: MIT

/*
 * A library that is unloaded and loaded again, in two builds: the same code at the same
 * offsets, but for the size of its frames. It allocates also where the loader calls it: at
 * its start and end, and when a function is looked up at its first call.
 */

#include <stddef.h>
#include <stdlib.h>

void plugin_run(void (*allocate)(size_t));
int plugin_chosen(void);
int plugin_call_chosen(void (*allocate)(size_t));
char *plugin_thread_memory(void);

static void take_and_give(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

__attribute__((constructor)) static void start(void)
{
    take_and_give(200);
}

__attribute__((destructor)) static void stop(void)
{
    take_and_give(201);
}

static int chosen(void)
{
    return FRAME_SIZE;
}

static void (*allocate_to_choose)(size_t);

/* Called by the loader, out of the middle of the call that needs the answer; or before the
 * library can call anything itself. */
__attribute__((used)) static int (*choose(void))(void)
{
    if (allocate_to_choose)
        allocate_to_choose(202);
    return chosen;
}

int plugin_chosen(void) __attribute__((ifunc("choose")));

int plugin_call_chosen(void (*allocate)(size_t))
{
    allocate_to_choose = allocate;
    return plugin_chosen();
}

/* Each thread's comes from the heap, at its first use. */
static __thread char thread_memory[5000];

char *plugin_thread_memory(void)
{
    thread_memory[0]++;
    return thread_memory;
}

__attribute__((noinline)) static void step(void (*allocate)(size_t), int depth)
{
    volatile char frame[FRAME_SIZE];
    frame[0] = (char)depth;
    if (depth > 0)
        step(allocate, depth - 1);
    else
        allocate(64);
    __asm__ volatile("" : : "r"(frame[0]) : "memory");
}

void plugin_run(void (*allocate)(size_t))
{
    for (int depth = 0; depth < 6; depth++)
        step(allocate, depth);
}
