// SPDX-License-Identifier: MIT

/*
 * Classes told by tables of virtual functions, here of this program itself, and texts.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "picture.h"
#include "tests/support/self_module.h"

struct table {
    int64_t to_top;
    const void *type_info;
    void (*functions[2])(void);
};

static void function(void)
{
}

#define NAMED(name) __asm__(name)

extern const struct table session_table NAMED("_ZTVN3app7SessionE");
const struct table session_table = {0, NULL, {function, function}};

/* Of a second base, 16 bytes into the object. */
extern const struct table second_table NAMED("_ZTVN3app6SecondE");
const struct table second_table = {-16, NULL, {function, function}};

extern const struct table shared_table NAMED(
    "_ZTVSt23_Sp_counted_ptr_inplaceIN3app4ItemESaIvELN9__gnu_cxx12_Lock_policyE2EE");
const struct table shared_table = {0, NULL, {function, function}};

/* No symbol begins with _ZTV here: only the type_info has a name. */
static const struct {
    const void *table;
    const char *name;
} hidden_info = {NULL, "N3app6HiddenE"};
const struct table unnamed_table = {0, &hidden_info, {function, function}};

static struct fake *block_of(uint32_t word, const struct table *table)
{
    struct fake *fake = fake_create();
    uint32_t module = self_module(fake, NULL);
    uint32_t stack = fake_frame(fake, 0, 0x401234, UINT32_MAX);
    fake_block(fake, 0x1000, 64, stack);
    fake_word(fake, 0, word, (uint64_t)(uintptr_t)table->functions);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, root, 0x4f0000, 0, 0);
    return fake;
}

Test(classes, an_object_has_the_class_of_its_table)
{
    struct hs_snapshot *snapshot = picture_of(block_of(0, &session_table), 1);

    cr_expect(picture_has_node(snapshot, "<app::Session 0x1000>"));
    hs_snapshot_destroy(snapshot);
}

Test(classes, without_a_symbol_the_type_info_tells)
{
    struct hs_snapshot *snapshot = picture_of(block_of(0, &unnamed_table), 1);

    cr_expect(picture_has_node(snapshot, "<app::Hidden 0x1000>"));
    hs_snapshot_destroy(snapshot);
}

Test(classes, the_table_of_a_second_base_leads_back_to_the_start)
{
    struct hs_snapshot *snapshot = picture_of(block_of(2, &second_table), 0);

    cr_expect(picture_has_node(snapshot, "app::Second"));
    hs_snapshot_destroy(snapshot);
}

Test(classes, a_table_that_belongs_to_a_member_says_nothing_of_the_block)
{
    struct hs_snapshot *snapshot = picture_of(block_of(3, &session_table), 0);

    cr_expect(not(picture_has_node(snapshot, "app::Session")));
    hs_snapshot_destroy(snapshot);
}

Test(classes, behind_a_count_stands_an_array)
{
    struct hs_snapshot *snapshot = picture_of(block_of(1, &session_table), 0);

    cr_expect(picture_has_node(snapshot, "app::Session[]"));
    hs_snapshot_destroy(snapshot);
}

Test(classes, a_shared_pointers_block_is_named_after_the_object)
{
    struct hs_snapshot *snapshot = picture_of(block_of(0, &shared_table), 0);

    cr_expect(picture_has_node(snapshot, "app::Item (make_shared)"));
    hs_snapshot_destroy(snapshot);
}

Test(classes, a_pointer_to_anything_else_is_no_class)
{
    struct fake *fake = block_of(0, &session_table);
    fake_block(fake, 0x2000, 64, HS_STACK_UNKNOWN);
    fake_word(fake, 1, 0, (uint64_t)(uintptr_t)&hidden_info);
    fake_edge(fake, 0, 1, 1, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 0);

    cr_expect(picture_has_node(snapshot, "malloc ← (before tracking)"));
    hs_snapshot_destroy(snapshot);
}

/* ---- text ---- */

static struct fake *text_of(uint64_t size)
{
    struct fake *fake = block_of(0, &session_table);
    fake_block(fake, 0x2000, size, HS_STACK_UNKNOWN);
    fake_block_at(fake, 1)->flags = HS_BLOCK_TEXT;
    fake_edge(fake, 0, 1, 1, 0);
    return fake;
}

Test(classes, a_text_is_a_string_that_keeps_to_itself)
{
    struct hs_snapshot *snapshot = picture_of(text_of(20), 1);

    uint32_t node = picture_node(snapshot, "text 0x2000 ← (before tracking)");
    cr_expect(eq(int, snapshot->node_type[node], HS_NODE_STRING));
    cr_expect(eq(u32, snapshot->node_size[node], 20));
    hs_snapshot_destroy(snapshot);
}

Test(classes, a_text_is_shown_when_that_was_asked_for)
{
    struct fake *fake = text_of(6);
    fake_text(fake, 1, "carol");

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t node = picture_node(snapshot, "carol");
    cr_expect(eq(int, snapshot->node_type[node], HS_NODE_STRING));
    hs_snapshot_destroy(snapshot);
}

Test(classes, a_text_that_was_cut_says_so)
{
    struct fake *fake = text_of(60);
    fake_text(fake, 1, "123456789 123456789 1234567");

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(picture_has_node(snapshot, "123456789 123456789 1234567…"));
    hs_snapshot_destroy(snapshot);
}
