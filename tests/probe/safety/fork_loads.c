// SPDX-License-Identifier: MIT

/*
 * Provokes: "fork: … threads other than the forker are gone" while some of them are inside
 * the loader: two threads load and unload libraries, two allocate and throw the stacks of
 * code that was just loaded at the unwinder, and the main thread forks. The children
 * allocate, load a library themselves, and must end.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS 150

static const char *const libraries[] = {"libm.so.6", "libresolv.so.2", "libutil.so.1",
                                        "libnss_files.so.2", "libanl.so.1"};
static volatile int stop;

static void *load(void *context)
{
    unsigned turn = (unsigned)(size_t)context;
    while (!stop) {
        void *handle = dlopen(libraries[turn++ % 5], RTLD_NOW | RTLD_LOCAL);
        free(malloc(turn % 100));
        if (handle)
            dlclose(handle);
    }
    return NULL;
}

static void *allocate(void *context)
{
    while (!stop)
        for (size_t i = 1; i < 50; i++)
            free(realloc(malloc(i * 7), i * 20));
    return context;
}

int main(void)
{
    pthread_t threads[4];
    int good = 0;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i < 2 ? load : allocate, (void *)i);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            for (size_t j = 1; j < 100; j++)
                free(malloc(j));
            _exit(4);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
            good++;
        else
            printf("child %d: status %x\n", i, (unsigned)status);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%d of %d\n", good, FORKS);
    return 0;
}
