// SPDX-License-Identifier: MIT

/* The test program itself is what is asked about. */

#include "libheapsnap/types/layout.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/elf_module.h"
#include "tests/support/own_stack.h"
#include "tests/support/self_module.h"

struct test_link {
    struct test_link *next, *previous;
};

struct test_item {
    int number;
    struct {
        struct test_link all;
        struct test_link busy[3];
    } links;
    union {
        long count;
        struct test_item *child;
    } value;
};

struct test_items {
    struct test_item *first;
    struct test_item many[300];
};

struct test_items g_test_items;

#if defined(__x86_64__)
static struct own_stack own;
#endif

struct about_self {
    struct fake *fake;
    struct hs_capture capture;
    struct hs_symbols *symbols;
    struct hs_layouts *layouts;
};

/* The capture stays where it is: symbols point to it. */
static struct about_self *ask_with(struct hs_layouts_options options)
{
    struct about_self *self = calloc(1, sizeof(*self));
    cr_assert(ne(ptr, self, NULL));
    self->fake = fake_create();
    char path[4096] = "";
    cr_assert(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
    fake_header(self->fake)->strings_executable = fake_string(self->fake, path);
    elf_note_build_id(self->fake, self_module(self->fake, NULL), path);
#if defined(__x86_64__)
    own_stack_add(self->fake, &own); /* what the tests about stacks have taken */
#endif
    self->capture = fake_open(self->fake);
    cr_assert(eq(int, hs_symbols_create(&self->capture, &self->symbols, NULL), 0));
    cr_assert(
        eq(int, hs_layouts_create(self->symbols, &options, &self->layouts, NULL), 0));
    return self;
}

static struct about_self *ask(void)
{
    return ask_with((struct hs_layouts_options){.cache = ""});
}

static void forget(struct about_self *self)
{
    hs_layouts_destroy(self->layouts);
    hs_symbols_destroy(self->symbols);
    fake_close(&self->capture);
    fake_destroy(self->fake);
    free(self);
}

Test(layout, a_name_finds_its_type_with_or_without_struct)
{
    struct about_self *self = ask();

    uint32_t type = hs_layouts_find(self->layouts, "struct test_item");

    cr_assert(ne(u32, type, HS_TYPE_NONE));
    cr_expect(eq(u32, hs_layouts_find(self->layouts, "test_item"), type));
    cr_expect(eq(u32, hs_layouts_find(self->layouts, "no_such_item"), HS_TYPE_NONE));
    const struct hs_type *item = hs_layouts_type(self->layouts, type);
    cr_expect(eq(str, (char *)(uintptr_t)item->name, "struct test_item"));
    cr_expect(eq(u64, item->size, sizeof(struct test_item)));
    cr_expect(
        eq(ptr, (void *)(uintptr_t)hs_layouts_type(self->layouts, HS_TYPE_NONE), NULL));
    forget(self);
}

Test(layout, a_variable_covers_all_of_its_bytes_and_no_more)
{
    struct about_self *self = ask();
    uint64_t start = (uint64_t)(uintptr_t)&g_test_items;

    const struct hs_variable *variable = hs_layouts_variable(self->layouts, start);

    cr_assert(ne(ptr, (void *)(uintptr_t)variable, NULL));
    cr_expect(eq(str, (char *)(uintptr_t)variable->name, "g_test_items"));
    cr_expect(eq(ptr,
                 (void *)(uintptr_t)hs_layouts_variable(self->layouts,
                                                        start + sizeof(g_test_items) - 1),
                 (void *)(uintptr_t)variable));
    cr_expect(ne(ptr,
                 (void *)(uintptr_t)hs_layouts_variable(self->layouts,
                                                        start + sizeof(g_test_items)),
                 (void *)(uintptr_t)variable));
    forget(self);
}

Test(layout, a_long_array_is_a_row_for_each_of_its_pointers)
{
    struct about_self *self = ask();
    const struct hs_type *items =
        hs_layouts_type(self->layouts, hs_layouts_find(self->layouts, "test_items"));
    struct hs_type_hit hit;
    char path[64];

    size_t count = hs_type_slots_at(
        items, offsetof(struct test_items, many[123].links.busy[2].previous), &hit, 1);

    cr_assert(eq(sz, count, 1));
    cr_expect(eq(u64, hit.index, 123));
    hs_type_hit_path(&hit, path, sizeof(path));
    cr_expect(eq(str, path, ".many[123].links.busy[2].previous"));
    cr_expect(eq(u32, hit.slot->count, 300));
    cr_expect(eq(sz, hs_type_slots_at(items, sizeof(struct test_items), &hit, 1), 0));
    cr_expect(eq(sz, hs_type_slots_at(items, 4, &hit, 1), 0));
    forget(self);
}

Test(layout, members_are_told_by_offset_and_offsets_by_member)
{
    struct about_self *self = ask();
    uint32_t type = hs_layouts_find(self->layouts, "test_item");
    struct hs_type_field field = {0};
    char path[64], little[4];
    size_t offset = offsetof(struct test_item, links.busy[1]);

    hs_layouts_member(self->layouts, type, offset, path, sizeof(path));
    cr_expect(eq(str, path, ".links.busy[1].next"));
    cr_expect(eq(int, hs_layouts_member(self->layouts, type, 4, path, sizeof(path)), 0));
    cr_expect(eq(
        int, hs_layouts_member(self->layouts, type, offset, little, sizeof(little)), 19));
    cr_expect(eq(str, little, ".li"));
    cr_assert(hs_layouts_field(self->layouts, type, ".value.child", &field));
    cr_expect(eq(u64, field.offset, offsetof(struct test_item, value)));
    cr_expect(eq(u32, field.flags, HS_SLOT_UNION));
    cr_expect(not(hs_layouts_field(self->layouts, type, "value.nobody", &field)));
    forget(self);
}

Test(layout, an_embedded_link_is_told_from_what_holds_it)
{
    struct about_self *self = ask();
    uint32_t item = hs_layouts_find(self->layouts, "test_item");
    uint32_t link = hs_layouts_find(self->layouts, "test_link");

    cr_expect(hs_layouts_holds(self->layouts, item,
                               offsetof(struct test_item, links.busy[2]), link));
    cr_expect(not(hs_layouts_holds(self->layouts, item,
                                   offsetof(struct test_item, links.busy[2]) + 8, link)));
    cr_expect(not(hs_layouts_holds(self->layouts, item, 0, link)));
    forget(self);
}

Test(layout, pointers_to_one_type_are_one_type)
{
    struct about_self *self = ask();
    uint32_t item = hs_layouts_find(self->layouts, "test_item");
    const struct hs_type *items =
        hs_layouts_type(self->layouts, hs_layouts_find(self->layouts, "test_items"));

    uint32_t pointer = hs_layouts_pointer_to(self->layouts, item);

    cr_expect(eq(u32, items->slots[0].target, item));
    cr_expect(eq(u32, hs_layouts_pointer_to(self->layouts, item), pointer));
    const struct hs_type *type = hs_layouts_type(self->layouts, pointer);
    cr_expect(eq(str, (char *)(uintptr_t)type->name, "struct test_item *"));
    cr_expect(eq(u32, type->n_slots, 1));
    cr_expect(eq(u32, type->slots[0].target, item));
    forget(self);
}

Test(layout, a_limit_ends_the_reading_with_what_is_right_so_far)
{
    struct about_self *self =
        ask_with((struct hs_layouts_options){.cache = "", .memory_limit = 40000});

    uint32_t type = hs_layouts_find(self->layouts, "test_item");

    const struct hs_type *item = hs_layouts_type(self->layouts, type);
    cr_expect(item == NULL || item->size == sizeof(struct test_item));
    forget(self);
}

Test(layout, the_cache_gives_the_same_answers)
{
    char folder[] = "/tmp/heapsnap-layout-XXXXXX", path[128];
    cr_assert(ne(ptr, mkdtemp(folder), NULL));
    struct hs_layouts_options options = {.cache = folder};
    struct about_self *first = ask_with(options), *second = ask_with(options);

    for (int i = 0; i < 2; i++) {
        struct about_self *self = i ? second : first;
        const struct hs_variable *variable =
            hs_layouts_variable(self->layouts, (uint64_t)(uintptr_t)&g_test_items);
        cr_assert(ne(ptr, (void *)(uintptr_t)variable, NULL));
        const struct hs_type *type = hs_layouts_type(self->layouts, variable->type);
        cr_expect(eq(str, (char *)(uintptr_t)type->name, "struct test_items"));
    }

    forget(first);
    forget(second);
    snprintf(path, sizeof(path), "rm %s/*.types && rmdir %s", folder, folder);
    cr_expect(eq(int, system(path), 0));
}

#if defined(__x86_64__)

static __thread struct test_item *thread_items[3];

Test(layout, the_programs_thread_variables_are_counted_from_the_thread_pointer)
{
    struct about_self *self = ask();
    uint64_t pointer, offset = 0;
    __asm__("mov %%fs:0, %0" : "=r"(pointer));

    const struct hs_variable *variable = hs_layouts_thread_variable(
        self->layouts, pointer, (uint64_t)(uintptr_t)&thread_items[2], &offset);

    cr_assert(ne(ptr, (void *)(uintptr_t)variable, NULL));
    cr_expect(eq(str, (char *)(uintptr_t)variable->name, "thread_items"));
    cr_expect(eq(u64, offset, 16));
    cr_expect(eq(u64, variable->size, sizeof(thread_items)));
    forget(self);
}

/* AddressSanitizer moves variables to where DWARF needs an expression for. */
#if defined(__SANITIZE_ADDRESS__)
#define MOVES_VARIABLES 1
#elif defined(__has_feature)
#define MOVES_VARIABLES __has_feature(address_sanitizer)
#else
#define MOVES_VARIABLES 0
#endif

#if !MOVES_VARIABLES

static uint64_t inner_slot, outer_slot;

__attribute__((noinline)) static void inner_function(struct test_item *volatile given)
{
    struct test_item *volatile inner_item = given;
    inner_slot = (uint64_t)(uintptr_t)&inner_item;
    own_stack_take(&own);
    g_test_items.first = inner_item;
}

__attribute__((noinline)) static void outer_function(struct test_item *volatile given)
{
    struct test_item *volatile outer_items[4] = {given};
    outer_slot = (uint64_t)(uintptr_t)&outer_items[3];
    inner_function(given);
    g_test_items.first = outer_items[1];
}

Test(layout, a_slot_of_a_stack_is_a_variable_of_its_frame)
{
    own_stack_reserve();
    outer_function(NULL);
    struct about_self *self = ask();
    uint64_t offset = 1;

    const struct hs_variable *inner =
        hs_layouts_stack_variable(self->layouts, 0, inner_slot, &offset);
    cr_assert(ne(ptr, (void *)(uintptr_t)inner, NULL));
    cr_expect(eq(str, (char *)(uintptr_t)inner->name, "inner_item"));
    cr_expect(eq(str, (char *)(uintptr_t)inner->scope, "inner_function"));
    cr_expect(eq(u64, offset, 0));
    const struct hs_variable *outer =
        hs_layouts_stack_variable(self->layouts, 0, outer_slot, &offset);
    cr_assert(ne(ptr, (void *)(uintptr_t)outer, NULL));
    cr_expect(eq(str, (char *)(uintptr_t)outer->name, "outer_items"));
    cr_expect(eq(u64, offset, 24));
    const struct hs_type *type = hs_layouts_type(self->layouts, outer->type);
    cr_expect(eq(str, (char *)(uintptr_t)type->name, "struct test_item *[4]"));
    cr_expect(eq(ptr,
                 (void *)(uintptr_t)hs_layouts_stack_variable(
                     self->layouts, 0, own.start + OWN_STACK_BYTES + 800, &offset),
                 NULL));
    forget(self);
}

#endif

#endif
