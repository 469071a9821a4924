// SPDX-License-Identifier: MIT

/*
 * The part of thread.h that the allocation hooks need inline, and the state of a thread
 * that only the tracker looks into.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_GUARD_H
#define HEAPSNAP_PROBES_TRACKER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"
#include "probes/tracker/stack.h"

#define HS_LIKELY(x) __builtin_expect(!!(x), 1)
#define HS_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Frames of the shim and of the unwinder above the hook's caller. */
#define HS_STACK_OWN_FRAMES 8

/* A thread keeps changes of the running totals to itself, at most this much: the limits
 * below are smaller while the program is. */
#define HS_THREAD_BYTES (64 << 10)
#define HS_THREAD_BLOCKS 256

/* Of the end of a thread the kernel tells us, and ThreadSanitizer does not listen. Tests
 * release what this acquires. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
#define HS_SANITIZER_ENDED(thread) __tsan_acquire(thread)
#else
#define HS_SANITIZER_ENDED(thread) (void)0
#endif

enum {
    HS_GUARD_HELD = 1,
    HS_GUARD_PENDING = 2, /* live bytes were flushed: tell the trigger on leaving */
};

/* A frame as the walk found it: with these values its code goes on when called code
 * returns. The return address that says `ip` is at sp - 8. */
struct hs_thread_frame {
    uint64_t ip, sp, bp;
    uint32_t way;  /* how the walk came here: HS_FRAME_* */
    uint32_t mark; /* of ip and sp: see memo.h */
};

struct hs_thread {
    uint32_t owned;
    int32_t tid;
    uint32_t capturing; /* inside the unwinder: fork waits for it */
    uint32_t memo_count, memo_checks_count;
    int64_t bytes, blocks; /* not yet in hs_control */
    int64_t bytes_limit, blocks_limit;
    uint64_t flushes;
    uint32_t memo_generation;
    bool memo_is_walked; /* sp, bp and slots are known, from the end of the stack on */
    uint32_t stack_misses;
    uint64_t stack_low, stack_high; /* of the thread's own stack: known to be readable */
    /* The last stack, outermost first, and what memo.h needs to find its way in it. */
    uint32_t memo_place[HS_STACK_DEPTH_MAX];
    uint8_t memo_checks[HS_STACK_DEPTH_MAX];
    uint64_t memo_hash[HS_STACK_DEPTH_MAX];
    struct hs_thread_frame memo[HS_STACK_DEPTH_MAX];
    uint32_t n_fresh;
    struct hs_thread_frame fresh[HS_STACK_DEPTH_MAX]; /* innermost first */
    struct hs_steps *steps;                           /* see hs_steps_of() */
    uint32_t walks;                                   /* before it had `recents` */
    struct hs_recents *recents; /* goes with the state to the next thread, too */
    void *ever;                 /* of ever.c; goes with the state to the next thread */
    void *frames[HS_STACK_DEPTH_MAX + HS_STACK_OWN_FRAMES];
};

extern HS_HIDDEN bool hs_tracking_is_on;
extern HS_HIDDEN int hs_tracked_pid; /* 0: none */
extern HS_HIDDEN __thread uint32_t hs_guard_word;
extern HS_HIDDEN __thread struct hs_thread *hs_thread_own;

void hs_guard_dropped(uint32_t word);
struct hs_thread *hs_thread_create(void);
void hs_thread_flush(struct hs_thread *thread);
bool hs_thread_each(bool (*visit)(struct hs_thread *thread, void *context),
                    void *context);

/* After fork: only the calling thread is left. */
void hs_thread_fork_child(void);

static inline bool hs_guard_try(void)
{
    if (HS_UNLIKELY(hs_guard_word != 0))
        return false;
    /* In this order: who stops us finds us inside, or we find that tracking is off. */
    hs_guard_word = HS_GUARD_HELD;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (HS_LIKELY(__atomic_load_n(&hs_tracking_is_on, __ATOMIC_RELAXED)))
        return true;
    hs_guard_word = 0;
    return false;
}

static inline void hs_guard_drop(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    uint32_t word = hs_guard_word;
    hs_guard_word = 0;
    if (HS_UNLIKELY(word != HS_GUARD_HELD))
        hs_guard_dropped(word);
}

/* NULL only when there is no memory. Call under the guard. */
static inline struct hs_thread *hs_thread_get(void)
{
    struct hs_thread *thread = hs_thread_own;
    return HS_LIKELY(thread) ? thread : hs_thread_create();
}

#endif
