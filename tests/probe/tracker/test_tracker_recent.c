// SPDX-License-Identifier: MIT

/*
 * Stacks that come again. Each path is a number: its bits say which of two functions is
 * called next, one of them with a frame of varying size.
 */

#include <alloca.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/tracker/intern.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/recent.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/unwind.h"

#define DEPTH 13
#define PATHS (1u << DEPTH)

static void start(void)
{
    hs_modules_init();
    hs_intern_init();
    hs_unwind_init();
}

__attribute__((noinline)) static uint32_t hook(void)
{
    uint32_t stack = hs_stack_capture(__builtin_frame_address(0));
    __asm__ volatile("" ::: "memory");
    return stack;
}

static uint32_t go(uint32_t path, int left);

__attribute__((noinline)) static uint32_t even(uint32_t path, int left)
{
    uint32_t stack = go(path, left);
    __asm__ volatile("" ::: "memory");
    return stack;
}

__attribute__((noinline)) static uint32_t odd(uint32_t path, int left)
{
#if !defined(__SANITIZE_ADDRESS__) /* what lies around it must not be read then */
    volatile char *room = alloca(16 + path % 5 * 16);
    room[0] = 0;
#endif
    uint32_t stack = go(path, left);
    __asm__ volatile("" ::: "memory");
    return stack;
}

static inline __attribute__((always_inline)) uint32_t go(uint32_t path, int left)
{
    if (left == 0)
        return hook();
    return path & 1 ? odd(path >> 1, left - 1) : even(path >> 1, left - 1);
}

__attribute__((noinline)) static uint32_t follow(uint32_t path)
{
    uint32_t stack = go(path, DEPTH);
    __asm__ volatile("" ::: "memory");
    return stack;
}

/* Which of the two functions holds the address is told by the nearest beginning below. */
static bool is_in(uint64_t address, uint32_t (*function)(uint32_t, int))
{
    uint64_t other = (uint64_t)(function == odd ? even : odd);
    uint64_t distance = address - (uint64_t)function;
    return distance < 400 && (address < other || address - other > distance);
}

/* Do the innermost frames of `stack` say `path`? */
static bool says(uint32_t stack, uint32_t path)
{
    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    for (int bit = DEPTH - 1; bit >= 0; bit--) {
        if (stack >= count || !is_in(nodes[stack].address, path >> bit & 1 ? odd : even))
            return false;
        stack = nodes[stack].parent;
    }
    return true;
}

/* Follow path(0) to path(count - 1), all from one place. Returns how many captures gave
 * another stack than the path's, or another number than its first time. */
static uint32_t follow_all(uint32_t count, uint32_t (*path)(uint32_t))
{
    static uint32_t first[PATHS];
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = path(i);
        uint32_t stack = follow(at);
        if (first[at] == 0)
            first[at] = stack;
        wrong += stack != first[at] || !says(stack, at);
    }
    return wrong;
}

static uint32_t one_of_few(uint32_t i)
{
    return i % 64;
}

static uint32_t one_of_all(uint32_t i)
{
    return i * 2654435761u >> (32 - DEPTH);
}

static uint32_t one_of_both(uint32_t i)
{
    return i % 3 ? i / 7 % 300 : one_of_all(i);
}

Test(recent, a_stack_that_comes_again_is_found_without_a_walk)
{
    start();

    uint32_t wrong = follow_all(64 * 40, one_of_few);

    cr_expect(eq(u32, wrong, 0));
    cr_assert(ne(ptr, hs_thread_own->recents, NULL));
    cr_expect(gt(u32, hs_thread_own->recents->found, 300));
}

Test(recent, every_path_keeps_its_number_while_records_come_and_go)
{
    start();

    uint32_t wrong = follow_all(40 * PATHS, one_of_both);

    cr_expect(eq(u32, wrong, 0));
    cr_expect(gt(u32, hs_thread_own->recents->walks, 0));
}

Test(recent, nothing_holds_when_a_library_has_gone)
{
    start();
    uint32_t wrong = 0, missed[3], counts[] = {64 * 40, 64, 64};
    volatile int rounds = 3; /* not unrolled: all from one place */
    for (int i = 0; i < rounds; i++) {
        if (i == 2)
            hs_rules_renew();
        wrong += follow_all(counts[i], one_of_few);
        missed[i] = hs_thread_own->recents->missed;
    }

    cr_expect(eq(u32, wrong, 0));
    cr_expect(lt(u32, missed[1] - missed[0], 24));
    cr_expect(ge(u32, missed[2] - missed[1], 32));
}

Test(recent, where_stacks_come_but_once_no_time_is_lost_with_looking)
{
    start();

    follow_all(PATHS, one_of_all);

    cr_expect(gt(u32, hs_thread_own->recents->rest, 0));
    cr_expect(lt(u32, hs_thread_own->recents->missed, PATHS / 4));
}
