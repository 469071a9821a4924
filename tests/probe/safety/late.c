// SPDX-License-Identifier: MIT

/*
 * Provokes: "TLS: initial-exec, surplus static TLS is small" and "our library is NODELETE":
 * late SHIM. A running program loads the shim by dlopen, when threads exist and the heap
 * is full of blocks nobody has seen, closes it again and goes on.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int stop;

static void *allocate(void *context)
{
    while (!stop)
        for (size_t i = 1; i < 50; i++)
            free(realloc(malloc(i * 7), i * 20));
    return context;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    if (argc != 2)
        return 64;
    void *old = malloc(1000);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, allocate, NULL);
    void *handle = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!handle) {
        printf("%s\n", dlerror());
        return 1;
    }
    void *(*its_malloc)(size_t) = (void *(*)(size_t))dlsym(handle, "malloc");
    void (*its_free)(void *) = (void (*)(void *))dlsym(handle, "free");
    for (size_t i = 0; i < 1000; i++)
        its_free(its_malloc(i));
    its_free(old);
    free(its_malloc(10));
    for (int i = 0; i < 3; i++)
        dlclose(handle);
    its_free(its_malloc(10));
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    puts("loaded");
    return 0;
}
