// SPDX-License-Identifier: MIT

/*
 * As much of Criterion as the tracker's tests use, for builds with ThreadSanitizer: the
 * real one keeps its memory at an address where that has no shadow. Each test runs in a
 * child of its own here, too; the tests do not know the difference.
 */

#ifndef HEAPSNAP_TESTS_PLAIN_CRITERION_H
#define HEAPSNAP_TESTS_PLAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct plain_options {
    void (*init)(void);
    void (*fini)(void);
};

struct plain_test {
    const char *suite, *name;
    void (*run)(void);
    struct plain_options options;
    struct plain_test *next;
};

struct plain_suite {
    const char *name;
    struct plain_options options;
    struct plain_suite *next;
};

void plain_add_test(struct plain_test *test);
void plain_add_suite(struct plain_suite *suite);

/* Note a failure of the running test; `ends` it at once. */
void plain_failed(const char *file, int line, const char *what, bool ends);

#define Test(suite_, name_, ...)                                          \
    static void suite_##_##name_##_run(void);                             \
    __attribute__((constructor)) static void suite_##_##name_##_add(void) \
    {                                                                     \
        static struct plain_test test = {.suite = #suite_,                \
                                         .name = #name_,                  \
                                         .run = suite_##_##name_##_run,   \
                                         .options = {__VA_ARGS__}};       \
        plain_add_test(&test);                                            \
    }                                                                     \
    static void suite_##_##name_##_run(void)

#define TestSuite(name_, ...)                                                         \
    __attribute__((constructor)) static void suite_##name_##_add(void)                \
    {                                                                                 \
        static struct plain_suite suite = {.name = #name_, .options = {__VA_ARGS__}}; \
        plain_add_suite(&suite);                                                      \
    }                                                                                 \
    extern int plain_eat_semicolon

#define cr_expect(condition, ...) \
    ((condition) ? (void)0 : plain_failed(__FILE__, __LINE__, #condition, false))
#define cr_assert(condition, ...) \
    ((condition) ? (void)0 : plain_failed(__FILE__, __LINE__, #condition, true))
#define cr_fatal(...) plain_failed(__FILE__, __LINE__, #__VA_ARGS__, true)

#endif
