// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/layout_name.h"

static void expect_name(const char *spelling, const char *expected)
{
    char *name = hs_layout_name(spelling);
    cr_expect(eq(str, name, (char *)(uintptr_t)expected));
    free(name);
}

Test(layout_name, default_arguments_of_containers_are_left_out)
{
    expect_name("std::map<int, std::__cxx11::basic_string<char, std::char_traits<char>, "
                "std::allocator<char> >, std::less<int>, std::allocator<std::pair<int "
                "const, std::__cxx11::basic_string<char> > > >",
                "std::map<int, std::string>");
    expect_name(
        "std::unordered_map<long unsigned int, app::Row, std::hash<unsigned long>, "
        "std::equal_to<unsigned long>, std::allocator<std::pair<const unsigned "
        "long, app::Row>>>",
        "std::unordered_map<unsigned long, app::Row>");
    expect_name("std::unique_ptr<Foo, std::default_delete<Foo> >",
                "std::unique_ptr<Foo>");
    expect_name("std::__1::vector<int, std::__1::allocator<int>>", "std::vector<int>");
}

Test(layout_name, arguments_that_are_no_defaults_stay)
{
    expect_name("std::set<int, std::greater<int>, std::allocator<int> >",
                "std::set<int, std::greater<int>>");
    expect_name("std::vector<int, Pool<int> >", "std::vector<int, Pool<int>>");
    expect_name("holder<int, std::allocator<int> >", "holder<int, std::allocator<int>>");
    expect_name("std::map<int, int, std::less<long> >",
                "std::map<int, int, std::less<long>>");
}

Test(layout_name, the_demangler_and_dwarf_write_one_name)
{
    expect_name("std::_Rb_tree_node<std::pair<int const, char const*> >",
                "std::_Rb_tree_node<std::pair<const int, const char*>>");
    expect_name("std::_Rb_tree_node<std::pair<const int, const char *>>",
                "std::_Rb_tree_node<std::pair<const int, const char*>>");
    expect_name("std::array<short unsigned int, 3ul>", "std::array<unsigned short, 3>");
    expect_name("std::array<unsigned short, 3>", "std::array<unsigned short, 3>");
}

Test(layout_name, rust_loses_its_global_allocator_only)
{
    expect_name("alloc::vec::Vec<alloc::string::String, alloc::alloc::Global>",
                "alloc::vec::Vec<alloc::string::String>");
    expect_name("alloc::boxed::Box<dyn core::ops::Fn(i32) -> i32, alloc::alloc::Global>",
                "alloc::boxed::Box<dyn core::ops::Fn(i32) -> i32>");
}

Test(layout_name, c_keeps_its_words_but_for_the_tag)
{
    expect_name("struct entry", "entry");
    expect_name("long unsigned int", "unsigned long");
    expect_name("unsigned char", "unsigned char");
    expect_name("long double", "long double");
}

Test(layout_name, what_is_not_understood_stays)
{
    char deep[400] = "";
    for (int i = 0; i < 180; i++)
        strcat(deep, "a<");
    expect_name(deep, deep);
    expect_name("a<b", "a<b");
    expect_name(">", ">");
    expect_name("(", "(");
    expect_name("", "");
    expect_name("main::{lambda(int, char)#1}", "main::{lambda(int, char)#1}");
}
