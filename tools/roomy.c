// SPDX-License-Identifier: MIT

/* A thread is the one way to get a stack of a chosen size. */

#include "tools/roomy.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* libdw has frames of 150 KB. */
#define STACK_BYTES ((size_t)8 << 20)

struct job {
    void (*work)(void *context);
    void *context;
};

static void *run(void *argument)
{
    const struct job *job = argument;
    job->work(job->context);
    return NULL;
}

void hs_tool_run_roomy(void (*work)(void *context), void *context)
{
    struct job job = {work, context};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    bool is_running = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0
                      && pthread_create(&thread, &attributes, run, &job) == 0;
    pthread_attr_destroy(&attributes);
    if (is_running)
        pthread_join(thread, NULL);
    else
        work(context);
}
