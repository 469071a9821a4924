// SPDX-License-Identifier: MIT

/*
 * The per-thread state: two thread-local words, the rest in pages of our own.
 *
 * There is no thread-exit hook: a destructor would run before other destructors that
 * still free memory. A state belongs to its thread until the kernel no longer knows the
 * thread; whoever needs a state next takes it over.
 */

#include "probes/tracker/thread.h"

#include <errno.h>
#include <sys/mman.h>

#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"
#include "probes/tracker/trigger.h"

#define SLAB_SIZE ((size_t)256 << 10)

enum {
    STATE_FREE = 0,
    STATE_USED,
    STATE_HELD, /* somebody takes it over, or asks whether its thread is dead */
};

struct slab {
    struct slab *next;
    struct hs_thread states[];
};
#define SLAB_STATES ((SLAB_SIZE - sizeof(struct slab)) / sizeof(struct hs_thread))

bool hs_tracking_is_on;
int hs_tracked_pid;
__thread uint32_t hs_guard_word;
__thread struct hs_thread *hs_thread_own;

static struct slab *slabs;

/* Zero in a copy of us that no fork handler has prepared, for the kernel wipes its page. */
static uint32_t *prepared;
#define LIMIT_NONE ((int64_t)1 << 60)

bool hs_guard_enter(void)
{
    return hs_guard_try();
}

void hs_guard_leave(void)
{
    hs_guard_drop();
}

bool hs_tracker_is_on(void)
{
    return __atomic_load_n(&hs_tracking_is_on, __ATOMIC_RELAXED);
}

bool hs_tracker_is_this_process(void)
{
    return hs_tracked_pid != 0 && hs_raw(SYS_getpid) == hs_tracked_pid;
}

void hs_tracker_stop(const char *why)
{
    if (__atomic_exchange_n(&hs_tracking_is_on, false, __ATOMIC_RELAXED))
        hs_report("tracking stopped: %s", why);
}

void hs_guard_dropped(uint32_t word)
{
    if (word & HS_GUARD_PENDING)
        hs_trigger_bytes(__atomic_load_n(&hs_control->live_bytes, __ATOMIC_RELAXED));
}

static int64_t limit(int64_t live, int64_t least, int64_t most)
{
    int64_t wanted = live / 16 > least ? live / 16 : least;
    return wanted < most ? wanted : most;
}

/*
 * The totals are right to a sixteenth, so those of a small program are not all in the
 * pockets of its threads. One that flushes very often, because it allocates and frees all
 * of its few blocks again and again, may keep more and more.
 */
static void set_limits(struct hs_thread *thread)
{
    int64_t least = (int64_t)(++thread->flushes / 64);
    thread->bytes_limit =
        limit(__atomic_load_n(&hs_control->live_bytes, __ATOMIC_RELAXED),
              least < HS_THREAD_BLOCKS ? least * 256 : HS_THREAD_BYTES, HS_THREAD_BYTES);
    thread->blocks_limit =
        limit(__atomic_load_n(&hs_control->live_blocks, __ATOMIC_RELAXED), least,
              HS_THREAD_BLOCKS);
}

/* What a child counts that the bare system call made stays in its pocket: the page is its
 * parent's. A child of fork gets here, too, before our handler's turn. */
static bool keep_in_pocket(struct hs_thread *thread)
{
    const uint32_t *mark = __atomic_load_n(&prepared, __ATOMIC_ACQUIRE);
    if (HS_LIKELY(!mark || *mark))
        return false;
    thread->bytes_limit = thread->blocks_limit = LIMIT_NONE;
    return true;
}

void hs_thread_flush(struct hs_thread *thread)
{
    if (keep_in_pocket(thread))
        return;
    int64_t bytes = thread->bytes, blocks = thread->blocks;
    thread->bytes -= bytes;
    thread->blocks -= blocks;
    __atomic_fetch_add(&hs_control->live_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&hs_control->live_blocks, blocks, __ATOMIC_RELAXED);
    set_limits(thread);
    if (hs_options.over_bytes && bytes > 0 && hs_guard_word & HS_GUARD_HELD)
        hs_guard_word |= HS_GUARD_PENDING;
}

static bool state_change(struct hs_thread *thread, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&thread->owned, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* Free the state when its thread is gone. */
static void state_reclaim(struct hs_thread *thread)
{
    if (!state_change(thread, STATE_USED, STATE_HELD))
        return;
    bool dead = hs_raw(SYS_tgkill, hs_tracked_pid, thread->tid, 0) == -ESRCH;
    if (dead) {
        HS_SANITIZER_ENDED(thread);
        hs_thread_flush(thread);
    }
    __atomic_store_n(&thread->owned, dead ? STATE_FREE : STATE_USED, __ATOMIC_RELEASE);
}

bool hs_thread_each(bool (*visit)(struct hs_thread *thread, void *context), void *context)
{
    for (struct slab *slab = __atomic_load_n(&slabs, __ATOMIC_ACQUIRE); slab;
         slab = slab->next)
        for (size_t i = 0; i < SLAB_STATES; i++)
            if (__atomic_load_n(&slab->states[i].owned, __ATOMIC_ACQUIRE) != STATE_FREE
                && !visit(&slab->states[i], context))
                return false;
    return true;
}

static struct hs_thread *state_take(struct slab *slab)
{
    for (; slab; slab = slab->next)
        for (size_t i = 0; i < SLAB_STATES; i++)
            if (state_change(&slab->states[i], STATE_FREE, STATE_HELD))
                return &slab->states[i];
    return NULL;
}

static bool reclaim_visit(struct hs_thread *thread, void *context)
{
    (void)context;
    state_reclaim(thread);
    return true;
}

static void make_mark(void)
{
    uint32_t *page = hs_raw_map(4096);
    if (page && hs_raw(SYS_madvise, page, 4096, MADV_WIPEONFORK) == 0) {
        *page = 1;
        __atomic_store_n(&prepared, page, __ATOMIC_RELEASE);
    } else if (page) {
        hs_raw_unmap(page, 4096);
    }
}

static struct hs_thread *state_from_new_slab(void)
{
    struct slab *slab = hs_raw_map(SLAB_SIZE);
    if (!slab)
        return NULL;
    if (!__atomic_load_n(&slabs, __ATOMIC_RELAXED))
        make_mark();
    slab->states[0].owned = STATE_HELD;
    slab->next = __atomic_load_n(&slabs, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&slabs, &slab->next, slab, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    return &slab->states[0];
}

struct hs_thread *hs_thread_create(void)
{
    struct slab *first = __atomic_load_n(&slabs, __ATOMIC_ACQUIRE);
    struct hs_thread *thread = state_take(first);
    if (!thread) {
        /* One look at every thread for each slab of new ones. */
        hs_thread_each(reclaim_visit, NULL);
        thread = state_take(first);
    }
    if (!thread)
        thread = state_from_new_slab();
    if (!thread)
        return NULL;
    thread->tid = (int32_t)hs_raw(SYS_gettid);
    thread->bytes = thread->blocks = 0;
    thread->bytes_limit = thread->blocks_limit = 0;
    thread->flushes = 0;
    thread->capturing = 0;
    thread->memo_count = 0;
    thread->memo_is_walked = false;
    thread->stack_misses = 0;
    thread->walks = 0;
    thread->stack_low = thread->stack_high = 0;
    __atomic_store_n(&thread->owned, STATE_USED, __ATOMIC_RELEASE); /* with its own tid */
    hs_thread_own = thread;
    return thread;
}

static bool drop_visit(struct hs_thread *thread, void *context)
{
    (void)context;
    if (thread == hs_thread_own)
        return true;
    hs_thread_flush(thread);
    __atomic_store_n(&thread->owned, STATE_FREE, __ATOMIC_RELEASE);
    return true;
}

void hs_thread_fork_child(void)
{
    if (prepared)
        *prepared = 1;
    hs_thread_each(drop_visit, NULL);
    if (hs_thread_own) {
        hs_thread_own->tid = (int32_t)hs_raw(SYS_gettid);
        hs_thread_own->bytes_limit = hs_thread_own->blocks_limit = 0;
    }
}
