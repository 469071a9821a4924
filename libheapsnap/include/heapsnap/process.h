// SPDX-License-Identifier: MIT

/*
 * Tracked processes: finding them, and asking one for a capture.
 *
 * A process that runs under the shim owns a memfd named "heapsnap-control", visible in
 * /proc/PID/fd. Whoever may open that file (same user, or root) may ask. Nothing here
 * ever stops, signals or changes a process that is not tracked.
 *
 * Pids are the caller's: a process in a container is named by the number it has outside.
 */

#ifndef HEAPSNAP_PROCESS_H
#define HEAPSNAP_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

/* What kind of file a program is, as far as preloading goes. */
enum hs_program_kind {
    HS_PROGRAM_UNKNOWN, /* neither ELF nor script: the shell may run it, we cannot tell */
    HS_PROGRAM_DYNAMIC, /* can be preloaded */
    HS_PROGRAM_STATIC,  /* no loader, so no preloading */
    HS_PROGRAM_FOREIGN, /* another architecture or a 32-bit program */
    HS_PROGRAM_SCRIPT,  /* `interpreter` runs it */
    HS_PROGRAM_OTHER_LIBC, /* musl's where ours is glibc, or the other way round */
    HS_PROGRAM_SANITIZED,  /* AddressSanitizer's shared runtime ends it when preloaded */
};

struct hs_program {
    enum hs_program_kind kind;
    bool is_set_id;        /* set-user-id or set-group-id */
    bool has_capabilities; /* file capabilities */
    uid_t owner;
    gid_t group;
    char interpreter[256]; /* of a script: the path behind "#!" */
};

/* Look at the file `path`. Errors: the errno of open, or -EACCES for a non-file. */
HS_API int hs_program_inspect(const char *path, struct hs_program *ret,
                              struct hs_error *err);

struct hs_process; /* an open connection to one tracked process */

/*
 * Connect to `pid`.
 * Errors (each with its own sentence): -ESRCH no such process; -EACCES another user's;
 * -ENODATA running but not tracked (the text says how to track it, and if it is a static
 * binary, that it cannot be preloaded); -EPROTO tracked by another version.
 */
HS_API int hs_process_open(pid_t pid, struct hs_process **ret, struct hs_error *err);
HS_API void hs_process_close(struct hs_process *process); /* NULL is fine */

/* What `heapsnap ls` shows. */
struct hs_process_status {
    pid_t pid;
    char command[256];   /* command line, blanks between, shortened */
    int64_t live_blocks; /* approximate, see hs_control */
    int64_t live_bytes;
    int64_t open_handles;
    uint64_t tracker_bytes;
    uint64_t start_time; /* CLOCK_REALTIME ns, tracking began */
    uint32_t snapshots;
    bool is_dormant;        /* nothing is recorded until hs_process_switch() */
    uint64_t sample_rate;   /* not 0: the live numbers are estimates from a sample */
    char no_snapshots[256]; /* why it can be asked for nothing; "": it can */
};
HS_API int hs_process_status(struct hs_process *process, struct hs_process_status *ret,
                             struct hs_error *err);

/*
 * Every tracked process this user may see, ascending by pid. `*ret` is the caller's,
 * free() it. Processes that vanish meanwhile are left out.
 */
HS_API int hs_process_list(struct hs_process_status **ret, size_t *ret_count,
                           struct hs_error *err);

/*
 * Turn tracking on, or off, which forgets what was recorded; nothing happens where it is so
 * already. Same errors as hs_process_capture().
 */
HS_API int hs_process_switch(struct hs_process *process, bool on, int timeout_ms,
                             struct hs_error *err);

/*
 * Freeze the process for an instant and open the capture of that instant.
 * Waits at most `timeout_ms`. Errors: -EBUSY another snapshot is being taken;
 * -ETIMEDOUT the process did not answer (stopped, in an uninterruptible wait …);
 * -ESRCH it ended meanwhile; -ENOTCONN it is dormant; or the errno the process reports.
 */
HS_API int hs_process_capture(struct hs_process *process, int timeout_ms,
                              struct hs_capture *ret, struct hs_error *err);

/* Live bytes and counts a stack, without freezing or forking: `totals`, `frames`,
 * `modules` and `handles` are filled. Same errors. */
HS_API int hs_process_totals(struct hs_process *process, int timeout_ms,
                             struct hs_capture *ret, struct hs_error *err);

#endif
