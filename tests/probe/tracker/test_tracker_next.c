// SPDX-License-Identifier: MIT

/*
 * The look-up of the next definition, against what dlsym says.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>

#include "probes/tracker/next.h"

Test(next, agrees_with_dlsym)
{
    static const char *const names[] = {
        "malloc", "calloc", "realloc",   "reallocarray", "free",    "posix_memalign",
        "open",   "fcntl",  "fclose",    "mremap",       "_exit",   "pthread_sigmask",
        "mmap64", "pipe2",  "sigaction", "epoll_pwait",  "recvmsg", "malloc_usable_size",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_expect(eq(ptr, hs_next_find(names[i]), dlsym(RTLD_NEXT, names[i])), "%s",
                  names[i]);
}

Test(next, does_not_find_what_is_not_there)
{
    cr_expect(zero(ptr, hs_next_find("no_such_function_anywhere")));
    cr_expect(zero(ptr, hs_next_find("")));
}

Test(next, leaves_the_programs_dlerror_alone)
{
    dlsym(RTLD_DEFAULT, "missing_in_the_program");

    hs_next_find("missing_everywhere");

    const char *message = dlerror();
    cr_assert(message != NULL);
    cr_expect(strstr(message, "missing_in_the_program") != NULL);
}
