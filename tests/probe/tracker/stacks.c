// SPDX-License-Identifier: MIT

/*
 * Stacks of every shape, to be compared frame by frame with libunwind's (stacks.sh).
 *
 *   stacks deep | alloca | signal | altstack | coroutine | threads | handoff | aligned
 *   stacks reload A.so B.so    two libraries with the same names, loaded in turns
 */

#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned random_state = 12345;

static unsigned next_random(void)
{
    return random_state = random_state * 1103515245u + 12345u;
}

__attribute__((noinline)) static void allocate(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

/* The address escapes, so neither the call nor the frame can be left out. */
__attribute__((noinline)) static void deep(int depth, volatile int *outer)
{
    volatile int here = depth;
    if (depth == 0)
        allocate(24);
    else
        deep(depth - 1, &here);
    *outer += here;
}

static void run_deep(void)
{
    volatile int sum = 0;
    for (int i = 0; i < 300; i++)
        deep((int)(next_random() >> 16) % 60, &sum);
    deep(300, &sum);
    deep(254, &sum);
    deep(3, &sum);
}

__attribute__((noinline)) static void with_alloca(int depth)
{
    char *memory = alloca(16 + next_random() % 500);
    memset(memory, 1, 16);
    if (depth > 0)
        with_alloca(depth - 1);
    allocate((size_t)memory[3] + 40);
}

static void run_alloca(void)
{
    for (int i = 0; i < 40; i++)
        with_alloca(i % 20);
}

static void on_signal(int number)
{
    (void)number;
    allocate(100);
}

static void run_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    volatile int sum = 0;
    for (int i = 0; i < 50; i++) {
        raise(SIGUSR1);
        deep(i % 7, &sum);
    }
}

static void run_altstack(void)
{
    static char memory[65536];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    volatile int sum = 0;
    for (int i = 0; i < 50; i++) {
        raise(SIGUSR1);
        deep(i % 7, &sum);
    }
}

static ucontext_t main_context, contexts[2];

static void coroutine(int self)
{
    volatile int sum = 0;
    for (int i = 0; i < 50; i++) {
        deep(self + i % 5, &sum);
        swapcontext(&contexts[self], i % 3 ? &contexts[1 - self] : &main_context);
    }
}

static void run_coroutine(void)
{
    for (int i = 0; i < 2; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_size = 65536;
        contexts[i].uc_stack.ss_sp = malloc(65536);
        contexts[i].uc_link = &main_context;
        makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    }
    volatile int sum = 0;
    for (int i = 0; i < 30; i++) {
        swapcontext(&main_context, &contexts[i % 2]);
        deep(i % 9, &sum);
    }
}

static void *thread_main(void *context)
{
    volatile int sum = 0;
    for (int i = 0; i < 30; i++)
        deep((int)(intptr_t)context + i % 4, &sum);
    return NULL;
}

static void run_threads(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    for (int round = 0; round < 5; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], i % 2 ? &attributes : NULL, thread_main,
                           (void *)(intptr_t)i);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
}

/* The same frames at the same places, called from elsewhere further out. */
__attribute__((noinline)) static void inner(volatile int *sum)
{
    deep(5, sum);
}

__attribute__((noinline)) static void way_one(volatile int *sum)
{
    inner(sum);
    *sum += 1;
}

__attribute__((noinline)) static void way_two(volatile int *sum)
{
    inner(sum);
    *sum += 2;
}

static void run_handoff(void)
{
    void (*volatile ways[2])(volatile int *) = {way_one, way_two};
    volatile int sum = 0;
    for (int i = 0; i < 200; i++)
        ways[next_random() >> 20 & 1](&sum);
}

/* Realigned frames: their CFA is an expression. */
__attribute__((noinline)) static void aligned(int depth)
{
    _Alignas(64) volatile char frame[128];
    frame[0] = (char)depth;
    char *memory = alloca(16 + (size_t)depth * 8);
    memory[0] = frame[0];
    if (depth > 0)
        aligned(depth - 1);
    allocate((size_t)memory[0] + 33);
}

static void run_aligned(void)
{
    for (int i = 0; i < 20; i++)
        aligned(i % 6);
}

static void call_plugin(void *handle)
{
    void (*run)(void (*)(size_t)) =
        (void (*)(void (*)(size_t)))dlsym(handle, "plugin_run");
    for (int i = 0; i < 5; i++)
        run(allocate);
}

static int run_reload(const char *first, const char *second)
{
    for (int i = 0; i < 300; i++) {
        /* Now and then another one keeps the place, so that it lands elsewhere. */
        void *keeper = i % 5 == 4 ? dlopen(i % 2 ? first : second, RTLD_NOW) : NULL;
        void *handle = dlopen(i % 2 ? second : first, RTLD_NOW);
        if (!handle) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        call_plugin(handle);
        dlclose(handle);
        if (keeper) {
            call_plugin(keeper);
            dlclose(keeper);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } shapes[] = {
        {"deep", run_deep},           {"alloca", run_alloca},
        {"signal", run_signal},       {"altstack", run_altstack},
        {"coroutine", run_coroutine}, {"threads", run_threads},
        {"handoff", run_handoff},     {"aligned", run_aligned},
    };
    if (argc == 4 && strcmp(argv[1], "reload") == 0)
        return run_reload(argv[2], argv[3]);
    for (size_t i = 0; argc == 2 && i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(argv[1], shapes[i].name) == 0) {
            shapes[i].run();
            return 0;
        }
    return 2;
}
