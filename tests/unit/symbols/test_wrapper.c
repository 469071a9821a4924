// SPDX-License-Identifier: MIT

/*
 * Who is an allocator, who is library, and who is the program.
 */

#include "libheapsnap/symbols/wrapper.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stddef.h>

static void expect_kind(const char *function, const char *path, enum hs_wrapper expected)
{
    cr_expect(eq(int, hs_wrapper_kind(function, path), expected), "%s", function);
}

Test(wrapper, allocators_are_known_by_name)
{
    static const char *const names[] = {
        "BUF_MEM_grow",
        "calloc",
        "malloc",
        "operator new",
        "operator new[]",
        "strdup",
        "xmalloc",
        "zmalloc",
        "g_strdup",
        "uv__malloc",
        "ztryrealloc_usable",
        "std::allocator<int>::allocate",
        "sqlite3MemMalloc",
        "PyMem_RawMalloc",
        "node::Malloc<char>",
        "__rust_alloc",
        "app::Pooled::operator new",
        "app::Pooled::operator new[]",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_kind(names[i], NULL, HS_WRAPPER_ALLOCATOR);
}

Test(wrapper, containers_are_library)
{
    expect_kind("std::vector<int>::push_back", NULL, HS_WRAPPER_LIBRARY);
    expect_kind("hashbrown::raw::RawTable<…>::reserve", NULL, HS_WRAPPER_LIBRARY);
}

Test(wrapper, a_librarys_own_sources_tell_what_a_name_does_not)
{
    expect_kind("thread<main()::<lambda()> >", "/usr/include/c++/12/bits/std_thread.h",
                HS_WRAPPER_LIBRARY);
    expect_kind("<usize>::from_str_radix", "/rustc/59807616e/library/core/src/num/mod.rs",
                HS_WRAPPER_LIBRARY);
}

Test(wrapper, everybody_else_is_the_program)
{
    expect_kind("session_new", "/src/session.c", HS_WRAPPER_NONE);
    expect_kind("malloc_stats_report", NULL, HS_WRAPPER_NONE);
    expect_kind("operator new_thing", NULL, HS_WRAPPER_NONE);
    expect_kind("stdlib_init", NULL, HS_WRAPPER_NONE);
}
