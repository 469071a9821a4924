// SPDX-License-Identifier: MIT

/* Blocks that other memory holds, and blocks that nothing does though it looks so. */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target.h"

#define HALF_LARGE 70000u /* of it, no block of its own mapping */
#define PAGE 4096u

__attribute__((weak)) void __lsan_register_root_region(const void *start, size_t size);
__attribute__((weak)) void __lsan_unregister_root_region(const void *start, size_t size);

void *volatile many[1024];

static char *map_raw(size_t size)
{
    long result = syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    if (result == -1)
        exit(1);
    return (char *)result;
}

/* 2401 in memory that was mapped past every hook. */
void hold_by_unknown_memory(void)
{
    ((void **)map_raw(8 * PAGE))[1000] = allocate(2401);
}

static __attribute__((noinline)) void fill_and_free(size_t size, void *value)
{
    void **memory = allocate(size);
    for (size_t i = 0; i < size / 8; i++)
        memory[i] = value;
    free(memory);
}

static pthread_barrier_t barrier;

/* In an arena of the thread's own, which keeps a block in it. */
static void *fill_and_stay(void *context)
{
    kept[1] = allocate(64);
    fill_and_free(HALF_LARGE, allocate(2403));
    wipe_stack(20);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return context;
}

static void *fill_and_end(void *context)
{
    fill_and_free(HALF_LARGE, context);
    return NULL;
}

/* 2402 and 2403 in free memory of two arenas, both with blocks in use, 2404 in that of one
 * that has none. */
void hold_by_free_memory(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    fill_and_free(HALF_LARGE, allocate(2402));
    kept[0] = allocate(64);
    start_thread(fill_and_stay, NULL);
    pthread_barrier_wait(&barrier);
    pthread_join(start_thread(fill_and_end, allocate(2404)), NULL);
}

/* 2405 held one past its end, 2406 in its middle; 2407 holds itself, as does nothing else;
 * one of no bytes is lost; 2408 is a thousand. */
void hold_in_odd_ways(void)
{
    kept[0] = (char *)allocate(2405 + 3) + 2405 + 3; /* a multiple of 8 */
    kept[1] = (char *)allocate(2416) + 100;
    void **self = allocate(2424);
    *self = self;
    self = NULL;
    __asm__ volatile("" ::"r"(malloc(0)));
    for (int i = 0; i < 1024; i++)
        many[i] = allocate(2432);
}

/* A block of which a page cannot be read holds 2440 behind it. */
void hold_behind_protected_page(void)
{
    void *memory = NULL;
    if (posix_memalign(&memory, PAGE, 8 * PAGE) != 0)
        exit(1);
    memset(memory, 0, 8 * PAGE);
    ((void **)memory)[7 * PAGE / 8] = allocate(2440);
    mprotect((char *)memory + 3 * PAGE, PAGE, PROT_NONE);
    kept[0] = memory;
}

/* 2448 in a declared region that lies in unknown memory, with a page that is protected and
 * one that is gone; 2456 in shared memory that is declared, 2464 in such that is not any
 * more. */
void hold_by_region(void)
{
    char *region = map_raw(8 * PAGE);
    ((void **)region)[7 * PAGE / 8] = allocate(2448);
    mprotect(region + PAGE, PAGE, PROT_NONE);
    munmap(region + 3 * PAGE, PAGE);
    void **shared =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !__lsan_register_root_region)
        exit(1);
    shared[0] = allocate(2456);
    shared[100] = allocate(2464);
    __lsan_register_root_region(region, 8 * PAGE);
    __lsan_register_root_region(shared, 64);
    __lsan_register_root_region(shared + 100, 64);
    __lsan_unregister_root_region(shared + 100, 64);
}

/* More than four gigabytes, of which one page is used: lost, and one that is kept and
 * holds 2472 far inside. */
void hold_by_large_block(void)
{
    size_t size = (5ull << 30) + 1;
    char *memory = malloc(size);
    char *lost = malloc(size + 1);
    if (!memory || !lost)
        exit(1);
    lost[0] = 1;
    lost = NULL;
    *(void **)(memory + (4ull << 30) + 64) = allocate(2472);
    kept[0] = memory;
}
