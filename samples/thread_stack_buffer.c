// SPDX-License-Identifier: MIT

/*
 * A buffer kept only by a thread's stack: each job gets a worker with a buffer in a local
 * variable, and workers wait for ever for a second job that never comes. Nothing global
 * points at the buffers; the frames of the sleeping threads do.
 *
 * verdict: grows by 4 blocks at worker_run
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "phase.h"

#define BUFFER_SIZE ((size_t)1 << 20)

static sem_t g_job_done;
static sem_t g_more_work; /* never posted */

static void *worker_run(void *job)
{
    char *buffer = malloc(BUFFER_SIZE);
    if (!buffer)
        abort();
    memset(buffer, *(int *)job, BUFFER_SIZE);
    sem_post(&g_job_done);

    sem_wait(&g_more_work); /* the leak: the worker keeps what it no longer needs */
    dprintf(STDOUT_FILENO, "%c\n", buffer[0]);
    free(buffer);
    return NULL;
}

static void start_job(int job)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker_run, &job) != 0)
        abort();
    pthread_detach(thread);
    sem_wait(&g_job_done);
}

int main(int argc, char **argv)
{
    sem_init(&g_job_done, 0, 0);
    sem_init(&g_more_work, 0, 0);
    return phase_main(argc, argv, 4, start_job);
}
