// SPDX-License-Identifier: MIT

/*
 * Stopping the threads by a handshake over a real-time signal.
 *
 * The coordinator lists /proc/self/task, queues an order to each thread, lists again
 * until nobody is new, and waits for the arrivals. An order carries the freeze's number
 * and the slot's, so an order that is delivered late (the thread had every signal
 * blocked) finds another number in place and is ignored. Slots are never unmapped, so a
 * late thread never touches memory that is gone.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <time.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define WAIT_NS 500000000ull /* for arrivals in all: a busy machine runs others first */
#define LOOK_NS 1000000ull   /* then ask the kernel who cannot come at all */
#define AGAIN_NS 10000000ull /* and again after so long */
#define EARLY_NS 50000000ull /* a thread that runs may block signals so long */
#define RESCANS_MAX 30
#define FIRST_SLOTS 256u

static struct hs_slot *slots;
static uint32_t max_slots;
static uint32_t frozen;  /* number of the running freeze; 0: none */
static uint32_t freezes; /* numbers handed out */
static uint32_t arrived; /* in the running freeze */
static uint32_t wanted;  /* the arrival that makes it this many wakes the coordinator */
static char entries[32768]; /* getdents64; guarded by the phase */

uint64_t hs_clock(int clock)
{
    struct timespec now = {0};
    hs_raw(SYS_clock_gettime, clock, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint64_t order_value(uint32_t freeze, uint32_t slot)
{
    return (uint64_t)freeze << 32 | slot;
}

bool hs_stop_obey(const siginfo_t *info, const void *context)
{
    uint64_t value = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    uint32_t freeze = (uint32_t)(value >> 32), number = (uint32_t)value;

    if (info->si_code != SI_QUEUE || info->si_pid != hs_control->pid || freeze == 0)
        return false;
    if (freeze != __atomic_load_n(&frozen, __ATOMIC_ACQUIRE))
        return true;
    struct hs_slot *slot = &__atomic_load_n(&slots, __ATOMIC_ACQUIRE)[number];
    if (slot->tid != (int32_t)hs_raw(SYS_gettid))
        return true;

    hs_machine_context(context, slot->registers, &slot->vector, &slot->vector_size);
    slot->thread_pointer = hs_machine_thread_pointer();
    uint32_t expected = HS_SLOT_ORDERED;
    if (!__atomic_compare_exchange_n(&slot->state, &expected, HS_SLOT_ARRIVED, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return true;
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL)
        >= __atomic_load_n(&wanted, __ATOMIC_ACQUIRE))
        hs_raw(SYS_futex, &arrived, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
    while (__atomic_load_n(&frozen, __ATOMIC_ACQUIRE) == freeze)
        hs_raw(SYS_futex, &frozen, FUTEX_WAIT_PRIVATE, freeze, 0, 0, 0);
    return true;
}

/* Room for `count` slots; the old ones stay mapped for late threads. */
static bool reserve(uint32_t count)
{
    if (count <= max_slots)
        return true;
    uint32_t room = max_slots ? max_slots : FIRST_SLOTS;
    while (room < count)
        room *= 2;
    struct hs_slot *more = hs_raw_map(room * sizeof(*more));
    if (!more)
        return false;
    for (uint32_t i = 0; i < hs_job.n_slots; i++)
        more[i] = slots[i];
    __atomic_store_n(&slots, more, __ATOMIC_RELEASE);
    max_slots = room;
    return true;
}

static int32_t to_tid(const char *name)
{
    int32_t tid = 0;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return 0;
        tid = tid * 10 + (*name - '0');
    }
    return tid;
}

/* Call `visit` for every thread the kernel lists. 0 or -errno. */
static int each_task(int (*visit)(int32_t tid))
{
    int fd = (int)hs_raw(SYS_openat, AT_FDCWD, "/proc/self/task",
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size, err = 0;
    if (fd < 0)
        return fd;
    while (err == 0 && (size = hs_raw(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
        for (long at = 0; err == 0 && at < size;) {
            const struct hs_directory_entry *entry = (const void *)(entries + at);
            int32_t tid = to_tid(entry->name);
            if (tid)
                err = visit(tid);
            at += entry->size;
        }
    hs_raw(SYS_close, fd);
    return (int)err;
}

static uint32_t n_tasks;
static int count_task(int32_t tid)
{
    (void)tid;
    n_tasks++;
    return 0;
}

static struct hs_slot *find_slot(int32_t tid)
{
    /* The kernel lists ascending by age, so the next one is usually right after. */
    static uint32_t hint;
    for (uint32_t i = 0; i < hs_job.n_slots; i++) {
        uint32_t at = (hint + i) % hs_job.n_slots;
        if (slots[at].tid == tid) {
            hint = at + 1;
            return &slots[at];
        }
    }
    return NULL;
}

static int queue_order(int32_t tid, uint32_t number)
{
    siginfo_t info = {.si_signo = (int)hs_control->signal, .si_code = SI_QUEUE};
    long result = -EAGAIN;

    info.si_pid = hs_control->pid;
    info.si_uid = (uid_t)hs_raw(SYS_getuid);
    info.si_value.sival_ptr = (void *)(uintptr_t)order_value(frozen, number);
    for (int tries = 0; tries < 20 && result == -EAGAIN; tries++) {
        result =
            hs_raw(SYS_rt_tgsigqueueinfo, hs_control->pid, tid, info.si_signo, &info);
        if (result == -EAGAIN) {
            struct timespec pause = {.tv_nsec = 100000};
            hs_raw(SYS_nanosleep, &pause, 0);
        }
    }
    return (int)result;
}

static bool found_new;

/* Beyond the room mapped beforehand (threads born meanwhile) a thread stays unstopped. */
static int order_task(int32_t tid)
{
    if (find_slot(tid) || hs_job.n_slots == max_slots)
        return 0;
    struct hs_slot *slot = &slots[hs_job.n_slots];
    *slot = (struct hs_slot){.tid = tid, .state = HS_SLOT_ORDERED};
    found_new = true;
    int err = queue_order(tid, hs_job.n_slots++);
    if (err == -ESRCH)
        slot->state = HS_SLOT_FREE; /* it ended */
    else if (err < 0)
        slot->state = HS_SLOT_MISSED;
    return 0;
}

static uint32_t count_ordered(void)
{
    uint32_t ordered = 0;
    for (uint32_t i = 0; i < hs_job.n_slots; i++)
        ordered += __atomic_load_n(&slots[i].state, __ATOMIC_ACQUIRE) == HS_SLOT_ORDERED;
    return ordered;
}

/* Wait until nobody is on its way, or until `deadline`. True: all are here. */
static bool await(uint64_t deadline)
{
    for (;;) {
        uint32_t seen = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE);
        uint32_t ordered = count_ordered();
        if (ordered == 0)
            return true;
        /* Too small when some arrived in between; then the wait ends at once. */
        __atomic_store_n(&wanted, seen + ordered, __ATOMIC_RELEASE);
        uint64_t now = hs_clock(CLOCK_MONOTONIC);
        if (now >= deadline)
            return false;
        struct timespec left = {.tv_nsec = (long)((deadline - now) % 1000000000ull)};
        hs_raw(SYS_futex, &arrived, FUTEX_WAIT_PRIVATE, seen, &left, 0, 0);
    }
}

static void drop_hopeless(bool is_early)
{
    for (uint32_t i = 0; i < hs_job.n_slots; i++) {
        uint32_t state = HS_SLOT_ORDERED;
        if (__atomic_load_n(&slots[i].state, __ATOMIC_ACQUIRE) == state)
            __atomic_compare_exchange_n(&slots[i].state, &state,
                                        hs_peek_verdict(slots[i].tid, is_early), false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
}

static void await_all(uint64_t start)
{
    uint64_t until = start + LOOK_NS;
    while (!await(until) && until < start + WAIT_NS) {
        drop_hopeless(until < start + EARLY_NS);
        until = hs_clock(CLOCK_MONOTONIC) + AGAIN_NS;
    }
}

static void give_up_missing(void)
{
    for (uint32_t i = 0; i < hs_job.n_slots; i++) {
        uint32_t expected = HS_SLOT_ORDERED;
        __atomic_compare_exchange_n(&slots[i].state, &expected, HS_SLOT_MISSED, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    for (uint32_t i = 0; i < hs_job.n_slots; i++)
        if (slots[i].state == HS_SLOT_MISSED) {
            hs_job.n_missed++;
            hs_peek_place(&slots[i]);
        }
}

int hs_stop_threads(const struct hs_slot *own)
{
    hs_job.n_slots = hs_job.n_missed = 0;
    n_tasks = 0;
    int err = each_task(count_task);
    if (err < 0)
        return err;
    if (!reserve(n_tasks + n_tasks / 4 + 64))
        return -ENOMEM;

    slots[0] = *own;
    slots[0].state = HS_SLOT_ARRIVED;
    hs_job.slots = slots;
    hs_job.n_slots = 1;
    __atomic_store_n(&arrived, 0, __ATOMIC_RELEASE);
    if (++freezes == 0)
        freezes = 1;
    __atomic_store_n(&frozen, freezes, __ATOMIC_RELEASE);

    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    for (int scan = 0; scan < RESCANS_MAX; scan++) {
        found_new = false;
        err = each_task(order_task);
        if (err < 0) {
            hs_stop_release();
            return err;
        }
        if (!found_new)
            break;
        await_all(start);
    }
    give_up_missing();
    return 0;
}

void hs_stop_release(void)
{
    __atomic_store_n(&frozen, 0, __ATOMIC_RELEASE);
    hs_raw(SYS_futex, &frozen, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

void hs_stop_fork_child(void)
{
    __atomic_store_n(&frozen, 0, __ATOMIC_RELEASE);
}

bool hs_process_is_dead(int32_t pid)
{
    char path[64], text[512];
    if (hs_raw(SYS_kill, pid, 0) == -ESRCH)
        return true;
    hs_format(path, sizeof(path), "/proc/%d/stat", (int64_t)pid);
    int fd = (int)hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd == -ENOENT;
    long size = hs_raw(SYS_read, fd, text, sizeof(text) - 1);
    hs_raw(SYS_close, fd);
    /* "PID (name) S …": the name may hold anything, so look from the end. */
    while (size > 0 && text[size - 1] != ')')
        size--;
    return size > 0 && (text[size + 1] == 'Z' || text[size + 1] == 'X');
}
