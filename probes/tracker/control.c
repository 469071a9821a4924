// SPDX-License-Identifier: MIT

/*
 * The control page and the memfds behind it.
 *
 * Until they exist, and when the kernel refuses them, everything works on a private page:
 * no tool can ask then, but counters and triggers from inside go on. Owned descriptors
 * are a small array of numbers because the fd kind asks at every close of the program.
 */

#include "probes/tracker/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"

/* Ours lie beyond the program's limit, by less than this. Where that is not allowed, or the
 * limit is so high that the kernel's table would grow big, they are inside, from here on. */
#define BEYOND 64
#define BEYOND_MAX 4096
#define HIGH_FD_MIN 1000
#define OWNED_MAX 32

_Static_assert(sizeof(struct hs_control) <= HS_CONTROL_SIZE,
               "the control page is one page");

static struct hs_control private_page;
struct hs_control *hs_control = &private_page;

static int control_fd = -1;
static int identity_fds[2] = {-1, -1};
static int owned[OWNED_MAX]; /* descriptor + 1; 0 = free */
static int owned_min = INT32_MAX;

int hs_control_fd(void)
{
    return control_fd;
}

int hs_control_identity_fd(int index)
{
    return index == 0 || index == 1 ? identity_fds[index] : -1;
}

bool hs_control_owns_fd(int fd)
{
    if (fd < __atomic_load_n(&owned_min, __ATOMIC_RELAXED))
        return false;
    for (int i = 0; i < OWNED_MAX; i++)
        if (__atomic_load_n(&owned[i], __ATOMIC_RELAXED) == fd + 1)
            return true;
    return false;
}

int hs_control_next_fd(unsigned first)
{
    int lowest = -1;
    for (int i = 0; i < OWNED_MAX; i++) {
        int fd = __atomic_load_n(&owned[i], __ATOMIC_RELAXED) - 1;
        if (fd >= 0 && (unsigned)fd >= first && (lowest < 0 || fd < lowest))
            lowest = fd;
    }
    return lowest;
}

void hs_control_own_fd(int fd)
{
    if (fd < 0)
        return;
    for (int i = 0; i < OWNED_MAX; i++) {
        int empty = 0;
        if (__atomic_compare_exchange_n(&owned[i], &empty, fd + 1, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
    }
    int lowest = __atomic_load_n(&owned_min, __ATOMIC_RELAXED);
    while (fd < lowest
           && !__atomic_compare_exchange_n(&owned_min, &lowest, fd, true,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void hs_control_disown_fd(int fd)
{
    for (int i = 0; i < OWNED_MAX; i++) {
        int held = fd + 1;
        if (__atomic_compare_exchange_n(&owned[i], &held, 0, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return;
    }
}

/* The soft limit bounds new numbers, not those that are open: with it lifted for a moment
 * we get one that is no loss to the program. */
static long dup_beyond(int fd, struct rlimit *limit)
{
    struct rlimit lifted = {limit->rlim_cur + BEYOND, limit->rlim_max};
    if (limit->rlim_cur >= BEYOND_MAX)
        return -EMFILE;
    if (lifted.rlim_max < lifted.rlim_cur)
        lifted.rlim_max = lifted.rlim_cur; /* allowed to some */
    if (hs_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, &lifted, NULL) < 0)
        return -EMFILE;
    long high = hs_raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, limit->rlim_cur);
    hs_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
    return high;
}

/* Near the end of the table, so that low numbers remain the program's; a very small one
 * is all the program's. */
static long dup_high(int fd, long end)
{
    long low = end > HIGH_FD_MIN + 100 ? HIGH_FD_MIN : end - 24;
    long high = -EMFILE;
    if (end < 64)
        low = end < 16 ? -1 : end / 2;
    for (; low > 2 && high < 0; low -= 64)
        high = hs_raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, low);
    return high;
}

int hs_control_raise_fd(int fd)
{
    struct rlimit limit = {1024, 1024}; /* where asking is forbidden */
    hs_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    long high = dup_beyond(fd, &limit);
    if (high < 0)
        high = dup_high(fd, (long)limit.rlim_cur);
    if (high < 0)
        return (int)high;
    hs_raw(SYS_close, fd);
    return (int)high;
}

/* A new memfd of ours, high and owned; -1 when there is none. */
static int memfd_create_owned(const char *name)
{
    long fd = hs_raw(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    int high = hs_control_raise_fd((int)fd);
    if (high < 0) {
        hs_raw(SYS_close, fd);
        return -1;
    }
    hs_control_own_fd(high);
    return high;
}

static void close_owned(int *fd)
{
    if (*fd < 0)
        return;
    hs_control_disown_fd(*fd);
    hs_raw(SYS_close, *fd);
    *fd = -1;
}

/* To go beyond the limit on files is a signal that ends the program. */
static bool may_have_size(uint64_t size)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    hs_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    return limit.rlim_cur >= size;
}

static void *map_control_page(int fd)
{
    if (fd < 0 || !may_have_size(HS_CONTROL_SIZE)
        || hs_raw(SYS_ftruncate, fd, HS_CONTROL_SIZE) != 0)
        return NULL;
    hs_raw(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    long page =
        hs_raw(SYS_mmap, 0, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page < 0 && page > -4096 ? NULL : (void *)page;
}

static void fill_page(struct hs_control *page)
{
    struct timespec now = {0, 0};
    hs_raw(SYS_clock_gettime, CLOCK_REALTIME, &now);
    page->version = HS_ABI_VERSION;
    page->size = sizeof(*page);
    page->pid = (int32_t)hs_raw(SYS_getpid);
    page->start_time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    page->next_serial = HS_FIRST_SERIAL;
    page->children_follow = hs_options.follow;
    if (page->epoch == 0)
        page->epoch = 1;
    /* Last: who sees the magic sees the rest. */
    __atomic_store_n(&page->magic, HS_CONTROL_MAGIC, __ATOMIC_RELEASE);
}

bool hs_control_create(void)
{
    fill_page(&private_page);
    int fd = memfd_create_owned(HS_CONTROL_NAME);
    struct hs_control *page = map_control_page(fd);
    if (!page) {
        close_owned(&fd);
        return false;
    }
    for (int i = 0; i < 2; i++)
        identity_fds[i] = memfd_create_owned(HS_IDENTITY_NAME);

    struct hs_control copy = private_page;
    copy.magic = 0;
    copy.tracker_bytes += HS_CONTROL_SIZE;
    *page = copy;
    fill_page(page);
    control_fd = fd;
    hs_control = page;
    return true;
}

/* The parent's numbers that still hold here go to the private page, the rest is new. */
static void leave_page(void)
{
    struct hs_control *old = hs_control;
    if (old != &private_page) {
        struct hs_control kept = {0};
        kept.live_blocks = old->live_blocks;
        kept.live_bytes = old->live_bytes;
        kept.open_handles = old->open_handles;
        kept.tracker_bytes = old->tracker_bytes - HS_CONTROL_SIZE;
        kept.epoch = old->epoch;
        kept.signal = old->signal;
        memcpy(kept.shim_path, old->shim_path, sizeof(kept.shim_path));
        private_page = kept;
        hs_control = &private_page;
        hs_raw(SYS_munmap, old, HS_CONTROL_SIZE);
    }
    close_owned(&control_fd);
    for (int i = 0; i < 2; i++)
        close_owned(&identity_fds[i]);
}

bool hs_control_recreate(void)
{
    leave_page();
    private_page.phase = 0;
    private_page.snapshots = 0;
    private_page.identity_epoch = 0;
    return hs_control_create();
}

void hs_control_abandon(void)
{
    leave_page();
}
