// SPDX-License-Identifier: MIT

/*
 * What all hooks on file descriptors share.
 *
 * Opens call the real function first and record what it returned; closes forget first,
 * because the number may belong to another thread the moment the real close returns. The
 * guard is never held across a real call: many of them are cancellation points, and a
 * cancelled thread must not take it along.
 *
 * Include this before any system header: 64-bit file offsets and fortification rename
 * the very functions that are defined here.
 */

#ifndef HEAPSNAP_PROBES_KINDS_FD_H
#define HEAPSNAP_PROBES_KINDS_FD_H

#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/handles.h"
#include "probes/tracker/next.h"

/* HS_NEXT, resolved when the shim is loaded: these hooks run in signal handlers and in
 * vfork children, where the loader must not be asked. */
#define HS_FD_NEXT(result, name, parameters)                      \
    HS_NEXT(result, name, parameters)                             \
    __attribute__((constructor)) static void resolve_##name(void) \
    {                                                             \
        (void)hs_next_##name();                                   \
    }

/* For names that an older libc lacks. */
#define HS_FD_REQUIRE(name)            \
    do {                               \
        if (!hs_next_##name())         \
            return errno = ENOSYS, -1; \
    } while (0)

/* The address hs_stack_capture() wants; only in the exported hook itself. */
#define HS_HOOK_FRAME __builtin_frame_address(0)

/* Enter the guard when descriptors of this process are tracked and it is this process
 * that calls; then hs_fd_end() must follow. Both keep errno. */
bool hs_fd_begin(void);
void hs_fd_end(void);

/* `fd` came from the real function `call`; negative numbers are ignored. Keeps errno and
 * returns `fd`. */
int hs_fd_opened(int fd, const char *call, void *hook_frame);
void hs_fds_opened(const int *fds, int count, const char *call, void *hook_frame);

/* As hs_fd_opened(), unless it is known who opened it (fdopen). */
void hs_fd_adopted(int fd, const char *call, void *hook_frame);

/* `fd` is about to be closed by other means than close(). Keeps errno. */
void hs_fd_closed(int fd);

/* True, and errno EBADF: `fd` is the shim's own, which for the program does not exist. */
bool hs_fd_is_hidden(int fd);

#endif
