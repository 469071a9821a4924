// SPDX-License-Identifier: MIT

/*
 * A program that looks at its own global scope while it runs under the shim: the shim
 * loads libunwind for itself, and nobody else may find anything of it.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "_Unwind_RaiseException", "_Unwind_Backtrace", "_Unwind_Resume", "backtrace",
    "unw_backtrace",          "_ULx86_64_step",    "hs_options",
};

static int is_from(const char *file, const char *part)
{
    const char *base = strrchr(file, '/');
    return strstr(base ? base : file, part) != NULL;
}

int main(void)
{
    int bad = 0;

    /* Make sure that the shim is there and has captured at least one stack. */
    free(malloc(77));
    Dl_info info;
    if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info)
        || !is_from(info.dli_fname, "heapsnap")) {
        puts("malloc does not come from the shim: it is not preloaded");
        bad = 1;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        void *found = dlsym(RTLD_DEFAULT, names[i]);
        if (!found || !dladdr(found, &info))
            continue;
        if (is_from(info.dli_fname, "unwind") || is_from(info.dli_fname, "heapsnap")) {
            printf("%s comes from %s\n", names[i], info.dli_fname);
            bad = 1;
        }
    }
    return bad;
}
