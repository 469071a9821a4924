// SPDX-License-Identifier: MIT

/*
 * Provokes: "realloc: remove old record before, insert after; on failure reinsert;
 * realloc(p, 0), realloc(NULL, n)", and growth by mremap, shrinking in place, the overflow
 * of reallocarray. Contents, errno and results are printed, so they must be what they are
 * without the shim; and its totals must follow every step.
 */

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/own_page.h"

#define BIG ((size_t)64 << 20)

static const volatile struct hs_control *page;
static int64_t at_start;

/* The totals follow in steps; blocks of this size do not hide in them. */
static void expect_live(const char *step, size_t bytes)
{
    if (!page)
        return;
    int64_t live = page->live_bytes - at_start;
    if (llabs(live - (int64_t)bytes) > 1 << 20)
        printf("%s: %lld bytes are thought to be live, %zu are\n", step, (long long)live,
               bytes);
}

static bool is_filled(const char *block, size_t size, char mark)
{
    for (size_t i = 0; i < size; i += 97)
        if (block[i] != mark)
            return false;
    return true;
}

int main(void)
{
    volatile size_t too_much = SIZE_MAX / 2, nothing = 0;
    volatile uintptr_t unchanged = UINTPTR_MAX; /* the compiler warns of a freed block */
    page = own_page();
    at_start = page ? page->live_bytes : 0;

    char *block = realloc(NULL, BIG);
    memset(block, 'a', BIG);
    expect_live("realloc(NULL, n)", BIG);

    block = realloc(block, 2 * BIG); /* one mremap */
    printf("grown %d\n", is_filled(block, BIG, 'a'));
    expect_live("growth by mremap", 2 * BIG);

    errno = 0;
    char *none = realloc(block, too_much);
    printf("too much %d, errno %d, kept %d\n", none != NULL, errno,
           is_filled(block, BIG, 'a'));
    expect_live("a realloc that failed", 2 * BIG);

    errno = 0;
    none = reallocarray((void *)((uintptr_t)block & unchanged), too_much, 4);
    printf("overflow %d, errno %d, kept %d\n", none != NULL, errno,
           is_filled(block, BIG, 'a'));
    expect_live("a reallocarray that overflowed", 2 * BIG);

    char *less = realloc(block, BIG / 2);
    printf("shrunk %d\n", is_filled(less, BIG / 2, 'a'));
    expect_live("shrinking", BIG / 2);

    less = realloc(less, 100);
    printf("moved %d\n", is_filled(less, 100, 'a'));
    expect_live("shrinking to the heap", 0);

    /* Same place, another size, a thousand times. */
    char *same = malloc(1000);
    for (size_t i = 0; i < 1000; i++)
        same = realloc(same, 990 + i % 10);
    expect_live("resizing in place", 0);
    free(same);

    printf("to nothing %d\n", realloc(less, nothing) != NULL);
    expect_live("realloc(p, 0)", 0);
    block = reallocarray(NULL, 1024, BIG / 1024);
    expect_live("reallocarray(NULL)", BIG);
    free(block);
    block = realloc(memalign(4096, BIG), 2 * BIG);
    expect_live("realloc of memalign", 2 * BIG);
    free(block);
    expect_live("the end", 0);
    free(realloc(NULL, nothing));
    return 0;
}
