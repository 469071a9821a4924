// SPDX-License-Identifier: MIT

/*
 * Descriptors inside streams and directories. glibc opens and closes them without its
 * public open and close, so the stream's own calls are wrapped and asked for the number.
 * Streams without a descriptor (fmemopen, open_memstream) answer -1 and are left out.
 */

#include "probes/kinds/fd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "probes/tracker/report.h"
#include "probes/tracker/stack.h"

#define EXIT_SIZE 64u /* bytes of exit(), which soon calls what never returns */

HS_FD_NEXT(FILE *, fopen, (const char *path, const char *mode))
HS_FD_NEXT(FILE *, freopen, (const char *path, const char *mode, FILE *stream))
HS_FD_NEXT(FILE *, fdopen, (int fd, const char *mode))
HS_FD_NEXT(FILE *, tmpfile, (void))
HS_FD_NEXT(FILE *, popen, (const char *command, const char *mode))
HS_FD_NEXT(int, fclose, (FILE * stream))
HS_FD_NEXT(int, pclose, (FILE * stream))
HS_FD_NEXT(void, exit, (int status))
HS_FD_NEXT(DIR *, opendir, (const char *path))
HS_FD_NEXT(DIR *, fdopendir, (int fd))
HS_FD_NEXT(int, closedir, (DIR * directory))

/* The stream's descriptor or -1; keeps errno. */
static int number_of(FILE *stream)
{
    int saved_errno = errno;
    int fd = fileno(stream);
    errno = saved_errno;
    return fd;
}

static FILE *record_stream(FILE *stream, const char *call, void *hook_frame)
{
    if (stream)
        hs_fd_opened(number_of(stream), call, hook_frame);
    return stream;
}

HS_EXPORT FILE *fopen(const char *path, const char *mode)
{
    return record_stream(hs_next_fopen()(path, mode), "fopen", HS_HOOK_FRAME);
}

/* The old descriptor is closed whether or not the new one can be opened. */
HS_EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
    hs_fd_closed(number_of(stream));
    return record_stream(hs_next_freopen()(path, mode, stream), "freopen", HS_HOOK_FRAME);
}

HS_EXPORT FILE *fdopen(int fd, const char *mode)
{
    FILE *stream = hs_next_fdopen()(fd, mode);
    if (stream)
        hs_fd_adopted(fd, "fdopen", HS_HOOK_FRAME);
    return stream;
}

HS_EXPORT FILE *tmpfile(void)
{
    return record_stream(hs_next_tmpfile()(), "tmpfile", HS_HOOK_FRAME);
}

HS_EXPORT FILE *popen(const char *command, const char *mode)
{
    return record_stream(hs_next_popen()(command, mode), "popen", HS_HOOK_FRAME);
}

/* Is this call made by an exit handler? A few bytes into exit() it returns to there. */
static bool is_ending(void *hook_frame)
{
    uint64_t start = (uint64_t)(uintptr_t)hs_next_exit(), count = 0;
    uint32_t nodes, node = HS_STACK_NONE;
    int saved_errno = errno;
    if (hs_fd_begin()) {
        node = hs_stack_capture(hook_frame);
        hs_fd_end();
    }
    errno = saved_errno;
    const struct hs_capture_frame *frames = hs_stack_nodes(&nodes);
    for (; node > HS_STACK_UNKNOWN && node < nodes && count < HS_STACK_DEPTH_MAX;
         count++) {
        if (frames[node].address - start <= EXIT_SIZE)
            return true;
        node = frames[node].parent;
    }
    return false;
}

/* What the shim says comes after the program's last words. */
HS_EXPORT int fclose(FILE *stream)
{
    if (stream == stderr && is_ending(HS_HOOK_FRAME))
        hs_report_keep();
    hs_fd_closed(number_of(stream));
    return hs_next_fclose()(stream);
}

HS_EXPORT int pclose(FILE *stream)
{
    hs_fd_closed(number_of(stream));
    return hs_next_pclose()(stream);
}

HS_EXPORT DIR *opendir(const char *path)
{
    DIR *directory = hs_next_opendir()(path);
    if (directory)
        hs_fd_opened(dirfd(directory), "opendir", HS_HOOK_FRAME);
    return directory;
}

HS_EXPORT DIR *fdopendir(int fd)
{
    DIR *directory = hs_next_fdopendir()(fd);
    if (directory)
        hs_fd_adopted(fd, "fdopendir", HS_HOOK_FRAME);
    return directory;
}

/* closedir(NULL) is an error, not a crash. */
HS_EXPORT int closedir(DIR *directory)
{
    DIR *volatile given =
        directory; /* declared nonnull, so the compiler drops the test */
    if (given)
        hs_fd_closed(dirfd(directory));
    return hs_next_closedir()(directory);
}

/* ---- names that only glibc has ---- */

#ifdef __GLIBC__
HS_FD_NEXT(FILE *, fopen64, (const char *path, const char *mode))
HS_FD_NEXT(FILE *, freopen64, (const char *path, const char *mode, FILE *stream))
HS_FD_NEXT(FILE *, tmpfile64, (void))

HS_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return record_stream(hs_next_fopen64()(path, mode), "fopen", HS_HOOK_FRAME);
}

HS_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
    hs_fd_closed(number_of(stream));
    return record_stream(hs_next_freopen64()(path, mode, stream), "freopen",
                         HS_HOOK_FRAME);
}

HS_EXPORT FILE *tmpfile64(void)
{
    return record_stream(hs_next_tmpfile64()(), "tmpfile", HS_HOOK_FRAME);
}
#endif
