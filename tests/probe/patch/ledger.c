// SPDX-License-Identifier: MIT

/*
 * A program that keeps account of its own blocks, with an allocator linked in. Every block
 * has a size that no other ever has; at the end the sizes of those still held are printed,
 * one a line, to be compared with what a snapshot says.
 *
 * Compiled several times: as C and as C++, with the names of several allocators.
 *   PREFIX   what stands before their names (je_)
 *   WITH_X   there are mallocx and its kin
 *   WITH_MI  there are mimalloc's own functions
 *   WITH_THROW  operator new throws (mimalloc's ends the program)
 */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __cplusplus
#include <new>
void operator delete(void *, size_t) noexcept; /* not every compiler declares it */
extern "C" {
#endif

#ifndef PREFIX
#define PREFIX
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(PREFIX, name)

void *NAME(malloc)(size_t);
void *NAME(calloc)(size_t, size_t);
void *NAME(realloc)(void *, size_t);
void *NAME(aligned_alloc)(size_t, size_t);
int NAME(posix_memalign)(void **, size_t, size_t);
void NAME(free)(void *);
#ifdef WITH_X
void *NAME(mallocx)(size_t, int);
void *NAME(rallocx)(void *, size_t, int);
void NAME(sdallocx)(void *, size_t, int);
void NAME(dallocx)(void *, int);
#endif
#ifdef WITH_MI
void *mi_zalloc(size_t);
void *mi_malloc_aligned(size_t, size_t);
void *mi_mallocn(size_t, size_t);
void *mi_rezalloc(void *, size_t);
void *mi_recalloc(void *, size_t, size_t);
void *mi_heap_malloc(void *, size_t);
void *mi_heap_realloc(void *, void *, size_t);
void *mi_heap_get_default(void);
char *mi_strndup(const char *, size_t);
void mi_free_size(void *, size_t);
#endif
#ifdef __cplusplus
}
#endif

#define SLOTS 1000
#define THREADS 4
#define SIZE_FIRST 5000 /* a slot's sizes begin at this + 8 * slot */
#define TURNS 200

static void *blocks[SLOTS];
static size_t sizes[SLOTS];

static void *make(unsigned way, size_t size)
{
    void *block = NULL;
    switch (way % 12) {
    case 0:
        return NAME(calloc)(1, size);
    case 1:
        return NAME(posix_memalign)(&block, 64, size) == 0 ? block : NULL;
    case 2:
        return NAME(aligned_alloc)(16, size);
    case 3:
        return NAME(realloc)(NAME(malloc)(100), size);
#ifdef WITH_X
    case 4:
        return NAME(mallocx)(size, 0);
    case 5:
        return NAME(rallocx)(NAME(mallocx)(size / 2, 0), size, 0);
#endif
#ifdef WITH_MI
    case 4:
        return mi_zalloc(size);
    case 5:
        return mi_malloc_aligned(size, 256);
    case 6:
        return mi_recalloc(mi_mallocn(2, 50), 1, size);
    case 7:
        return mi_rezalloc(NULL, size);
    case 8:
        return mi_heap_realloc(mi_heap_get_default(),
                               mi_heap_malloc(mi_heap_get_default(), 10), size);
    case 9: {
        char text[SIZE_FIRST + 8 * SLOTS + 8];
        memset(text, 'x', size);
        return mi_strndup(text, size - 1);
    }
#endif
    default:
        return NAME(malloc)(size);
    }
}

static void drop(unsigned way, void *block, size_t size)
{
    (void)size;
#ifdef WITH_X
    if (way % 4 == 0) {
        NAME(sdallocx)(block, size, 0);
        return;
    }
    if (way % 4 == 1) {
        NAME(dallocx)(block, 0);
        return;
    }
#endif
#ifdef WITH_MI
    if (way % 4 == 0) {
        mi_free_size(block, size);
        return;
    }
#endif
    (void)way;
    NAME(free)(block);
}

static void slot_fill(size_t slot, unsigned turn)
{
    size_t size = SIZE_FIRST + 8 * slot + turn % 8;
#ifdef __cplusplus
    if (slot % 4 == 3) { /* these are the operators', which free by their own kind */
        blocks[slot] = turn % 3 == 0   ? operator new(size)
                       : turn % 3 == 1 ? operator new[](size, std::nothrow)
                                       :
                                       operator new(size, std::align_val_t(128));
        sizes[slot] = size << 2 | turn % 3;
        return;
    }
#endif
    blocks[slot] = make(turn + (unsigned)slot, size);
    sizes[slot] = size << 2;
}

static void slot_clear(size_t slot, unsigned turn)
{
    if (!blocks[slot])
        return;
#ifdef __cplusplus
    if (slot % 4 == 3) {
        if ((sizes[slot] & 3) == 0)
            operator delete(blocks[slot], sizes[slot] >> 2);
        else if ((sizes[slot] & 3) == 1)
            operator delete[](blocks[slot]);
        else
            operator delete(blocks[slot], std::align_val_t(128));
        blocks[slot] = NULL;
        return;
    }
#endif
    drop(turn + (unsigned)slot, blocks[slot], sizes[slot] >> 2);
    blocks[slot] = NULL;
}

static void *work(void *first)
{
    size_t start = (size_t)(uintptr_t)first;
    for (unsigned turn = 0; turn < TURNS; turn++)
        for (size_t slot = start; slot < SLOTS; slot += THREADS) {
            slot_clear(slot, turn);
            if ((slot + turn) % 5 != 0)
                slot_fill(slot, turn);
        }
    return NULL;
}

#ifdef WITH_THROW
/* What operator new throws comes through whoever stands between. */
static bool throws_at(size_t size)
{
    try {
        operator delete(operator new(size));
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}
#endif

int main(void)
{
    pthread_t threads[THREADS];
#ifdef WITH_THROW
    if (!throws_at((size_t)1 << 62) || throws_at(100))
        return 1;
#endif
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t slot = 0; slot < SLOTS; slot += 3) /* another thread's */
        slot_clear(slot, 0);
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (blocks[slot])
            printf("%zu\n", sizes[slot] >> 2);
    return 7;
}
