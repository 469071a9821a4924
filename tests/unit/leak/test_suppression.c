// SPDX-License-Identifier: MIT

/*
 * Suppressions: what a pattern matches, what a rule matches, and what is said about a
 * file with a mistake.
 */

#include "heapsnap/suppression.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/leak/pattern.h"

/* make() called by ns::call() in a program, from the C library. */
static const struct hs_suppression_frame stack[] = {
    {"make", "make(int)", "_Z4makei", "/src/lib/make.cc", "/opt/bin/program", 12},
    {"ns::call", "ns::call()", "_ZN2ns4callEv", "/src/call.cc", "/opt/bin/program", 7},
    {.function = "__libc_start_main", .module = "/lib/libc.so.6"},
};

static struct hs_suppressions *rules(const char *text)
{
    struct hs_suppressions *suppressions = NULL;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_suppressions_create(&suppressions, &err), 0));
    cr_assert(eq(int,
                 hs_suppressions_parse(suppressions, text, strlen(text), "a.supp", &err),
                 0),
              "%s", err.text);
    return suppressions;
}

static bool suppresses(const char *text, uint32_t kinds)
{
    struct hs_suppressions *suppressions = rules(text);
    bool matches = hs_suppressions_match(suppressions, stack, 3, kinds, 1, 8);
    hs_suppressions_destroy(suppressions);
    return matches;
}

static bool one_line(const char *pattern)
{
    char text[256];
    snprintf(text, sizeof(text), "leak:%s\n", pattern);
    return suppresses(text, HS_SUPPRESSION_DEFINITE);
}

static bool frames(const char *lines)
{
    char text[512];
    snprintf(text, sizeof(text), "{\n  name\n  Memcheck:Leak\n%s\n}\n", lines);
    return suppresses(text, HS_SUPPRESSION_DEFINITE);
}

static const char *mistake(const char *text, struct hs_error *err)
{
    struct hs_suppressions *suppressions = NULL;
    hs_suppressions_create(&suppressions, err);
    *err = (struct hs_error){0};
    int result = hs_suppressions_parse(suppressions, text, strlen(text), "a.supp", err);
    cr_expect(eq(int, result, -EINVAL));
    cr_expect(eq(ptr, (void *)hs_suppressions_get(suppressions, 0), NULL));
    hs_suppressions_destroy(suppressions);
    return err->text;
}

Test(suppression, a_line_is_looked_for_anywhere_unless_it_is_anchored)
{
    cr_expect(hs_pattern_is_in("oba", "foobar"));
    cr_expect(hs_pattern_is_in("^foo", "foobar"));
    cr_expect(hs_pattern_is_in("bar$", "foobar"));
    cr_expect(hs_pattern_is_in("^foobar$", "foobar"));
    cr_expect(hs_pattern_is_in("^f*r$", "foobar"));
    cr_expect(hs_pattern_is_in("o*r", "foobar"));
    cr_expect(hs_pattern_is_in("a$", "banana"));
    cr_expect(hs_pattern_is_in("*", "x"));
    cr_expect(not(hs_pattern_is_in("^bar", "foobar")));
    cr_expect(not(hs_pattern_is_in("foo$", "foobar")));
    cr_expect(not(hs_pattern_is_in("^foo$", "foobar")));
    cr_expect(not(hs_pattern_is_in("r*f", "foobar")));
    cr_expect(not(hs_pattern_is_in("ab$", "b")));
    cr_expect(not(hs_pattern_is_in("*", "")));
}

Test(suppression, valgrinds_patterns_are_about_the_whole_text)
{
    cr_expect(hs_pattern_is_all("foobar", "foobar"));
    cr_expect(hs_pattern_is_all("f*b?r", "foobar"));
    cr_expect(hs_pattern_is_all("*a*a*", "banana"));
    cr_expect(hs_pattern_is_all("a\\*b", "a*b"));
    cr_expect(hs_pattern_is_all("*", ""));
    cr_expect(not(hs_pattern_is_all("oba", "foobar")));
    cr_expect(not(hs_pattern_is_all("a\\*b", "axb")));
    cr_expect(not(hs_pattern_is_all("foo?", "foo")));
    cr_expect(not(hs_pattern_is_all("", "x")));
}

Test(suppression, a_sanitizer_line_is_compared_with_function_file_and_module)
{
    cr_expect(one_line("^make$"));
    cr_expect(one_line("ns::call"));
    cr_expect(one_line("make(int)"));
    cr_expect(one_line("call.cc"));
    cr_expect(one_line("libc.so"));
    cr_expect(one_line("^/opt/*gram$"));
    cr_expect(not(one_line("other")));
    cr_expect(not(one_line("_Z4makei")));
}

Test(suppression, a_valgrind_rule_begins_with_the_function_that_allocates)
{
    cr_expect(frames("fun:malloc\nfun:_Z4makei"));
    cr_expect(frames("fun:*alloc\nfun:_Z4*\nfun:_ZN2ns4callEv"));
    cr_expect(frames("fun:_Znwm\nsrc:make.cc:12"));
    cr_expect(frames("fun:_Znwm\nsrc:make.cc\nobj:*/program\nobj:/lib/libc.so*"));
    cr_expect(frames("obj:*vgpreload_memcheck*\nfun:_Z4makei"));
    cr_expect(not(frames("fun:_Z4makei")));
    cr_expect(not(frames("fun:malloc\nfun:_ZN2ns4callEv")));
    cr_expect(not(frames("fun:malloc\nfun:make")));
    cr_expect(not(frames("fun:malloc\nsrc:make.cc:13")));
}

Test(suppression, three_dots_are_any_number_of_frames)
{
    cr_expect(frames("..."));
    cr_expect(frames("...\nfun:_Z4makei"));
    cr_expect(frames("fun:malloc\n...\nfun:_Z4makei"));
    cr_expect(frames("fun:malloc\n...\nfun:__libc_start_main"));
    cr_expect(frames("...\nobj:*/program\n...\nfun:__libc_start_main\n..."));
    cr_expect(not(frames("...\nfun:__libc_start_main\nfun:*")));
    cr_expect(not(frames("...\nfun:_ZN2ns4callEv\n...\nfun:_Z4makei")));
}

Test(suppression, a_rule_may_be_for_some_kinds_only)
{
    static const char text[] = "{\nname\nMemcheck:Leak\n"
                               "match-leak-kinds: possible, reachable\nfun:malloc\n}\n";

    cr_expect(suppresses(text, HS_SUPPRESSION_POSSIBLE));
    cr_expect(suppresses(text, HS_SUPPRESSION_REACHABLE));
    cr_expect(not(suppresses(text, HS_SUPPRESSION_DEFINITE)));
    cr_expect(not(suppresses(text, HS_SUPPRESSION_INDIRECT)));
}

Test(suppression, rules_for_other_errors_are_skipped_whatever_is_in_them)
{
    struct hs_suppressions *suppressions =
        rules("# two of them\n\n{\n  x\n  Memcheck:Param\n  write(buf)\n  fun:write\n}\n"
              "{\n y\n Helgrind:Race\n fun:f\n}\n  leak:z \r\n");

    const struct hs_suppression *only = hs_suppressions_get(suppressions, 0);

    cr_expect(eq(str, (char *)only->text, "z"));
    cr_expect(eq(str, (char *)only->file, "a.supp"));
    cr_expect(eq(u32, only->line, 14));
    cr_expect(eq(ptr, (void *)hs_suppressions_get(suppressions, 1), NULL));
    hs_suppressions_destroy(suppressions);
}

Test(suppression, the_first_rule_that_matches_counts)
{
    struct hs_suppressions *suppressions = rules("leak:nobody\nleak:make\nleak:call\n");

    hs_suppressions_match(suppressions, stack, 3, HS_SUPPRESSION_ALL, 2, 64);
    hs_suppressions_match(suppressions, stack, 3, HS_SUPPRESSION_ALL, 1, 8);
    hs_suppressions_match(suppressions, stack + 2, 1, HS_SUPPRESSION_ALL, 1, 8);

    static const uint64_t bytes[] = {0, 72, 0}, count[] = {0, 3, 0};
    for (size_t i = 0; i < 3; i++) {
        cr_expect(eq(u64, hs_suppressions_get(suppressions, i)->bytes, bytes[i]));
        cr_expect(eq(u64, hs_suppressions_get(suppressions, i)->count, count[i]));
    }
    hs_suppressions_destroy(suppressions);
}

Test(suppression, a_mistake_is_named_with_its_line_and_nothing_is_added)
{
    struct hs_error err;

    cr_expect(eq(str, (char *)mistake("leak:a\nrace:b\n", &err),
                 "a.supp:2: 'race:b' is no suppression; 'leak:PATTERN' is, and so is "
                 "Valgrind's '{'"));
    cr_expect(
        eq(str, (char *)mistake("leak:\n", &err), "a.supp:1: 'leak:' names nothing"));
    cr_expect(eq(str, (char *)mistake("\n{\nx\nMemcheck:Leak\nfun:f\n", &err),
                 "a.supp:2: '{' has no '}'"));
    cr_expect(eq(str, (char *)mistake("{\nx\nMemcheck:Leak\nf\n}\n", &err),
                 "a.supp:4: 'f' is no frame; 'fun:', 'obj:', 'src:' and '...' begin "
                 "one"));
    cr_expect(eq(str, (char *)mistake("{\nx\nMemcheck:Leak\n}\n", &err),
                 "a.supp:1: 'x' has no frame, so it would match every leak"));
    cr_expect(eq(str, (char *)mistake("{\nx\nfun\n}\n", &err),
                 "a.supp:3: 'fun' should be the tool and the kind: 'Memcheck:Leak'"));
    cr_expect(eq(str,
                 (char *)mistake("{\nx\nMemcheck:Leak\nmatch-leak-kinds: bad\n}\n", &err),
                 "a.supp:4: ' bad' names no kind of leak; definite, indirect, possible, "
                 "reachable and all are"));
}

Test(suppression, a_file_that_is_not_there_is_named)
{
    struct hs_suppressions *suppressions = rules("");
    struct hs_error err = {0};

    cr_expect(
        eq(int, hs_suppressions_load(suppressions, "/nowhere/a.supp", &err), -ENOENT));
    cr_expect(eq(str, err.text,
                 "cannot read the suppressions in /nowhere/a.supp: No such file or "
                 "directory"));
    hs_suppressions_destroy(suppressions);
}
