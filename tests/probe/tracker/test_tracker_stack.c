// SPDX-License-Identifier: MIT

/*
 * Captures of this test's own stack, taken the way a hook takes them.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>

#include "probes/tracker/intern.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/unwind.h"

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

__attribute__((noinline)) static uint32_t caller(int depth)
{
    uint32_t stack = depth > 0 ? caller(depth - 1) : hook();
    __asm__ volatile("" ::: "memory");
    return stack;
}

static uint32_t stack_depth(uint32_t stack)
{
    uint32_t count, depth = 0;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    for (; stack != HS_STACK_NONE && stack < count; stack = nodes[stack].parent)
        depth++;
    return depth;
}

static bool is_in(uint64_t address, const void *function)
{
    return address - (uint64_t)function < 200;
}

Test(stack, begins_with_the_caller_of_the_hook)
{
    start();

    uint32_t stack = caller(1);

    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    cr_assert(lt(u32, stack, count));
    cr_expect(is_in(nodes[stack].address, (void *)caller));
    cr_expect(is_in(nodes[nodes[stack].parent].address, (void *)caller));
    cr_expect(
        not(is_in(nodes[nodes[nodes[stack].parent].parent].address, (void *)caller)));
}

Test(stack, is_one_number_for_one_call_path)
{
    start();
    uint32_t stacks[3], deeper = 0;

    for (int i = 0; i < 3; i++) {
        stacks[i] = caller(3);
        deeper = caller(20);
    }

    cr_expect(eq(u32, stacks[1], stacks[0]));
    cr_expect(eq(u32, stacks[2], stacks[0]));
    cr_expect(ne(u32, deeper, stacks[0]));
    cr_expect(eq(u32, stack_depth(deeper), stack_depth(stacks[0]) + 17));
}

Test(stack, is_cut_at_the_outer_end_when_too_deep)
{
    start();

    uint32_t stack = caller(HS_STACK_DEPTH_MAX + 50);

    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    cr_expect(eq(u32, stack_depth(stack), HS_STACK_DEPTH_MAX));
    cr_expect(eq(u64, hs_stack_truncated_count(), 1));
    cr_expect(is_in(nodes[stack].address, (void *)caller));
}

Test(stack, keeps_errno)
{
    start();
    errno = 77;

    caller(2);

    cr_expect(eq(int, errno, 77));
}

Test(stack, knows_the_module_of_a_frame)
{
    start();

    uint32_t stack = caller(1);

    uint32_t count, n_modules;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    const struct hs_module *modules = hs_module_table(&n_modules);
    cr_assert(lt(u32, nodes[stack].module, n_modules));
    const struct hs_module *module = &modules[nodes[stack].module];
    cr_expect(le(u64, module->start, (uint64_t)caller));
    cr_expect(gt(u64, module->end, (uint64_t)caller));
    cr_expect(eq(int, module->path[0], '/'));
    cr_expect(eq(u8, module->build_id_size, 20));
}

Test(stack, before_the_unwinder_is_ready_is_the_caller_alone)
{
    hs_modules_init();
    hs_intern_init();

    uint32_t stack = caller(5);

    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    cr_expect(eq(u32, stack_depth(stack), 1));
    cr_expect(is_in(nodes[stack].address, (void *)caller));
}

static void *capture_in_thread(void *context)
{
    *(uint32_t *)context = caller(4);
    return NULL;
}

Test(stack, of_another_thread_ends_in_that_thread)
{
    start();
    uint32_t stack = 0;
    pthread_t thread;

    pthread_create(&thread, NULL, capture_in_thread, &stack);
    pthread_join(thread, NULL);

    cr_expect(gt(u32, stack_depth(stack), 5));
    cr_expect(lt(u32, stack_depth(stack), 12));
}
