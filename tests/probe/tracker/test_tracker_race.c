// SPDX-License-Identifier: MIT

/*
 * The tables without locks, by many threads at once: what one thread put there must be
 * there, and what another sees meanwhile must be whole. Run under ThreadSanitizer, too.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <unistd.h>

#include "crew.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/live.h"
#include "tests/support/trie.h"

/* At the end of a thread: its state passes to others, which ThreadSanitizer cannot know. */
#if defined(__SANITIZE_THREAD__)
void __tsan_release(void *address);
#define END_OF_THREAD() __tsan_release(hs_thread_own)
#else
#define END_OF_THREAD() (void)0
#endif

/* ---- live blocks ---- */

#define HEAP 0x555500000000u
#define ROUNDS 60
#define BLOCKS 500u

/* Neighbours belong to different threads; size and stack follow from the address. */
static uint64_t address_of(uint64_t thread, uint64_t i)
{
    return HEAP + (i * THREADS + thread) * 64 + 16;
}

static uint64_t size_of(uint64_t address)
{
    return address / 64 % 97;
}

static uint32_t stack_of(uint64_t address)
{
    return (uint32_t)(address / 64 % 5000 + 2);
}

static void *come_and_go(void *context)
{
    uint64_t thread = (uintptr_t)context;
    pthread_barrier_wait(&gate);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < BLOCKS; i++) {
            uint64_t at = address_of(thread, i);
            hs_live_insert(at, size_of(at), stack_of(at));
        }
        for (uint64_t i = round + 1 == ROUNDS ? BLOCKS / 2 : 0; i < BLOCKS; i++) {
            struct hs_live_block block;
            uint64_t at = address_of(thread, i);
            if (!hs_live_remove(at, &block) || block.size != size_of(at)
                || block.stack != stack_of(at))
                return &gate;
        }
    }
    END_OF_THREAD();
    return NULL;
}

struct view {
    uint64_t last;
    uint32_t count, wrong;
};

static bool look(const struct hs_live_block *block, void *context)
{
    struct view *view = context;
    view->wrong += block->address <= view->last || block->size != size_of(block->address)
                   || block->stack != stack_of(block->address);
    view->last = block->address;
    view->count++;
    return true;
}

static void *look_again_and_again(void *context)
{
    struct view *sum = context;
    while (!atomic_load(&is_over)) {
        struct view view = {0};
        hs_live_each(look, &view);
        sum->wrong += view.wrong;
        sum->count++;
    }
    return NULL;
}

Test(race, live_blocks_are_seen_whole_or_not_at_all)
{
    struct crew crew;
    struct view sum = {0}, end = {0};
    pthread_t looking;
    hs_live_init(5);
    pthread_create(&looking, NULL, look_again_and_again, &sum);
    crew_start(&crew, THREADS, come_and_go);

    int failed = crew_join(&crew, THREADS);
    atomic_store(&is_over, true);
    pthread_join(looking, NULL);
    hs_live_each(look, &end);

    cr_expect(eq(int, failed, 0));
    cr_expect(eq(u32, sum.wrong, 0));
    cr_expect(eq(u32, end.wrong, 0));
    cr_expect(eq(u32, end.count, THREADS * BLOCKS / 2));
}

static void *count_and_end(void *context)
{
    uint64_t thread = (uintptr_t)context;
    for (uint64_t i = 0; i < 100; i++)
        hs_live_insert(address_of(thread, i), 10, 2);
    END_OF_THREAD();
    return NULL;
}

static bool flush(struct hs_thread *thread, void *context)
{
    (void)context;
    hs_thread_flush(thread);
    return true;
}

/* What a thread had not yet handed over when it ended is not lost. */
Test(race, totals_of_ended_threads_are_kept)
{
    struct crew crew;
    hs_tracked_pid = getpid();
    hs_live_init(5);

    for (int round = 0; round < 40; round++) {
        crew_start(&crew, THREADS, count_and_end);
        crew_join(&crew, THREADS);
        for (uint64_t thread = 0; thread < THREADS; thread++)
            for (uint64_t i = 0; i < 100; i++)
                hs_live_remove(address_of(thread, i), NULL);
    }
    hs_thread_each(flush, NULL);

    cr_expect(eq(i64, hs_control->live_blocks, 0));
    cr_expect(eq(i64, hs_control->live_bytes, 0));
}

/* ---- states of threads ---- */

static void *use_state(void *context)
{
    (void)context;
    pthread_barrier_wait(&gate);
    struct hs_thread *thread = hs_thread_get();
    bool is_fine = thread && thread->memo_count == 0 && !thread->capturing;
    if (thread)
        thread->memo_count = (uint32_t)gettid();
    pthread_barrier_wait(&gate); /* all have one now */
    is_fine = is_fine && thread == hs_thread_get() && thread->tid == gettid()
              && thread->memo_count == (uint32_t)gettid();
    END_OF_THREAD();
    return is_fine ? NULL : &gate;
}

static bool count_states(struct hs_thread *thread, void *context)
{
    (void)thread;
    ++*(int *)context;
    return true;
}

Test(race, every_thread_has_a_state_of_its_own_and_leaves_it_to_later_ones)
{
    struct crew crew;
    int failed = 0, states = 0;
    hs_tracked_pid = getpid();

    for (int round = 0; round < 100; round++) {
        crew_start(&crew, THREADS, use_state);
        failed += crew_join(&crew, THREADS);
    }
    hs_thread_each(count_states, &states);

    cr_expect(eq(int, failed, 0));
    cr_expect(lt(int, states, 100));
}

/* ---- stacks ---- */

enum { STACKS = 30000, PRIVATE = 2000 };
static uint32_t interned[THREADS][STACKS];
static uint32_t own[THREADS][PRIVATE];

static uint32_t intern_at(uint32_t *results, uint32_t i)
{
    uint32_t parent = i % 7 ? results[i / 2] : HS_STACK_NONE;
    return trie_intern(parent, 0x1000 + 16u * (uint64_t)i);
}

static void *intern_all(void *context)
{
    uintptr_t thread = (uintptr_t)context;
    pthread_barrier_wait(&gate);
    for (uint32_t i = 0; i < STACKS; i++) {
        interned[thread][i] = intern_at(interned[thread], i);
        if (i < PRIVATE)
            own[thread][i] = trie_intern(
                HS_STACK_NONE, (thread + 1) << 32 | (0x1000 + 16u * (uint64_t)i));
    }
    return NULL;
}

Test(race, equal_stacks_are_equal_numbers_in_all_threads)
{
    struct crew crew;
    uint32_t different = 0, shared = 0, count;
    hs_intern_init();

    crew_start(&crew, THREADS, intern_all);
    crew_join(&crew, THREADS);

    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    for (int thread = 0; thread < THREADS; thread++) {
        for (uint32_t i = 0; i < STACKS; i++)
            different += interned[thread][i] != interned[0][i];
        for (uint32_t i = 0; i < PRIVATE; i++)
            shared += nodes[own[thread][i]].address >> 32 != (uint64_t)thread + 1;
    }
    cr_expect(eq(u32, different, 0));
    cr_expect(eq(u32, shared, 0));
}
