// SPDX-License-Identifier: MIT

/* Searching for an operator is expensive, not finding it again must not be. */

#include "probes/kinds/cxx.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>

static int searches;

/* The search ends at the loader; this one is found before it. */
void *dlopen(const char *path, int flags)
{
    static void *(*next)(const char *, int);
    if (!next)
        next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    searches++;
    return next(path, flags);
}

Test(cxx_find, what_is_not_there_is_searched_for_once_until_something_is_loaded)
{
    static const char name[] = "_ZnosuchRKSt9nothrow_t",
                      other[] = "_ZnosuchSt11align_val_t";

    cr_expect(eq(ptr, hs_cxx_find(name, (void *)&dlopen), NULL));
    int after_first = searches;
    for (int i = 0; i < 1000; i++)
        cr_expect(eq(ptr, hs_cxx_find(name, (void *)&dlopen), NULL));
    cr_expect(gt(int, after_first, 0));
    cr_expect(eq(int, searches, after_first));

    cr_expect(eq(ptr, hs_cxx_find(other, (void *)&dlopen), NULL));
    cr_expect(gt(int, searches, after_first));

    cr_assert(ne(ptr, dlopen("libutil.so.1", RTLD_NOW | RTLD_LOCAL), NULL));
    int after_load = searches;
    cr_expect(eq(ptr, hs_cxx_find(name, (void *)&dlopen), NULL));
    cr_expect(gt(int, searches, after_load));
}
