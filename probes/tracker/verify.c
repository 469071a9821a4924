// SPDX-License-Identifier: MIT

/*
 * The oracle is libunwind without any of its caches: unw_step alone. Its quick way,
 * unw_backtrace, remembers frames of libraries that were unloaded.
 *
 * libunwind may stop early, where code has no unwind information; that is counted apart
 * from a difference. What it knows and we do not is always a difference. Where our own walk
 * declines there is nothing to compare, but a reason to look for: on libunwind's stack, the
 * innermost frame whose rule is complex.
 */

#include "probes/tracker/verify.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "probes/tracker/cfi.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"
#include "probes/tracker/unwind.h"

#if defined(__x86_64__)
#define GLOBAL_NAME(name) "_Ux86_64_" name
#define LOCAL_NAME(name) "_ULx86_64_" name
#define REGISTER_IP 16
#else
#define GLOBAL_NAME(name) "_Uaarch64_" name
#define LOCAL_NAME(name) "_ULaarch64_" name
#define REGISTER_IP 30
#endif

#define OTHER_MAX (HS_STACK_DEPTH_MAX + 1)

/* The first two are larger than unw_context_t and unw_cursor_t of any machine we know. */
struct oracle {
    _Alignas(16) uint64_t context[1024];
    _Alignas(16) uint64_t cursor[1024];
    uint64_t addresses[OTHER_MAX];
};

static int (*get_context)(void *context);
static int (*init_local)(void *cursor, void *context);
static int (*step)(void *cursor);
static int (*get_register)(void *cursor, int number, uint64_t *ret);
/* Why our own walk declined: a complex rule, or one of these. */
enum {
    DECLINED_ELSEWHERE = HS_REASONS, /* not on the thread's own stack */
    DECLINED_NO_RULE,                /* rules that we keep out of */
    DECLINED_NONE,                   /* the frames do not fit, or a library was going */
    N_DECLINED,
};
static struct {
    uint64_t seen, equal, early, different, alone;
    uint64_t declined[N_DECLINED];
} counts;

void hs_verify_init(void *library)
{
    if (!hs_options.verify_every)
        return;
    void **space = dlsym(library, LOCAL_NAME("local_addr_space"));
    int (*set_caching_policy)(void *, int) =
        dlsym(library, LOCAL_NAME("set_caching_policy"));
    if (space && *space && set_caching_policy)
        set_caching_policy(*space, 0);
    get_context = dlsym(library, GLOBAL_NAME("getcontext"));
    init_local = dlsym(library, LOCAL_NAME("init_local"));
    step = dlsym(library, LOCAL_NAME("step"));
    get_register = dlsym(library, LOCAL_NAME("get_reg"));
    if (!get_context || !init_local || !step || !get_register)
        get_context = NULL;
}

/* From the hook's caller outwards, innermost first, into oracle->addresses. */
static uint32_t ask_library(struct oracle *oracle, uint64_t first)
{
    if (!get_context || get_context(oracle->context) != 0
        || init_local(oracle->cursor, oracle->context) < 0)
        return 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < OTHER_MAX + HS_STACK_OWN_FRAMES && n < OTHER_MAX; i++) {
        uint64_t address;
        if (get_register(oracle->cursor, REGISTER_IP, &address) < 0 || address == 0)
            break;
        if (n > 0 || address == first)
            oracle->addresses[n++] = address;
        if (step(oracle->cursor) <= 0)
            break;
    }
    return n;
}

static uint64_t own_address(const struct hs_thread *thread, const struct hs_walk *walk,
                            uint32_t i)
{
    return i < walk->n_fresh ? thread->fresh[i].ip
                             : thread->memo[walk->n_kept - 1 - (i - walk->n_fresh)].ip;
}

static void show(const struct hs_thread *thread, const struct hs_walk *walk,
                 const uint64_t *other, uint32_t n_other)
{
    uint32_t n = walk->n_fresh + walk->n_kept;
    hs_report("a stack differs: own %u frames, of which %u taken over; libunwind %u",
              (uint64_t)n, (uint64_t)walk->n_kept, (uint64_t)n_other);
    for (uint32_t i = 0; i < n || i < n_other; i++)
        hs_report("  own %x libunwind %x", i < n ? own_address(thread, walk, i) : 0,
                  i < n_other ? other[i] : 0);
}

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void compare(const struct hs_thread *thread, const struct hs_walk *walk,
                    const uint64_t *other, uint32_t n_other)
{
    uint32_t n = walk->n_fresh + walk->n_kept;
    if (n > HS_STACK_DEPTH_MAX)
        n = HS_STACK_DEPTH_MAX;
    if (n_other > HS_STACK_DEPTH_MAX)
        n_other = HS_STACK_DEPTH_MAX;
    uint32_t same = 0;
    while (same < n && same < n_other && own_address(thread, walk, same) == other[same])
        same++;
    if (same == n && same == n_other) {
        count(&counts.equal);
    } else if (same == n_other && n_other > 0) {
        count(&counts.early);
    } else {
        count(&counts.different);
        if (counts.different <= 3)
            show(thread, walk, other, n_other);
    }
}

/* The rule as the walk would compile it; cursors look at each page before they read. */
static unsigned reason_of(uint64_t address)
{
    static const struct hs_cfi_span everything = {4096, (uint64_t)1 << 47};
    struct hs_module_unwind module;
    if (!hs_module_find_unwind(address - 1, &module))
        return hs_module_can_find() ? HS_REASON_NONE : DECLINED_NO_RULE;
    if (module.table == 0)
        return DECLINED_NO_RULE;
    return hs_cfi_rule(&everything, module.table, address - 1).reason;
}

static unsigned decline_reason(const struct hs_thread *thread, void *hook_frame,
                               const uint64_t *other, uint32_t n_other)
{
    if ((uint64_t)hook_frame - thread->stack_low
        >= thread->stack_high - thread->stack_low)
        return DECLINED_ELSEWHERE;
    for (uint32_t i = 0; i < n_other; i++) {
        unsigned reason = reason_of(other[i]);
        if (reason != HS_REASON_NONE)
            return reason;
    }
    return DECLINED_NONE;
}

void hs_verify_walk(struct hs_thread *thread, void *hook_frame,
                    const struct hs_walk *walk)
{
    if (__atomic_fetch_add(&counts.seen, 1, __ATOMIC_RELAXED) % hs_options.verify_every)
        return;
    if (!hs_unwind_has_library()) {
        count(&counts.alone);
        return;
    }
    if (!thread->verify)
        thread->verify = hs_raw_map(sizeof(struct oracle));
    struct oracle *oracle = thread->verify;
    if (!oracle)
        return;
    int saved = errno;
    uint32_t n = ask_library(oracle, ((uint64_t *)hook_frame)[1]);
    if (walk)
        compare(thread, walk, oracle->addresses, n);
    else
        count(&counts.declined[decline_reason(thread, hook_frame, oracle->addresses, n)]);
    errno = saved;
}

void hs_verify_report(void)
{
    static const char *const reasons[N_DECLINED] = {
        [HS_REASON_SIGNAL] = "through signal frames",
        [HS_REASON_EXPRESSION] = "through computed frames",
        [HS_REASON_REGISTER] = "through frames in other registers",
        [HS_REASON_PLACE] = "through odd places of registers",
        [HS_REASON_TABLE] = "through odd unwind tables",
        [DECLINED_ELSEWHERE] = "on other stacks",
        [DECLINED_NO_RULE] = "through modules without a table",
        [DECLINED_NONE] = "for no lasting reason",
    };
    if (!hs_options.verify_every)
        return;
    uint64_t declined = 0;
    for (unsigned i = 0; i < N_DECLINED; i++)
        declined += counts.declined[i];
    hs_report("stacks: %u equal, %u longer than libunwind's, %u different, "
              "%u left to libunwind, %u without libunwind",
              counts.equal, counts.early, counts.different, declined, counts.alone);
    for (unsigned i = 0; i < N_DECLINED; i++)
        if (counts.declined[i])
            hs_report("left to libunwind: %u %s", counts.declined[i], reasons[i]);
}
