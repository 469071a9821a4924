// SPDX-License-Identifier: MIT

/*
 * Libraries that come and go, and allocations inside the loader: loader SHAPE A.so B.so.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>

#include "tests/probe/stacks/shape.h"

static void *load(const char *path, int flags)
{
    void *handle = dlopen(path, flags);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return handle;
}

/* Calls it, and says where it is. */
static uintptr_t call_plugin(void *handle)
{
    void (*run)(void (*)(size_t)) =
        (void (*)(void (*)(size_t)))dlsym(handle, "plugin_run");
    for (int i = 0; i < 5; i++)
        run(allocate);
    return (uintptr_t)run;
}

/* 0 when one library really came to lie where another had been, and not always. */
static int run_turns(char **paths)
{
    uintptr_t last = 0;
    int n_same = 0, n_other = 0;
    for (int i = 0; i < 300; i++) {
        /* Now and then another one keeps the place, so that it lands elsewhere. */
        void *keeper = i % 5 == 4 ? load(paths[!(i % 2)], RTLD_NOW) : NULL;
        void *handle = load(paths[i % 2], RTLD_NOW);
        uintptr_t place = call_plugin(handle);
        *(place == last ? &n_same : &n_other) += 1;
        last = place;
        dlclose(handle);
        if (keeper) {
            call_plugin(keeper);
            dlclose(keeper);
        }
    }
    return n_same < 50 || n_other < 50;
}

static int run_lazy(char **paths)
{
    for (int i = 0; i < 20; i++) {
        void *handle = load(paths[i % 2], RTLD_LAZY);
        int (*call)(void (*)(size_t)) =
            (int (*)(void (*)(size_t)))dlsym(handle, "plugin_call_chosen");
        if (call(allocate) == 0)
            return 1;
        dlclose(handle);
    }
    return 0;
}

static void *use_thread_memory(void *function)
{
    char *(*thread_memory)(void) = (char *(*)(void))function;
    return (void *)(uintptr_t)*thread_memory();
}

static int run_thread(char **paths)
{
    for (int i = 0; i < 20; i++) {
        void *handle = load(paths[i % 2], RTLD_NOW);
        void *function = dlsym(handle, "plugin_thread_memory");
        pthread_t thread;
        void *first = NULL;
        pthread_create(&thread, NULL, use_thread_memory, function);
        pthread_join(thread, &first);
        if ((uintptr_t)first != 1 || (uintptr_t)use_thread_memory(function) != 1)
            return 1;
        dlclose(handle);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(char **paths);
    } shapes[] = {{"libraries in turns", run_turns},
                  {"functions looked up late", run_lazy},
                  {"thread-local memory", run_thread}};
    for (size_t i = 0; argc == 4 && i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(argv[1], shapes[i].name) == 0)
            return shapes[i].run(argv + 2);
    return 2;
}
