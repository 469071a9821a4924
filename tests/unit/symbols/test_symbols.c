// SPDX-License-Identifier: MIT

/*
 * Names of this very program's functions and variables, found again in its file.
 */

#include "heapsnap/symbols.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/self_module.h"

struct session {
    long id;
    long values[4];
};
struct session default_session;
static long quiet_counter = 3;
__thread struct session thread_session;

/* The address that a call from `caller` returns to. */
__attribute__((noinline)) static uint64_t return_address(void)
{
    return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

enum { CALL_LINE = __LINE__ + 3 };
__attribute__((noinline)) static uint64_t plain_function(void)
{
    uint64_t a = return_address();
    __asm__ volatile("");
    return a;
}

enum { INLINED_LINE = __LINE__ + 3 };
static inline __attribute__((always_inline)) uint64_t inlined_function(void)
{
    uint64_t a = return_address();
    __asm__ volatile("");
    return a;
}

enum { OUTER_LINE = __LINE__ + 3 };
__attribute__((noinline)) static uint64_t outer_function(void)
{
    uint64_t a = inlined_function();
    __asm__ volatile("");
    return a;
}

struct scene {
    struct fake *fake;
    struct hs_capture capture;
    struct hs_symbols *symbols;
};

static struct scene scene_of(struct fake *fake)
{
    struct scene scene = {.fake = fake, .capture = fake_open(fake)};
    return scene;
}

static void scene_begin(struct scene *scene)
{
    cr_assert(eq(int, hs_symbols_create(&scene->capture, &scene->symbols, NULL), 0));
}

static void scene_end(struct scene *scene)
{
    hs_symbols_destroy(scene->symbols);
    fake_close(&scene->capture);
    fake_destroy(scene->fake);
}

Test(symbols, a_return_address_gives_function_file_and_line_of_the_call)
{
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    size_t count = hs_symbols_frames(scene.symbols, plain_function(), &frames);

    cr_expect(eq(sz, count, 1));
    cr_expect(eq(str, (char *)frames[0].function, "plain_function"));
    cr_expect(eq(str, (char *)frames[0].file, "test_symbols.c"));
    cr_expect(eq(u32, frames[0].line, CALL_LINE));
    cr_expect(eq(str, (char *)frames[0].module, "test_symbols"));
    scene_end(&scene);
}

Test(symbols, an_inlined_function_comes_before_the_one_it_is_in)
{
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    size_t count = hs_symbols_frames(scene.symbols, outer_function(), &frames);

    cr_assert(eq(sz, count, 2));
    cr_expect(eq(str, (char *)frames[0].function, "inlined_function"));
    cr_expect(eq(u32, frames[0].line, INLINED_LINE));
    cr_expect(frames[0].is_inlined);
    cr_expect(eq(str, (char *)frames[1].function, "outer_function"));
    cr_expect(eq(u32, frames[1].line, OUTER_LINE));
    cr_expect(not(frames[1].is_inlined));
    scene_end(&scene);
}

Test(symbols, asking_twice_gives_the_same_answer)
{
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);
    const struct hs_symbol_frame *first, *second;
    uint64_t address = plain_function();

    hs_symbols_frames(scene.symbols, address, &first);
    hs_symbols_frames(scene.symbols, address, &second);

    cr_expect(eq(ptr, (void *)first, (void *)second));
    scene_end(&scene);
}

Test(symbols, variables_are_found_by_any_of_their_bytes)
{
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);
    static long local_static;
    local_static++;
    quiet_counter++;

    const char *start =
        hs_symbols_variable(scene.symbols, (uint64_t)(uintptr_t)&default_session);
    const char *inside = hs_symbols_variable(
        scene.symbols, (uint64_t)(uintptr_t)&default_session.values[2]);
    const char *quiet =
        hs_symbols_variable(scene.symbols, (uint64_t)(uintptr_t)&quiet_counter);
    const char *local =
        hs_symbols_variable(scene.symbols, (uint64_t)(uintptr_t)&local_static);

    cr_expect(eq(str, (char *)start, "default_session"));
    cr_expect(eq(str, (char *)inside, "default_session+0x18"));
    cr_expect(eq(str, (char *)quiet, "quiet_counter"));
    cr_expect(eq(str, (char *)local, "local_static"));
    scene_end(&scene);
}

#if defined(__x86_64__)
Test(symbols, a_thread_local_variable_is_found_below_the_thread_pointer)
{
    struct fake *fake = fake_create();
    uint32_t self = self_module(fake, NULL);
    fake_header(fake)->strings_executable = fake_module_at(fake, self)->path;
    struct scene scene = scene_of(fake);
    scene_begin(&scene);
    uint64_t thread_pointer = (uint64_t)(uintptr_t)__builtin_thread_pointer();
    uint64_t address = (uint64_t)(uintptr_t)&thread_session.values[1];

    const char *name = hs_symbols_thread_variable(scene.symbols, thread_pointer, address);
    const char *above =
        hs_symbols_thread_variable(scene.symbols, thread_pointer, thread_pointer + 8);

    cr_expect(eq(str, (char *)(name ? name : "(none)"), "thread_session+0x10"));
    cr_expect(eq(ptr, (void *)above, NULL));
    scene_end(&scene);
}
#endif

Test(symbols, what_no_module_covers_is_code_made_at_run_time)
{
    struct scene scene = scene_of(fake_create());
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    size_t count = hs_symbols_frames(scene.symbols, 0x7f1234567890, &frames);

    cr_expect(eq(sz, count, 1));
    cr_expect(eq(str, (char *)frames[0].function, "JIT 0x7f1234567890"));
    cr_expect(eq(ptr, (void *)hs_symbols_variable(scene.symbols, 0x7f1234567890), NULL));
    scene_end(&scene);
}

Test(symbols, a_file_that_is_gone_gives_offsets_and_one_note)
{
    struct fake *fake = fake_create();
    uint32_t gone = fake_module(fake, "/nowhere/libgone.so.1", 0x700000, 0x710000, 64);
    uint32_t a = fake_frame(fake, 0, 0x701234, gone);
    uint32_t b = fake_frame(fake, a, 0x705678, gone);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    const char *const *notes;
    hs_symbols_stack_frames(scene.symbols, b, &frames);
    cr_expect(eq(str, (char *)frames[0].function, "libgone.so.1+0x5678"));
    hs_symbols_stack_frames(scene.symbols, a, &frames);
    cr_expect(eq(str, (char *)frames[0].function, "libgone.so.1+0x1234"));

    cr_assert(eq(sz, hs_symbols_notes(scene.symbols, &notes), 1));
    cr_expect(strstr(notes[0], "/nowhere/libgone.so.1") != NULL);
    scene_end(&scene);
}

Test(symbols, a_path_that_leads_to_a_device_is_left_alone)
{
    struct fake *fake = fake_create();
    uint32_t device = fake_module(fake, "/dev/zero", 0x700000, 0x710000, 64);
    uint32_t stack = fake_frame(fake, 0, 0x701234, device);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    hs_symbols_stack_frames(scene.symbols, stack, &frames);

    cr_expect(eq(str, (char *)frames[0].function, "zero+0x1234"));
    scene_end(&scene);
}

Test(symbols, a_file_with_another_build_id_is_not_believed)
{
    struct fake *fake = fake_create();
    struct hs_capture_module *module = fake_module_at(fake, self_module(fake, NULL));
    module->build_id_size = 20;
    memset(module->build_id, 0x5a, 20);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    const char *const *notes;
    hs_symbols_frames(scene.symbols, plain_function(), &frames);

    cr_expect(eq(int, strncmp(frames[0].function, "test_symbols+0x", 15), 0));
    cr_expect(eq(sz, hs_symbols_notes(scene.symbols, &notes), 1));
    scene_end(&scene);
}

Test(symbols, an_unloaded_module_keeps_its_frames_beside_its_successor)
{
    struct fake *fake = fake_create();
    uint32_t old = fake_module(fake, "/nowhere/libold.so", 0x700000, 0x710000, 64);
    fake_module_at(fake, old)->flags = HS_MODULE_UNLOADED;
    uint32_t new = fake_module(fake, "/nowhere/libnew.so", 0x700000, 0x710000, 64);
    uint32_t a = fake_frame(fake, 0, 0x701234, old);
    uint32_t b = fake_frame(fake, 0, 0x701234, new);
    struct scene scene = scene_of(fake);
    scene_begin(&scene);

    const struct hs_symbol_frame *frames;
    hs_symbols_stack_frames(scene.symbols, a, &frames);
    cr_expect(eq(str, (char *)frames[0].function, "libold.so+0x1234"));
    hs_symbols_stack_frames(scene.symbols, b, &frames);
    cr_expect(eq(str, (char *)frames[0].function, "libnew.so+0x1234"));
    scene_end(&scene);
}

Test(symbols, nothing_is_ever_fetched)
{
    setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9/", 1);
    struct scene scene = scene_of(fake_create());

    scene_begin(&scene);

    cr_expect(eq(ptr, getenv("DEBUGINFOD_URLS"), NULL));
    scene_end(&scene);
}
