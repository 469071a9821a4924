// SPDX-License-Identifier: MIT

/* Runs the tests that constructors have added, each in a child; see criterion.h. */

#include "criterion/criterion.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criterion/redirect.h"

static struct plain_test *tests;
static struct plain_suite *suites;
static bool has_failed;
static int redirected = -1;

void plain_add_test(struct plain_test *test)
{
    test->next = tests;
    tests = test;
}

void plain_add_suite(struct plain_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

/* Not to stderr, which the test may have redirected. */
void plain_failed(const char *file, int line, const char *what, bool ends)
{
    has_failed = true;
    printf("%s:%d: not so: %s\n", file, line, what);
    fflush(stdout);
    if (ends)
        _exit(1);
}

void cr_redirect_stderr(void)
{
    redirected = memfd_create("stderr", MFD_CLOEXEC);
    dup2(redirected, STDERR_FILENO);
}

bool plain_stderr_is(const char *text)
{
    char said[4096];
    ssize_t size = pread(redirected, said, sizeof(said), 0);
    return size == (ssize_t)strlen(text) && memcmp(said, text, (size_t)size) == 0;
}

static void run(const struct plain_test *test)
{
    const struct plain_suite *suite = suites;
    while (suite && strcmp(suite->name, test->suite) != 0)
        suite = suite->next;
    if (suite && suite->options.init)
        suite->options.init();
    if (test->options.init)
        test->options.init();
    test->run();
    if (test->options.fini)
        test->options.fini();
    if (suite && suite->options.fini)
        suite->options.fini();
}

int main(void)
{
    int count = 0, failed = 0;
    for (const struct plain_test *test = tests; test; test = test->next, count++) {
        int status = 0;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run(test);
            exit(has_failed);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
            printf("failed: %s::%s (status 0x%x)\n", test->suite, test->name, status);
            failed++;
        }
    }
    printf("%d tests, %d failed\n", count, failed);
    return failed > 0 || count == 0;
}
