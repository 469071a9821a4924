// SPDX-License-Identifier: MIT

/*
 * Descriptors by path: the open family with its 64-bit and fortified names (__open_2 is
 * what `open` without a mode becomes under _FORTIFY_SOURCE), and temporary files.
 *
 * glibc's own fopen, mkstemp, shm_open and the rest call an inner open that cannot be
 * interposed, so each is wrapped by name.
 */

#include "probes/kinds/fd.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

HS_FD_NEXT(int, open, (const char *path, int flags, mode_t mode))
HS_FD_NEXT(int, openat, (int directory, const char *path, int flags, mode_t mode))
HS_FD_NEXT(int, creat, (const char *path, mode_t mode))
HS_FD_NEXT(int, mkstemp, (char *pattern))
HS_FD_NEXT(int, mkstemps, (char *pattern, int suffix))
HS_FD_NEXT(int, mkostemp, (char *pattern, int flags))
HS_FD_NEXT(int, mkostemps, (char *pattern, int suffix, int flags))
HS_FD_NEXT(int, shm_open, (const char *name, int flags, mode_t mode))
HS_FD_NEXT(int, posix_openpt, (int flags))
HS_FD_NEXT(mqd_t, mq_open, (const char *name, int flags, mode_t mode, void *attributes))
HS_FD_NEXT(int, mq_close, (mqd_t queue))

/* The mode is passed exactly when the kernel looks at it. */
#define READ_MODE(mode, flags)                                   \
    mode_t mode = 0;                                             \
    if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode = va_arg(rest, mode_t);                             \
        va_end(rest);                                            \
    }

HS_EXPORT int open(const char *path, int flags, ...)
{
    READ_MODE(mode, flags)
    return hs_fd_opened(hs_next_open()(path, flags, mode), "open", HS_HOOK_FRAME);
}

HS_EXPORT int openat(int directory, const char *path, int flags, ...)
{
    READ_MODE(mode, flags)
    return hs_fd_opened(hs_next_openat()(directory, path, flags, mode), "openat",
                        HS_HOOK_FRAME);
}

/* The rest is all alike: PARAMETERS with types, ARGUMENTS without. */
#define OPENER(function, text, parameters, arguments)                             \
    HS_EXPORT int function parameters                                             \
    {                                                                             \
        HS_FD_REQUIRE(function);                                                  \
        return hs_fd_opened(hs_next_##function() arguments, text, HS_HOOK_FRAME); \
    }

OPENER(creat, "creat", (const char *path, mode_t mode), (path, mode))
OPENER(mkstemp, "mkstemp", (char *pattern), (pattern))
OPENER(mkstemps, "mkstemps", (char *pattern, int suffix), (pattern, suffix))
OPENER(mkostemp, "mkostemp", (char *pattern, int flags), (pattern, flags))
OPENER(mkostemps, "mkostemps", (char *pattern, int suffix, int flags),
       (pattern, suffix, flags))
OPENER(shm_open, "shm_open", (const char *name, int flags, mode_t mode),
       (name, flags, mode))
OPENER(posix_openpt, "posix_openpt", (int flags), (flags))

HS_EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    void *attributes = NULL;
    HS_FD_REQUIRE(mq_open);
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        attributes = va_arg(rest, void *);
        va_end(rest);
    }
    return hs_fd_opened(hs_next_mq_open()(name, flags, mode, attributes), "mq_open",
                        HS_HOOK_FRAME);
}

HS_EXPORT int mq_close(mqd_t queue)
{
    HS_FD_REQUIRE(mq_close);
    hs_fd_closed(queue);
    return hs_next_mq_close()(queue);
}

/* ---- names that only glibc has ---- */

#ifdef __GLIBC__
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
int getpt(void);

HS_FD_NEXT(int, open64, (const char *path, int flags, mode_t mode))
HS_FD_NEXT(int, openat64, (int directory, const char *path, int flags, mode_t mode))
HS_FD_NEXT(int, __open_2, (const char *path, int flags))
HS_FD_NEXT(int, __open64_2, (const char *path, int flags))
HS_FD_NEXT(int, __openat_2, (int directory, const char *path, int flags))
HS_FD_NEXT(int, __openat64_2, (int directory, const char *path, int flags))
HS_FD_NEXT(int, creat64, (const char *path, mode_t mode))
HS_FD_NEXT(int, mkstemp64, (char *pattern))
HS_FD_NEXT(int, mkstemps64, (char *pattern, int suffix))
HS_FD_NEXT(int, mkostemp64, (char *pattern, int flags))
HS_FD_NEXT(int, mkostemps64, (char *pattern, int suffix, int flags))
HS_FD_NEXT(int, getpt, (void))

HS_EXPORT int open64(const char *path, int flags, ...)
{
    READ_MODE(mode, flags)
    return hs_fd_opened(hs_next_open64()(path, flags, mode), "open", HS_HOOK_FRAME);
}

HS_EXPORT int openat64(int directory, const char *path, int flags, ...)
{
    READ_MODE(mode, flags)
    return hs_fd_opened(hs_next_openat64()(directory, path, flags, mode), "openat",
                        HS_HOOK_FRAME);
}

OPENER(__open_2, "open", (const char *path, int flags), (path, flags))
OPENER(__open64_2, "open", (const char *path, int flags), (path, flags))
OPENER(__openat_2, "openat", (int directory, const char *path, int flags),
       (directory, path, flags))
OPENER(__openat64_2, "openat", (int directory, const char *path, int flags),
       (directory, path, flags))
OPENER(creat64, "creat", (const char *path, mode_t mode), (path, mode))
OPENER(mkstemp64, "mkstemp", (char *pattern), (pattern))
OPENER(mkstemps64, "mkstemps", (char *pattern, int suffix), (pattern, suffix))
OPENER(mkostemp64, "mkostemp", (char *pattern, int flags), (pattern, flags))
OPENER(mkostemps64, "mkostemps", (char *pattern, int suffix, int flags),
       (pattern, suffix, flags))
OPENER(getpt, "getpt", (void), ())
#endif
