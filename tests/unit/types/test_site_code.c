// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "libheapsnap/types/site_code.h"

#if defined(__x86_64__)

#define BEHIND 0x1000 /* where the call returns to */

#define STORES(code) hs_site_stores(code, sizeof(code), BEHIND, stores, 4)

Test(site_code, a_store_to_the_frame_is_found_behind_a_test_for_null)
{
    /* test %rax,%rax; je +5; mov %rax,-0x18(%rbp) */
    static const uint8_t code[] = {0x48, 0x85, 0xc0, 0x74, 0x05, 0x48, 0x89, 0x45, 0xe8};
    struct hs_store stores[4];

    size_t count = STORES(code);

    cr_assert(eq(sz, count, 1));
    cr_expect(eq(int, (int)stores[0].kind, HS_STORE_MEMORY));
    cr_expect(eq(u32, stores[0].base, 6));
    cr_expect(eq(i64, stores[0].offset, -0x18));
    cr_expect(eq(u64, stores[0].address, BEHIND + sizeof(code)));
}

Test(site_code, a_store_to_a_member_knows_where_its_object_came_from)
{
    /* mov %rax,%rdx; mov -0x8(%rbp),%rax; mov %rdx,0x10(%rax) */
    static const uint8_t code[] = {0x48, 0x89, 0xc2, 0x48, 0x8b, 0x45,
                                   0xf8, 0x48, 0x89, 0x50, 0x10};
    struct hs_store stores[4];

    size_t count = STORES(code);

    cr_assert(eq(sz, count, 2));
    cr_expect(eq(int, (int)stores[0].kind, HS_STORE_REGISTER));
    cr_expect(eq(u32, stores[0].base, 1));
    cr_expect(eq(int, (int)stores[1].kind, HS_STORE_MEMORY));
    cr_expect(eq(i64, stores[1].offset, 0x10));
    cr_expect(stores[1].is_loaded);
    cr_expect(eq(u32, stores[1].loaded_base, 6));
    cr_expect(eq(i64, stores[1].loaded_offset, -8));
}

Test(site_code, a_store_to_a_variable_counts_from_the_next_instruction)
{
    static const uint8_t code[] = {0x48, 0x89, 0x05, 0x00, 0x01, 0x00, 0x00};
    struct hs_store stores[4];

    cr_assert(eq(sz, STORES(code), 1));
    cr_expect(eq(int, (int)stores[0].kind, HS_STORE_STATIC));
    cr_expect(eq(i64, stores[0].offset, BEHIND + 7 + 0x100));
}

Test(site_code, a_constructor_gets_the_result_first)
{
    /* mov $5,%esi; mov %rax,%rbx; mov %rax,%rdi; call +0x20 */
    static const uint8_t code[] = {0xbe, 0x05, 0x00, 0x00, 0x00, 0x48, 0x89, 0xc3,
                                   0x48, 0x89, 0xc7, 0xe8, 0x20, 0x00, 0x00, 0x00};
    struct hs_store stores[4];

    size_t count = STORES(code);

    cr_assert(eq(sz, count, 3));
    cr_expect(eq(int, (int)stores[2].kind, HS_STORE_CALL));
    cr_expect(eq(i64, stores[2].offset, BEHIND + (int64_t)sizeof(code) + 0x20));
}

Test(site_code, a_register_that_was_overwritten_holds_nothing)
{
    /* mov $1,%eax; mov %rax,-8(%rbp) */
    static const uint8_t code[] = {0xb8, 0x01, 0x00, 0x00, 0x00, 0x48, 0x89, 0x45, 0xf8};
    /* mov %eax,-4(%rbp): an int is kept, no pointer */
    static const uint8_t narrow[] = {0x89, 0x45, 0xfc};
    struct hs_store stores[4];

    cr_expect(eq(sz, STORES(code), 0));
    cr_expect(eq(sz, STORES(narrow), 0));
}

Test(site_code, code_that_ends_or_is_not_understood_ends_the_reading)
{
    static const uint8_t whole[] = {0x48, 0x89, 0x85, 0x00, 0xff, 0xff, 0xff};
    static const uint8_t unknown[] = {0x0f, 0x05, 0x48, 0x89, 0x45, 0xf8};
    struct hs_store stores[4];

    for (size_t size = 0; size < sizeof(whole); size++)
        cr_expect(eq(sz, hs_site_stores(whole, size, BEHIND, stores, 4), 0));
    cr_expect(eq(sz, STORES(whole), 1));
    cr_expect(eq(sz, STORES(unknown), 0));
}

#else

Test(site_code, other_machines_are_not_read)
{
    struct hs_store stores[1];

    cr_expect(eq(sz, hs_site_stores((const uint8_t *)"", 0, 0, stores, 1), 0));
}

#endif
