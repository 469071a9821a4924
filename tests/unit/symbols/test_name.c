// SPDX-License-Identifier: MIT

/*
 * Linker names as compilers write them, and what people want to read.
 */

#include "libheapsnap/symbols/name.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static void expect_readable(const char *linker_name, const char *expected)
{
    char *name = hs_name_readable(linker_name);
    cr_expect(eq(str, name, (char *)expected));
    free(name);
}

Test(name, a_c_name_stays_as_it_is)
{
    expect_readable("session_new", "session_new");
    expect_readable("__libc_start_main", "__libc_start_main");
}

Test(name, cxx_names_lose_their_parameters)
{
    expect_readable("_ZN3app6Server3runEiPKc", "app::Server::run");
    expect_readable("_Znwm", "operator new");
    expect_readable("_Znam", "operator new[]");
}

Test(name, rust_names_of_both_schemes_lose_their_hash)
{
    expect_readable("_ZN5store5Store3add17h0123456789abcdefE", "store::Store::add");
    expect_readable("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
}

Test(name, versions_and_clone_suffixes_are_cut)
{
    expect_readable("memcpy@@GLIBC_2.14", "memcpy");
    expect_readable("parse.part.0", "parse");
    expect_readable("parse.constprop.3.cold", "parse");
    expect_readable("_ZN3app6Server3runEv.cold", "app::Server::run");
}

Test(name, a_string_is_called_a_string)
{
    expect_readable("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7reserveEm",
                    "std::string::reserve");
}

Test(name, long_template_arguments_become_an_ellipsis)
{
    expect_readable(
        "_ZNSt8_Rb_treeINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
        "St4pairIKS5_S6_ISt10shared_ptrIN3app7SessionEES9_EESt10_Select1stISB_"
        "ESt4lessIS5_ESaISB_EE8_M_eraseEPSt13_Rb_tree_nodeISB_E",
        "std::_Rb_tree<…>::_M_erase");
}

Test(name, many_short_arguments_in_a_long_name_stay_in_bounds)
{
    char input[400] = "";
    for (int i = 0; i < 60; i++)
        strcat(input, "f<T>::");

    char *name = hs_name_readable(input);

    cr_expect(ge(sz, strlen(name), 300));
    free(name);
}

Test(name, a_static_local_loses_its_number_and_keeps_its_dots)
{
    char *local = hs_name_readable_variable("counter.3");
    char *dotted = hs_name_readable_variable("table.x3");

    cr_expect(eq(str, local, "counter"));
    cr_expect(eq(str, dotted, "table.x3"));
    free(local);
    free(dotted);
}

Test(name, the_base_of_a_path_is_its_last_part)
{
    cr_expect(eq(str, (char *)hs_name_base("/usr/lib/libfoo.so.1"), "libfoo.so.1"));
    cr_expect(eq(str, (char *)hs_name_base("main.c"), "main.c"));
    cr_expect(eq(str, (char *)hs_name_base("[vdso]"), "[vdso]"));
}

Test(name, a_signature_has_parameters_and_is_not_shortened)
{
    char *function = hs_name_signature("_ZN2ns1fEiPKc");
    char *plain = hs_name_signature("malloc");

    cr_expect(eq(str, function, "ns::f(int, char const*)"));
    cr_expect(eq(ptr, plain, NULL));
    free(function);
}
