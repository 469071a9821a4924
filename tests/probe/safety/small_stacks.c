// SPDX-License-Identifier: MIT

/*
 * Provokes: "sigaltstack and small stacks (goroutines, 16 KB threads): capture uses
 * < 1.5 KB of stack".
 *
 * Threads of PTHREAD_STACK_MIN allocate at the bottom of what the bare program can use,
 * and a handler does on an alternate stack of 8 KB, which most programs have. How much of
 * it is used beside the kernel's own frame is measured by painting it.
 */

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/own_page.h"

#define PAINT 0xc5
/* Of 8 KB the kernel's frame takes up to 4, where it fits at all. */
#define LEFT 4096u
#define SIGNAL_FRAME (getauxval(AT_MINSIGSTKSZ) ? getauxval(AT_MINSIGSTKSZ) : 2048)

static void *allocate(void *context)
{
    char *block = malloc(100);
    block = realloc(block, 5000);
    free(block);
    free(calloc(10, 10));
    return context;
}

static void on_signal(int signal)
{
    (void)signal;
    allocate(NULL);
}

static void *in_signal(void *context)
{
    char *memory =
        mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, PAINT, 65536);
    stack_t stack = {.ss_sp = memory, .ss_size = 65536};
    sigaltstack(&stack, NULL);
    raise(SIGUSR1);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    size_t untouched = 0;
    while (untouched < 65536 && (unsigned char)memory[untouched] == PAINT)
        untouched++;
    *(size_t *)context = 65536 - untouched;
    munmap(memory, 65536);
    return NULL;
}

static void run_on(size_t size, void *(*function)(void *), void *context)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size);
    if (pthread_create(&thread, &attributes, function, context) == 0)
        pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    (void)argv;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    size_t used = 0;
    in_signal(&used);
    printf("main: %d\n", used <= SIGNAL_FRAME + LEFT);
    run_on(1 << 20, in_signal, &used);
    printf("thread: %d\n", used <= SIGNAL_FRAME + LEFT);
    if (argc > 1)
        fprintf(stderr, "%zu bytes, of which the kernel's are %zu\n", used,
                (size_t)SIGNAL_FRAME);
    for (int i = 0; i < 100; i++)
        run_on((size_t)PTHREAD_STACK_MIN, allocate, NULL);
    puts("done");
    return 0;
}
