// SPDX-License-Identifier: MIT

/* A thread that is there before the program is. */

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static void *wait_for_the_end(void *argument)
{
    (void)argument;
    pause();
    return NULL;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_the_end, NULL);
}
