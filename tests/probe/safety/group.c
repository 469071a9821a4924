// SPDX-License-Identifier: MIT

/*
 * Provokes: a signal to the whole process group while the program ends (Ctrl-C, a service
 * manager): who writes the snapshot at exit was in that group a moment ago, and must not
 * end with it. A thread sends SIGTERM to the group as fast as it can until the very end.
 */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void survive(int signal)
{
    (void)signal;
}

static void *hammer(void *context)
{
    while (kill(0, SIGTERM) == 0)
        usleep(100);
    return context;
}

int main(void)
{
    pthread_t thread;
    signal(SIGTERM, survive);
    setpgid(0, 0);
    pthread_create(&thread, NULL, hammer, NULL);
    void *volatile block = NULL;
    for (int i = 0; i < 1000; i++)
        block = malloc(100);
    return block ? 7 : 1;
}
