// SPDX-License-Identifier: MIT

/*
 * libunwind and what stands in for it.
 *
 * A thread marks itself while it is inside libunwind, with plain stores: only fork wants
 * to know, and it makes the stores visible by membarrier(2).
 */

#include "probes/tracker/unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <time.h>

#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/loads.h"
#include "probes/tracker/module_list.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/stack_end.h"
#include "probes/tracker/steps.h"
#include "probes/tracker/walk.h"

static int (*unw_backtrace_)(void **frames, int size);
static bool initialised; /* before, the caller alone must do */
static bool membarrier_works;
static uint32_t forks_waiting;
/* Written before fork, read in the child. */
static bool threads_left_inside, had_threads;
static bool walk_is_ready;

static struct hs_module library_range;
static const struct link_map *libraries[HS_UNWIND_LIBRARIES_MAX];
static uint32_t n_libraries;

const struct link_map *const *hs_unwind_libraries(uint32_t *ret_count)
{
    *ret_count = n_libraries;
    return libraries;
}

bool hs_unwind_owns(const void *return_address)
{
    return (uint64_t)return_address - library_range.start
           < library_range.end - library_range.start;
}

void hs_unwind_hide_pipe(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        int high = hs_control_raise_fd(fds[i]);
        if (high >= 0)
            fds[i] = high;
        hs_control_own_fd(fds[i]);
    }
}

#if defined(__x86_64__)
#define UNW_NAME(name) "_ULx86_64_" name
#elif defined(__aarch64__)
#define UNW_NAME(name) "_ULaarch64_" name
#endif

static const struct link_map *last_loaded(void)
{
    const struct link_map *map = hs_loader_modules();
    while (map && map->l_next)
        map = map->l_next;
    return map;
}

/* The loader appends. */
static void note_libraries(const struct link_map *last_before)
{
    const struct link_map *map = last_before ? last_before->l_next : NULL;
    for (; map && n_libraries < HS_UNWIND_LIBRARIES_MAX; map = map->l_next)
        libraries[n_libraries++] = map;
}

/* Before main() the allocator of an executable may not work yet (GNU Common Lisp makes its
 * heap there), and the loader allocates. */
static bool malloc_is_in_executable(void)
{
    struct hs_module module;
    uint64_t first = (uint64_t)hs_next_find_first("malloc");
    uint64_t headers = getauxval(AT_PHDR);
    return hs_module_read(first, &module)
           && headers - module.start < module.end - module.start;
}

void hs_unwind_init(void)
{
    initialised = true;
    membarrier_works =
        hs_raw(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;

    walk_is_ready = !hs_options.library_unwinds && hs_walk_init();

    if (malloc_is_in_executable())
        return;
    const struct link_map *last_before = last_loaded();
    hs_loads_look();
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        dlerror();
        return;
    }
    hs_loads_look_again();
    note_libraries(last_before);
    /* First: the next call may make the pipe. */
    void *function = dlsym(library, "unw_backtrace");
    if (function)
        hs_module_read((uint64_t)function, &library_range);
    void **space = dlsym(library, UNW_NAME("local_addr_space"));
    int (*set_caching_policy)(void *, int) =
        dlsym(library, UNW_NAME("set_caching_policy"));
    /* UNW_CACHE_PER_THREAD; global where it was built without */
    const int per_thread = 2, none = 0;
    if (space && *space && set_caching_policy)
        set_caching_policy(*space, hs_options.verify_every ? none : per_thread);
    unw_backtrace_ = function;
    hs_steps_init(library);

    void *frames[4];
    if (unw_backtrace_)
        unw_backtrace_(frames, 4);
}

/* Up to where this thread's stack may reach from `frame`: nobody has looked whether it is
 * this one, so one frame is all we dare when the end is far. */
static uintptr_t stack_limit(uintptr_t frame)
{
    uintptr_t end = hs_stack_end_above(frame);
    bool is_main = end == (uintptr_t)hs_stack_end_of_main();
    return end - frame < (uintptr_t)(is_main ? 8 : 1) << 20 ? end : 0;
}

/* Is the next frame's page there? Code without frame pointers leaves anything in the
 * register, and a stack of the program's own making may end before we think. */
static bool is_mapped(uintptr_t from, uintptr_t to)
{
    unsigned char resident;
    return from >> 12 == to >> 12
           || hs_raw(SYS_mincore, to & ~(uintptr_t)4095, 4096, &resident) == 0;
}

/* A frame is [saved frame pointer, return address] on both machines we know. */
static int walk_frame_pointers(struct hs_thread *thread, void *hook_frame)
{
    uintptr_t *frame = hook_frame;
    uintptr_t limit = stack_limit((uintptr_t)frame);
    int n = 0;
    thread->frames[n++] = (void *)frame[1];
    while (n < HS_STACK_DEPTH_MAX + 1) {
        uintptr_t next = frame[0];
        if (next <= (uintptr_t)frame || next % sizeof(void *) != 0 || limit < 16
            || next > limit - 16 || !is_mapped((uintptr_t)frame, next + 8))
            break;
        frame = (uintptr_t *)next;
        if (frame[1] < 4096)
            break;
        thread->frames[n++] = (void *)frame[1];
    }
    return n;
}

/*
 * Where our own walk declines, libunwind takes each step under our eyes. Not so on stacks
 * that are not the thread's own: whoever lives there captures every time, and cannot pay.
 */
static int take_steps(struct hs_thread *thread, void *hook_frame)
{
    uint64_t low = (uint64_t)hook_frame;
    if (!walk_is_ready || !hs_steps_can_be_taken()
        || low - thread->stack_low >= thread->stack_high - thread->stack_low)
        return 0;
    struct hs_steps *steps = hs_steps_of(thread);
    if (!steps)
        return 0;
    uint32_t n = hs_steps_take(steps, ((uint64_t *)hook_frame)[1], true);
    for (uint32_t i = 0; i < n; i++)
        thread->frames[i] = (void *)steps->addresses[i];
    return (int)n;
}

bool hs_unwind_has_library(void)
{
    return unw_backtrace_ && !__atomic_load_n(&forks_waiting, __ATOMIC_RELAXED);
}

int hs_unwind(struct hs_thread *thread, void *hook_frame, int *ret_skip)
{
    void *caller = ((void **)hook_frame)[1];
    *ret_skip = 0;
    int n = 0;
    thread->capturing = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (HS_LIKELY(hs_unwind_has_library()))
        n = take_steps(thread, hook_frame);
    if (n == 0 && HS_LIKELY(hs_unwind_has_library()))
        n = unw_backtrace_(thread->frames, HS_STACK_DEPTH_MAX + HS_STACK_OWN_FRAMES);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&thread->capturing, 0, __ATOMIC_RELEASE);

    for (int i = 0; i < n && i < HS_STACK_OWN_FRAMES; i++)
        if (thread->frames[i] == caller) {
            *ret_skip = i;
            return n;
        }
    if (HS_UNLIKELY(!initialised)) {
        thread->frames[0] = caller;
        return 1;
    }
    return walk_frame_pointers(thread, hook_frame);
}

static bool is_outside(struct hs_thread *thread, void *context)
{
    (void)context;
    return thread == hs_thread_own
           || !__atomic_load_n(&thread->capturing, __ATOMIC_ACQUIRE);
}

static bool is_own(struct hs_thread *thread, void *context)
{
    (void)context;
    return thread == hs_thread_own;
}

void hs_unwind_fork_before(void)
{
    threads_left_inside = had_threads = false;
    __atomic_fetch_add(&forks_waiting, 1, __ATOMIC_SEQ_CST);
    if (!unw_backtrace_ || hs_thread_each(is_own, NULL))
        return;
    had_threads = true;
    if (walk_is_ready)
        return;
    if (membarrier_works)
        hs_raw(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    /* At most 20 ms: a thread that was not scheduled meanwhile costs the child its
     * libunwind, not the program its fork. */
    for (int i = 0; i < 200; i++) {
        if (hs_thread_each(is_outside, NULL) && (membarrier_works || i > 0))
            return;
        struct timespec pause = {0, 100000};
        hs_raw(SYS_nanosleep, &pause, NULL);
    }
    threads_left_inside = true;
}

void hs_unwind_fork_after(bool in_child)
{
    if (in_child) {
        forks_waiting = 0;
        hs_rules_fork_child();
        hs_module_list_fork_child();
        if (threads_left_inside || (had_threads && walk_is_ready))
            unw_backtrace_ = NULL;
    } else {
        __atomic_fetch_sub(&forks_waiting, 1, __ATOMIC_RELAXED);
    }
}
