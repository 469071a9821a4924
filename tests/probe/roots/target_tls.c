// SPDX-License-Identifier: MIT

/* Blocks that only thread-local memory holds, of every kind there is. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "target.h"

#define KEYS 40 /* the first 32 are in a thread's own record */

static pthread_key_t keys[KEYS];
static __thread void *volatile own;
static pthread_barrier_t barrier;

static void wait_for_ever(void)
{
    wipe_stack(20);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
}

static __attribute__((noinline)) void set_keys(size_t size)
{
    for (size_t i = 0; i < KEYS; i++)
        pthread_setspecific(keys[i], allocate(size + i));
}

static void *use_keys(void *context)
{
    set_keys(2100);
    wait_for_ever();
    return context;
}

/* 2000 to 2039 in the main thread, 2100 to 2139 in another. */
void hold_by_keys(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < KEYS; i++)
        pthread_key_create(&keys[i], NULL);
    set_keys(2000);
    start_thread(use_keys, NULL);
    pthread_barrier_wait(&barrier);
}

typedef void (*set_function)(void *value);

/* Too much thread-local memory for what is set aside for such modules. */
static set_function load(int number)
{
    char path[4096];
    snprintf(path, sizeof(path), ROOTS_PLUGINS "/libroots-plugin-%d.so", number);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    set_function set = module ? (set_function)(uintptr_t)dlsym(module, "set") : NULL;
    if (!set) {
        fprintf(stderr, "no plugin %s\n", path);
        exit(1);
    }
    return set;
}

static set_function set_in_plugin[2];

static __attribute__((noinline)) void set_all(size_t size)
{
    own = allocate(size);
    set_in_plugin[0](allocate(size + 1));
    set_in_plugin[1](allocate(size + 2));
}

static void *use_memory(void *context)
{
    set_all(2210);
    wait_for_ever();
    return context;
}

/* 2200 and 2210 in static thread-local memory, the two after each in that of plugins; the
 * other thread is older than one of them. */
void hold_by_tls(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 2; i++)
        set_in_plugin[i] = load(i);
    set_all(2200);
    start_thread(use_memory, NULL);
    pthread_barrier_wait(&barrier);
}
