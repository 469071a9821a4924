// SPDX-License-Identifier: MIT

/*
 * Which frame of a stack names it. The frames are this program's own functions, some of
 * which are called like allocators.
 */

#include "heapsnap/symbols.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "tests/support/self_module.h"

static uint64_t here(void);

/* Each returns an address inside itself. */
#define FUNCTION(name)                            \
    uint64_t name(void);                          \
    __attribute__((noinline)) uint64_t name(void) \
    {                                             \
        uint64_t at = here();                     \
        __asm__ volatile("" ::: "memory");        \
        return at;                                \
    }
/* All on lines of their own: the site's text has the line. */
FUNCTION(zmalloc)
#line 100
FUNCTION(request_new)
FUNCTION(parse_request)
FUNCTION(on_read)
FUNCTION(event_loop)
FUNCTION(run_forever)

__attribute__((noinline)) static uint64_t here(void)
{
    return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

struct scene {
    struct hs_capture capture;
    struct hs_symbols *symbols;
};

/* A stack of the given return addresses, outermost first; returns the innermost node. */
static uint32_t add_stack(struct fake *fake, uint32_t module, const uint64_t *addresses,
                          size_t count)
{
    uint32_t stack = 0;
    for (size_t i = 0; i < count; i++)
        stack = fake_frame(fake, stack, addresses[i], module);
    return stack;
}

static void scene_begin(struct scene *scene, struct fake *fake)
{
    scene->capture = fake_open(fake);
    fake_destroy(fake);
    cr_assert(eq(int, hs_symbols_create(&scene->capture, &scene->symbols, NULL), 0));
}

static void scene_end(struct scene *scene)
{
    hs_symbols_destroy(scene->symbols);
    fake_close(&scene->capture);
}

Test(site, a_stack_is_named_after_who_called_the_wrapper)
{
    struct fake *fake = fake_create();
    uint32_t self = self_module(fake, NULL);
    uint64_t addresses[] = {on_read(), request_new(), zmalloc()};
    uint32_t stack = add_stack(fake, self, addresses, 3);
    struct scene scene;
    scene_begin(&scene, fake);

    cr_expect(eq(str, (char *)hs_symbols_site(scene.symbols, stack),
                 "request_new (test_site.c:100)"));
    scene_end(&scene);
}

Test(site, a_text_has_three_callers_at_most)
{
    struct fake *fake = fake_create();
    uint32_t self = self_module(fake, NULL);
    uint64_t addresses[] = {run_forever(),   event_loop(),  on_read(),
                            parse_request(), request_new(), zmalloc()};
    uint32_t stack = add_stack(fake, self, addresses, 6);
    struct scene scene;
    scene_begin(&scene, fake);

    cr_expect(eq(str, (char *)hs_symbols_stack_text(scene.symbols, stack),
                 "request_new (test_site.c:100) ← parse_request ← on_read ← event_loop"));
    scene_end(&scene);
}

Test(site, a_stack_of_nothing_but_wrappers_is_named_after_the_innermost)
{
    struct fake *fake = fake_create();
    uint32_t self = self_module(fake, NULL);
    uint64_t addresses[] = {zmalloc()};
    uint32_t stack = add_stack(fake, self, addresses, 1);
    struct scene scene;
    scene_begin(&scene, fake);

    const char *site = hs_symbols_site(scene.symbols, stack);

    cr_expect(eq(int, strncmp(site, "zmalloc (test_site.c:", 21), 0));
    scene_end(&scene);
}

Test(site, an_unknown_stack_was_there_before_tracking)
{
    struct scene scene;
    scene_begin(&scene, fake_create());

    cr_expect(eq(str, (char *)hs_symbols_site(scene.symbols, HS_STACK_UNKNOWN),
                 "(before tracking)"));
    cr_expect(eq(str, (char *)hs_symbols_stack_text(scene.symbols, HS_STACK_NONE),
                 "(before tracking)"));
    scene_end(&scene);
}

Test(site, an_unknown_stack_stays_unknown_where_nobody_tracked)
{
    struct fake *fake = fake_create();
    fake_header(fake)->source = HS_SOURCE_CORE;
    struct scene scene;
    scene_begin(&scene, fake);

    cr_expect(eq(str, (char *)hs_symbols_site(scene.symbols, HS_STACK_UNKNOWN),
                 "(unknown site)"));
    scene_end(&scene);
}

Test(site, a_frame_without_lines_is_placed_in_its_module)
{
    static const struct hs_symbol_frame named = {.function = "node_main",
                                                 .module = "node"};
    static const struct hs_symbol_frame nameless = {.function = "node+0x12",
                                                    .module = "node"};
    char text[64];

    hs_symbols_frame_text(&named, text, sizeof(text));
    cr_expect(eq(str, text, "node_main (node)"));
    hs_symbols_frame_text(&nameless, text, sizeof(text));
    cr_expect(eq(str, text, "node+0x12"));
}
