/* SPDX-License-Identifier: MIT */

/*
 * For programs that want to say themselves when a snapshot is taken.
 *
 *     #include <heapsnap/heapsnap.h>
 *     ...
 *     heapsnap_take(NULL);
 *
 * Needs nothing at link time: the function behind it is in the shim, and when the program
 * runs without the shim, heapsnap_take() does nothing and returns -ENOSYS. C and C++.
 */

#ifndef HEAPSNAP_HEAPSNAP_H
#define HEAPSNAP_HEAPSNAP_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The shim's own function; a null pointer in a program that is not tracked. */
__attribute__((weak, visibility("default"))) int hs_snapshot_take(const char *path);

#ifdef __cplusplus
}
#endif

/*
 * Take a snapshot of this process now and return when its file is complete (a minute at
 * most). All threads stand still only for the moment of the copy. `path` names the file;
 * NULL: a name is made up, in the folder of the option dir=.
 *
 * 0, or -ENOSYS (not tracked), -EBUSY (another snapshot is being taken), -ENOENT (the
 * heapsnap program was not found), or what kept the file from being written. Thread-safe,
 * async-signal-safe; errno is kept.
 */
static inline int heapsnap_take(const char *path)
{
    return hs_snapshot_take ? hs_snapshot_take(path) : -ENOSYS;
}

#endif
