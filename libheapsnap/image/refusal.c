// SPDX-License-Identifier: MIT

/*
 * Why a process cannot be talked to, in a sentence with a way out. Nothing here decides
 * anything: it runs only after the control page could not be opened.
 */

#include "libheapsnap/image/connection.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/image/proc.h"

#define COMMAND_SHOWN 80

static uid_t owner_of(pid_t pid)
{
    char text[128];
    if (!hs_proc_status_field(pid, "Uid", text, sizeof(text)))
        return geteuid();
    return (uid_t)strtoul(text, NULL, 10);
}

static int refuse_foreign(pid_t pid, const char *command, struct hs_error *err)
{
    uid_t owner = owner_of(pid);
    if (owner == geteuid())
        return hs_error_set(err, EACCES,
                            "process %d (%s) protects itself from being looked at "
                            "(set-id, or not dumpable); try as root",
                            (int)pid, command);
    char buffer[1024];
    struct passwd entry, *user = NULL;
    getpwuid_r(owner, &entry, buffer, sizeof(buffer), &user);
    char number[32];
    snprintf(number, sizeof(number), "user %u", (unsigned int)owner);
    return hs_error_set(err, EACCES,
                        "process %d (%s) belongs to %s; run heapsnap as that user or as "
                        "root",
                        (int)pid, command, user ? user->pw_name : number);
}

static int refuse_untracked(pid_t pid, const char *command, struct hs_error *err)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    struct hs_program program;
    if (hs_program_inspect(path, &program, NULL) != 0)
        return hs_error_set(
            err, ENODATA,
            "process %d (%s) is not tracked: a kernel thread, or a program "
            "that cannot be read",
            (int)pid, command);
    if (program.kind == HS_PROGRAM_STATIC)
        return hs_error_set(err, ENODATA,
                            "process %d (%s) is a static binary, which cannot be "
                            "preloaded; link it dynamically",
                            (int)pid, command);
    if (program.kind == HS_PROGRAM_SANITIZED)
        return hs_error_set(
            err, ENODATA,
            "process %d (%s) is built with AddressSanitizer, which cannot "
            "be preloaded; build it without",
            (int)pid, command);
    if (program.kind == HS_PROGRAM_FOREIGN)
        return hs_error_set(err, ENODATA,
                            "process %d (%s) is of another architecture; heapsnap tracks "
                            "64-bit programs of its own",
                            (int)pid, command);
    if (program.is_set_id || program.has_capabilities)
        return hs_error_set(
            err, ENODATA,
            "process %d (%s) is not tracked, and its program is set-id or "
            "has capabilities, so the loader would drop LD_PRELOAD",
            (int)pid, command);
    return hs_error_set(
        err, ENODATA,
        "process %d (%s) is not tracked; start it with: heapsnap run -- "
        "COMMAND  (it runs without the preloaded library, which --dormant "
        "loads for a later attach)",
        (int)pid, command);
}

int hs_process_refuse(pid_t pid, int reason, struct hs_error *err)
{
    if (!err)
        return -reason; /* nobody listens: hs_process_list() asks about every process */
    struct hs_proc_state state;
    if (reason == ESRCH || !hs_proc_state(pid, &state))
        return hs_error_set(
            err, ESRCH, "there is no process %d; 'heapsnap ls' lists the tracked ones",
            (int)pid);
    char command[COMMAND_SHOWN];
    hs_proc_command(pid, command, sizeof(command));
    if (state.state == 'Z' || state.state == 'X')
        return hs_error_set(err, ESRCH, "process %d (%s) has ended already", (int)pid,
                            command);
    if (reason == EACCES || reason == EPERM)
        return refuse_foreign(pid, command, err);
    if (reason == ENODATA)
        return refuse_untracked(pid, command, err);
    return hs_error_set(err, reason, "cannot look at process %d (%s): %s", (int)pid,
                        command, strerror(reason));
}
