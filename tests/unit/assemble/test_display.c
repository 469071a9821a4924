// SPDX-License-Identifier: MIT

/*
 * Names of types as people write them.
 */

#include "libheapsnap/types/display.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void expect(const char *spelled, const char *shown)
{
    struct hs_text text = {0};

    const char *name = hs_type_display(&text, spelled);

    cr_expect(eq(str, (char *)name, (char *)shown));
    hs_text_deinit(&text);
}

Test(display, what_is_short_stays)
{
    expect("struct entry", "struct entry");
    expect("app::Item", "app::Item");
    expect("std::pair<int, Foo>", "std::pair<int, Foo>");
}

Test(display, default_arguments_go)
{
    expect("std::vector<Foo, std::allocator<Foo> >", "std::vector<Foo>");
    expect(
        "std::map<int, Foo, std::less<int>, std::allocator<std::pair<int const, Foo> > >",
        "std::map<int, Foo>");
    expect("std::unique_ptr<Foo, std::default_delete<Foo> >", "std::unique_ptr<Foo>");
    expect("std::map<int, Foo, std::greater<int>, std::allocator<int> >",
           "std::map<int, Foo, std::greater<int>>");
}

Test(display, strings_are_strings_at_any_depth)
{
    expect(
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        "std::string");
    expect("std::__1::vector<std::__1::basic_string<char, std::__1::char_traits<char>, "
           "std::__1::allocator<char> >, std::__1::allocator<int> >",
           "std::vector<std::string>");
}

Test(display, numbers_have_their_usual_names)
{
    expect("long unsigned int", "unsigned long");
    expect("std::vector<long int, std::allocator<long int> >", "std::vector<long>");
    expect("struct along int", "struct along int");
}

Test(display, const_stands_in_front)
{
    expect("std::pair<int const, Foo>", "std::pair<const int, Foo>");
    expect("std::pair<std::__cxx11::basic_string<char> const, long int>",
           "std::pair<std::string const, long>");
    expect("std::vector<char const*>", "std::vector<const char*>");
}

Test(display, a_name_as_long_as_a_line_loses_its_arguments)
{
    expect("outer<"
           "a23456789a123456789a123456789a123456789a123456789a123456789a123456789a1234567"
           "89a123456789a123456789a123456789a123456789a123456789a123456789a123456789a1234"
           "56789"
           "a12345678>",
           "outer<…>");
}
