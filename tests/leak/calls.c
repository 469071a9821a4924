// SPDX-License-Identifier: MIT

/*
 * Code that is annotated for LeakSanitizer. The functions are weak, so that the program
 * links and runs without anybody to answer.
 */

#include <pthread.h>
#include <sys/mman.h>

#include "tests/leak/cases.h"

__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);
__attribute__((weak)) void __lsan_ignore_object(const void *pointer);
__attribute__((weak)) void __lsan_register_root_region(const void *start, size_t size);
__attribute__((weak)) void __lsan_unregister_root_region(const void *start, size_t size);
__attribute__((weak)) void __lsan_do_leak_check(void);
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static void *keep;
static pthread_key_t key;

static void disable(void)
{
    if (__lsan_disable)
        __lsan_disable();
}

static void enable(void)
{
    if (__lsan_enable)
        __lsan_enable();
}

static void lose(size_t size)
{
    memset(malloc(size), 0, size);
}

static void disabled(void)
{
    disable();
    lose(101);
    disable();
    lose(102);
    enable();
    lose(103);
    enable();
    lose(104);
}

static void below_disabled(void)
{
    disable();
    void **block = malloc(16);
    enable();
    block[0] = calloc(1, 105);
    block[1] = NULL;
}

static void *lose_in_thread(void *argument)
{
    lose(106);
    clean_stack();
    return argument;
}

static void disabled_in_one_thread(void)
{
    pthread_t thread;
    disable();
    pthread_create(&thread, NULL, lose_in_thread, NULL);
    pthread_join(thread, NULL);
    enable();
}

static void lose_disabled(void *value)
{
    (void)value;
    disable();
    lose(107);
    enable();
}

static void *set_value(void *argument)
{
    pthread_setspecific(key, argument);
    return NULL;
}

static void disabled_in_destructor(void)
{
    pthread_t thread;
    pthread_key_create(&key, lose_disabled);
    pthread_create(&thread, NULL, set_value, &key);
    pthread_join(thread, NULL);
}

static void ignored(void)
{
    void **block = malloc(16);
    block[0] = calloc(1, 108);
    block[1] = NULL;
    if (__lsan_ignore_object)
        __lsan_ignore_object((char *)block + 3);
    lose(109);
}

static void ignored_and_moved(void)
{
    char *block = calloc(1, 30);
    if (__lsan_ignore_object)
        __lsan_ignore_object(block);
    *(char *)realloc(block, 100000) = 0;
}

static void ignored_and_freed(void)
{
    char *block = calloc(1, 30);
    if (__lsan_ignore_object)
        __lsan_ignore_object(block);
    free(block);
    lose(30);
}

static void declare(int times)
{
    void **memory =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[512] = calloc(1, 110);
    mprotect(memory, 4096, PROT_NONE);
    for (int i = 0; __lsan_register_root_region && i < 2; i++)
        __lsan_register_root_region(memory, 8192);
    for (int i = 0; __lsan_unregister_root_region && i < times; i++)
        __lsan_unregister_root_region(memory, 8192);
}

static void region(void)
{
    declare(1);
}

static void region_given_up(void)
{
    declare(2);
}

static void checked_early(void)
{
    lose(111);
    clean_stack();
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    lose(112);
}

static void checked_early_and_clean(void)
{
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    lose(113);
}

/* What the answers were is told by what is lost in the end. */
static void recoverable(void)
{
    if (!__lsan_do_recoverable_leak_check)
        return;
    int before = __lsan_do_recoverable_leak_check();
    keep = calloc(1, 114);
    int held = __lsan_do_recoverable_leak_check();
    keep = NULL;
    clean_stack();
    int lost = __lsan_do_recoverable_leak_check();
    if (before == 0 && held == 0 && lost == 1)
        lose(115);
}

int main(int argc, char **argv)
{
    static const struct leak_case cases[] = {
        {"disabled", disabled},
        {"below_disabled", below_disabled},
        {"disabled_in_one_thread", disabled_in_one_thread},
        {"disabled_in_destructor", disabled_in_destructor},
        {"ignored", ignored},
        {"ignored_and_moved", ignored_and_moved},
        {"ignored_and_freed", ignored_and_freed},
        {"region", region},
        {"region_given_up", region_given_up},
        {"checked_early", checked_early},
        {"checked_early_and_clean", checked_early_and_clean},
        {"recoverable", recoverable},
        {0},
    };
    return run_case(cases, argc, argv);
}
