// SPDX-License-Identifier: MIT

/*
 * Open handles, one slot a number.
 *
 * Between open's return and close's entry a descriptor belongs to one caller, so a slot
 * has one writer at a time and needs no lock. `stack` is the slot's switch: zero is
 * empty, it is cleared before the other fields change and set after them, so that the
 * frozen image never sees half of one. Slots live in chunks that are mapped on first use and
 * stay; numbers from HANDLE_LIMIT on are only counted.
 */

#include "probes/tracker/handles.h"

#include <time.h>

#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"

#define HANDLE_LIMIT (1 << 20)
#define CHUNK_SLOTS 512
#define CHUNKS (HANDLE_LIMIT / CHUNK_SLOTS)
#define KINDS (HS_HANDLE_FD + 1)

struct slot {
    uint32_t stack; /* 0: nothing recorded */
    uint32_t birth_epoch;
    const char *call;
    uint64_t time;
};

static struct slot *chunks[KINDS][CHUNKS];
static int64_t open_count;
static uint64_t dropped_count;

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    hs_raw(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool in_range(enum hs_handle_kind kind, int32_t number)
{
    return (unsigned)kind < KINDS && number >= 0 && number < HANDLE_LIMIT;
}

/* The slot if its chunk exists, else NULL. */
static struct slot *find_slot(enum hs_handle_kind kind, int32_t number)
{
    if (!in_range(kind, number))
        return NULL;
    struct slot *chunk =
        __atomic_load_n(&chunks[kind][number / CHUNK_SLOTS], __ATOMIC_ACQUIRE);
    return chunk ? &chunk[number % CHUNK_SLOTS] : NULL;
}

static struct slot *make_slot(enum hs_handle_kind kind, int32_t number)
{
    struct slot *slot = find_slot(kind, number);
    if (slot || !in_range(kind, number))
        return slot;

    struct slot *fresh = hs_raw_map_used(CHUNK_SLOTS * sizeof(struct slot));
    if (!fresh)
        return NULL;
    struct slot *expected = NULL;
    if (!__atomic_compare_exchange_n(&chunks[kind][number / CHUNK_SLOTS], &expected,
                                     fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        hs_raw_unmap_used(fresh, CHUNK_SLOTS * sizeof(struct slot));
    return find_slot(kind, number);
}

/* The control page may be a fresh one after a fork, so it gets the whole number. */
static void count_open(int64_t change)
{
    int64_t count = __atomic_add_fetch(&open_count, change, __ATOMIC_RELAXED);
    __atomic_store_n(&hs_control->open_handles, count, __ATOMIC_RELAXED);
}

/* Empty the slot; what was its stack, 0 when it was empty already. */
static uint32_t clear_slot(struct slot *slot)
{
    uint32_t stack = __atomic_exchange_n(&slot->stack, 0, __ATOMIC_ACQ_REL);
    if (stack != 0)
        count_open(-1);
    return stack;
}

static void fill_slot(struct slot *slot, const struct hs_handle *handle)
{
    clear_slot(slot);
    __atomic_store_n(&slot->birth_epoch, handle->birth_epoch, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->call, handle->call, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->time, handle->time, __ATOMIC_RELAXED);
    uint32_t stack = handle->stack ? handle->stack : HS_STACK_UNKNOWN;
    if (__atomic_exchange_n(&slot->stack, stack, __ATOMIC_ACQ_REL) == 0)
        count_open(1);
}

/* False when the slot is empty, or changes while it is read. */
static bool read_slot(const struct slot *slot, struct hs_handle *ret)
{
    uint32_t stack = __atomic_load_n(&slot->stack, __ATOMIC_ACQUIRE);
    if (stack == 0)
        return false;
    ret->stack = stack;
    ret->birth_epoch = __atomic_load_n(&slot->birth_epoch, __ATOMIC_RELAXED);
    ret->call = __atomic_load_n(&slot->call, __ATOMIC_RELAXED);
    ret->time = __atomic_load_n(&slot->time, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->stack, __ATOMIC_RELAXED) == stack;
}

void hs_handle_opened(enum hs_handle_kind kind, int32_t number, const char *call,
                      uint32_t stack)
{
    const struct hs_handle handle = {
        .kind = kind,
        .number = number,
        .stack = stack,
        .birth_epoch = __atomic_load_n(&hs_control->epoch, __ATOMIC_RELAXED),
        .call = call,
        .time = now_ns(),
    };
    hs_handle_restore(&handle);
}

bool hs_handle_find(enum hs_handle_kind kind, int32_t number, struct hs_handle *ret)
{
    const struct slot *slot = find_slot(kind, number);
    struct hs_handle found = {.kind = kind, .number = number};
    if (!slot || !read_slot(slot, &found))
        return false;
    if (ret)
        *ret = found;
    return true;
}

bool hs_handle_closed(enum hs_handle_kind kind, int32_t number, struct hs_handle *ret)
{
    struct slot *slot = find_slot(kind, number);
    if (!slot || !hs_handle_find(kind, number, ret))
        return false;
    return clear_slot(slot) != 0;
}

void hs_handle_restore(const struct hs_handle *handle)
{
    struct slot *slot = make_slot(handle->kind, handle->number);
    if (slot)
        fill_slot(slot, handle);
    else
        __atomic_fetch_add(&dropped_count, 1, __ATOMIC_RELAXED);
}

void hs_handle_closed_range(enum hs_handle_kind kind, uint32_t first, uint32_t last)
{
    if (last >= HANDLE_LIMIT)
        last = HANDLE_LIMIT - 1;
    for (uint32_t number = first; number <= last; number++) {
        struct slot *slot = find_slot(kind, (int32_t)number);
        if (slot)
            clear_slot(slot);
        else
            number |= CHUNK_SLOTS - 1; /* on to the next chunk */
    }
}

/* False when `visit` wants no more. */
static bool visit_chunk(enum hs_handle_kind kind, int32_t first,
                        bool (*visit)(const struct hs_handle *handle, void *context),
                        void *context)
{
    for (int32_t number = first; number < first + CHUNK_SLOTS; number++) {
        struct hs_handle handle;
        if (hs_handle_find(kind, number, &handle) && !visit(&handle, context))
            return false;
    }
    return true;
}

void hs_handle_each(bool (*visit)(const struct hs_handle *handle, void *context),
                    void *context)
{
    for (int kind = HS_HANDLE_FD; kind < KINDS; kind++)
        for (int32_t chunk = 0; chunk < CHUNKS; chunk++)
            if (__atomic_load_n(&chunks[kind][chunk], __ATOMIC_RELAXED)
                && !visit_chunk(kind, chunk * CHUNK_SLOTS, visit, context))
                return;
}

static void forget_chunk(struct slot *chunk)
{
    for (int i = 0; chunk && i < CHUNK_SLOTS; i++)
        chunk[i].birth_epoch = 0;
}

void hs_handle_forget_epochs(void)
{
    for (int kind = HS_HANDLE_FD; kind < KINDS; kind++)
        for (int32_t chunk = 0; chunk < CHUNKS; chunk++)
            forget_chunk(chunks[kind][chunk]);
}

uint64_t hs_handle_dropped_count(void)
{
    return __atomic_load_n(&dropped_count, __ATOMIC_RELAXED);
}
