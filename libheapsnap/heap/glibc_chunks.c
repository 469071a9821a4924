// SPDX-License-Identifier: MIT

/*
 * From one chunk to the next. A chunk says how long it is, and the next one says whether
 * it is in use, so one damaged word would end the walk: then the next place is searched
 * from where eight chunks in a row agree with each other, and what lies between is noted.
 */

#include <errno.h>

#include "libheapsnap/heap/glibc.h"

#define AGREEING 8u  /* chunks in a row that make a place credible */
#define CREDIBLE 16u /* and those that make a run of it */
#define POST 16u     /* size of the chunks that end a stretch */

struct walk {
    struct hs_glibc *heap;
    const struct hs_glibc_run *run;
    uint64_t top; /* of the run's arena, when it lies in the run; else the run's end */
    bool is_main;
};

static struct walk walk_of(struct hs_glibc *heap, const struct hs_glibc_run *run)
{
    const struct hs_glibc_arena *arena = &heap->arenas.at[run->arena];
    bool has_top = arena->top >= run->start && arena->top < run->end;
    return (struct walk){heap, run, has_top ? arena->top : run->end, arena->is_main};
}

/* Can `head` be that of a chunk at `at`? No chunk reaches over the top. */
static bool is_head(const struct walk *walk, uint64_t at, uint64_t head)
{
    uint64_t size = head & ~(uint64_t)HS_HEAD_FLAGS;
    uint64_t limit = at < walk->top ? walk->top : walk->run->end;
    return size >= HS_CHUNK_MIN && size % 16 == 0 && size <= limit - at
           && !(head & HS_HEAD_MAPPED) && !(walk->is_main && head & HS_HEAD_NOT_MAIN);
}

/* Two of these end a stretch: of 16 bytes each, the last of a heap of none. */
static bool is_post(uint64_t head)
{
    return (head & ~(uint64_t)HS_HEAD_PREVIOUS_USED) == POST
           || head == HS_HEAD_PREVIOUS_USED;
}

/*
 * Follow up to `limit` chunks from `at`; each free one must be named by the next. Returns
 * how many agreed; `ret_end` is where the last one ends, `ret_is_end` says whether that is
 * the top, or posts.
 */
static unsigned follow(const struct walk *walk, uint64_t at, unsigned limit,
                       uint64_t *ret_end, bool *ret_is_end)
{
    uint64_t head, size = 0;
    unsigned count = 0;
    for (*ret_is_end = false;; count++, at += size) {
        *ret_end = at;
        if (at == walk->top && walk->top < walk->run->end) {
            *ret_is_end = true;
            return count;
        }
        if (count == limit || at + 16 > walk->run->end
            || !hs_reader_word(walk->heap->reader, at + 8, &head))
            return count;
        if (count > 0 && !(head & HS_HEAD_PREVIOUS_USED)
            && hs_glibc_word(walk->heap, at) != size)
            return count;
        if (is_post(head)) {
            *ret_is_end = count > 0;
            return count;
        }
        if (!is_head(walk, at, head))
            return count;
        size = head & ~(uint64_t)HS_HEAD_FLAGS;
    }
}

static bool is_credible(const struct walk *walk, uint64_t at)
{
    uint64_t end;
    bool is_end;
    unsigned count = follow(walk, at, AGREEING, &end, &is_end);
    return count == AGREEING || is_end;
}

bool hs_glibc_is_start(struct hs_glibc *heap, const struct hs_glibc_run *run)
{
    struct walk walk = walk_of(heap, run);
    return (hs_glibc_word(heap, run->start + 8) & HS_HEAD_PREVIOUS_USED)
           && is_credible(&walk, run->start);
}

uint64_t hs_glibc_try_run(struct hs_glibc *heap, uint64_t address, uint64_t end)
{
    struct hs_glibc_run run = {.start = address, .end = end, .arena = 0};
    struct walk walk = walk_of(heap, &run);
    uint64_t stop;
    bool is_end;
    if (!hs_glibc_is_start(heap, &run))
        return 0;
    unsigned count = follow(&walk, address, UINT32_MAX, &stop, &is_end);
    if (is_end && stop == walk.top)
        return walk.top + heap->arenas.at[0].top_size;
    if (is_end && is_post(hs_glibc_word(heap, stop + POST + 8)))
        return stop + 2 * POST;
    return count >= CREDIBLE ? end : 0;
}

/* The next place at or after `at` where chunks agree; the run's end when there is none. */
static uint64_t find_next(const struct walk *walk, uint64_t at)
{
    while (at + 16 <= walk->run->end) {
        uint64_t head;
        if (at == walk->top)
            return at;
        if (!hs_reader_word(walk->heap->reader, at + 8, &head)) {
            at = hs_page_up(at + 9); /* the page is missing */
            continue;
        }
        if (is_head(walk, at, head) && is_credible(walk, at))
            return at;
        at += 16;
    }
    return walk->run->end;
}

/* Chunks cannot be told apart from `at` on. Returns where they can be again. */
static uint64_t skip(const struct walk *walk, uint64_t at, bool is_expected)
{
    uint64_t next = find_next(walk, at + 16);
    struct hs_span span = {at, next};
    if (!is_expected)
        hs_glibc_note_damage(walk->heap, at);
    if (hs_array_push(&walk->heap->unclear, span))
        return next;
    return UINT64_MAX;
}

/* The chunk before `at` is free, when that one and this agree how long it is. */
static void free_previous(struct hs_glibc *heap, size_t first, uint64_t at)
{
    if (heap->chunks.count == first)
        return;
    struct hs_chunk *last = &heap->chunks.at[heap->chunks.count - 1];
    if (last->address + last->size != at)
        return;
    if (hs_glibc_word(heap, at) == last->size)
        last->state = HS_CHUNK_FREE;
    else
        hs_glibc_note_damage(heap, at);
}

/* A post that follows a chunk without a post between them: that chunk is one, too. */
static void drop_post(struct hs_glibc *heap, size_t first, uint64_t at)
{
    if (heap->chunks.count == first)
        return;
    const struct hs_chunk *last = &heap->chunks.at[heap->chunks.count - 1];
    if (last->address + last->size == at && last->size == HS_CHUNK_MIN)
        heap->chunks.count--;
}

int hs_glibc_walk_run(struct hs_glibc *heap, const struct hs_glibc_run *run)
{
    struct walk walk = walk_of(heap, run);
    size_t first = heap->chunks.count;
    unsigned posts = 0;
    for (uint64_t at = run->start; at + 16 <= run->end && at != walk.top;) {
        uint64_t head;
        bool is_readable = hs_reader_word(heap->reader, at + 8, &head);
        if (is_readable && !(head & HS_HEAD_PREVIOUS_USED))
            free_previous(heap, first, at);
        if (is_readable && is_post(head)) {
            if ((head & ~(uint64_t)HS_HEAD_FLAGS) == 0 && posts == 0)
                drop_post(heap, first, at);
            at += POST;
            posts++;
            if (posts == 2 && (!walk.is_main || run->is_open))
                break;
            continue;
        }
        if (!is_readable || !is_head(&walk, at, head)) {
            at = skip(&walk, at, posts > 0);
            if (at == UINT64_MAX)
                return -ENOMEM;
            posts = 0;
            continue;
        }
        posts = 0;
        struct hs_chunk chunk = {.address = at, .size = head & ~(uint64_t)HS_HEAD_FLAGS};
        if (!hs_array_push(&heap->chunks, chunk))
            return -ENOMEM;
        at += chunk.size;
    }
    return 0;
}
