// SPDX-License-Identifier: MIT

/* Threads: what they lose, what their stacks, registers and thread-local memory hold. */

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/leak/cases.h"

static pthread_barrier_t barrier;
static __thread void *thread_variable;
static pthread_key_t keys[100];
static volatile int may_go;

static void *lose(void *argument)
{
    (void)argument;
    memset(malloc(123), 0, 123);
    clean_stack();
    return NULL;
}

static void joined(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++)
        pthread_create(&threads[i], NULL, lose, NULL);
    for (int i = 0; i < 10; i++)
        pthread_join(threads[i], NULL);
}

static void *lose_and_meet(void *argument)
{
    lose(argument);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void detached(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 6);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 5; i++)
        pthread_create(&thread, &attributes, lose_and_meet, NULL);
    pthread_attr_destroy(&attributes);
    pthread_barrier_wait(&barrier);
    usleep(100000);
}

static void *wait_for_ever(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

/* Only the new thread knows of the block, whether it has begun to run or not. */
static void argument_of_new_thread(void)
{
    pthread_t thread;
    for (int i = 0; i < 10; i++)
        pthread_create(&thread, NULL, wait_for_ever, calloc(1, 50));
}

static void *hold_on_stack(void *argument)
{
    void *volatile held = calloc(1, 60);
    (void)argument;
    memset(malloc(61), 0, 61);
    clean_stack();
    pthread_barrier_wait(&barrier);
    wait_for_ever(NULL);
    return held;
}

static void *hold_in_thread_variable(void *argument)
{
    (void)argument;
    thread_variable = calloc(1, 62);
    pthread_barrier_wait(&barrier);
    return wait_for_ever(NULL);
}

static void *hold_by_keys(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100; i++)
        pthread_setspecific(keys[i], calloc(1, 63));
    pthread_barrier_wait(&barrier);
    return wait_for_ever(NULL);
}

static void meet(void *(*function)(void *))
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, function, NULL);
    pthread_barrier_wait(&barrier);
    usleep(50000);
}

static void held_by_stack(void)
{
    meet(hold_on_stack);
}

static void held_by_thread_variable(void)
{
    thread_variable = calloc(1, 64);
    meet(hold_in_thread_variable);
}

static void held_by_keys(void)
{
    for (int i = 0; i < 100; i++)
        pthread_key_create(&keys[i], NULL);
    meet(hold_by_keys);
}

static void held_by_own_keys(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_key_create(&keys[i], NULL);
        pthread_setspecific(keys[i], calloc(1, 65));
    }
}

static void *hold_in_register(void *argument)
{
    (void)argument;
    void *held = calloc(1, 70);
    uintptr_t hidden = ~(uintptr_t)held;
    held = NULL;
    clean_stack();
    __asm__ volatile(
        "mov %0, %%rbx; movq $0, %0; not %%rbx; movl $1, %1; 1: pause; jmp 1b"
        : "+m"(hidden), "=m"(may_go)
        :
        : "rbx", "memory");
    return NULL;
}

static void *hold_in_vector(void *argument)
{
    (void)argument;
    void *held = calloc(1, 71);
    uintptr_t hidden = ~(uintptr_t)held;
    held = NULL;
    clean_stack();
    __asm__ volatile("mov %0, %%rbx; movq $0, %0; not %%rbx; movq %%rbx, %%xmm9;"
                     "xor %%ebx, %%ebx; movl $1, %1; 1: pause; jmp 1b"
                     : "+m"(hidden), "=m"(may_go)
                     :
                     : "rbx", "xmm9", "memory");
    return NULL;
}

static void spin(void *(*function)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, function, NULL);
    while (!may_go)
        usleep(1000);
    usleep(20000);
}

static void held_by_register(void)
{
    spin(hold_in_register);
}

static void held_by_vector(void)
{
    spin(hold_in_vector);
}

static void free_value(void *value)
{
    free(value);
}

static void *set_value(void *argument)
{
    pthread_setspecific(keys[0], calloc(1, 72));
    return argument;
}

static void freed_by_key(void)
{
    pthread_t thread;
    pthread_key_create(&keys[0], free_value);
    pthread_create(&thread, NULL, set_value, NULL);
    pthread_join(thread, NULL);
}

/* dlerror's text belongs to the thread. */
static void *fail_to_find(void *argument)
{
    dlsym(RTLD_DEFAULT, "there_is_no_such_function");
    return argument;
}

static void text_of_dead_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fail_to_find, NULL);
    pthread_detach(thread);
    usleep(100000);
}

static void *churn(void *argument)
{
    void *blocks[64] = {0};
    for (unsigned i = 0;; i = i * 1103515245 + 12345) {
        free(blocks[i >> 16 & 63]);
        blocks[i >> 16 & 63] = malloc(i >> 8 & 255);
    }
    return argument;
}

/* Checked in the middle of it all. */
static void contention(void)
{
    pthread_t thread;
    for (int i = 0; i < 50; i++)
        pthread_create(&thread, NULL, churn, NULL);
    usleep(50000);
    memset(malloc(73), 0, 73);
}

/* ---- other stacks ---- */

static ucontext_t main_context, other_context;

static void hold_on_coroutine(void)
{
    void *volatile held = calloc(1, 80);
    swapcontext(&other_context, &main_context);
    free(held);
}

static void coroutine_on(void *stack, size_t size)
{
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = size;
    other_context.uc_link = &main_context;
    makecontext(&other_context, hold_on_coroutine, 0);
    swapcontext(&main_context, &other_context);
}

static void held_by_coroutine(void)
{
    coroutine_on(calloc(1, 65536), 65536);
}

#define GUARDED_SIZE ((size_t)512 << 10)

static void guarded_stack(void)
{
    char *stack = mmap(NULL, GUARDED_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    mprotect(stack, 4096, PROT_NONE);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, GUARDED_SIZE);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, &attributes, hold_on_stack, NULL);
    pthread_attr_destroy(&attributes);
    pthread_barrier_wait(&barrier);
    usleep(50000);
}

int main(int argc, char **argv)
{
    static const struct leak_case cases[] = {
        {"joined", joined},
        {"detached", detached},
        {"argument_of_new_thread", argument_of_new_thread},
        {"held_by_stack", held_by_stack},
        {"held_by_thread_variable", held_by_thread_variable},
        {"held_by_keys", held_by_keys},
        {"held_by_own_keys", held_by_own_keys},
        {"held_by_register", held_by_register},
        {"held_by_vector", held_by_vector},
        {"freed_by_key", freed_by_key},
        {"text_of_dead_thread", text_of_dead_thread},
        {"contention", contention},
        {"held_by_coroutine", held_by_coroutine},
        {"guarded_stack", guarded_stack},
        {0},
    };
    return run_case(cases, argc, argv);
}
