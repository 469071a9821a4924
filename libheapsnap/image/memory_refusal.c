// SPDX-License-Identifier: MIT

/*
 * Why a process cannot be stopped and read. The kernel says EPERM for all of it, so each
 * possible reason is looked up, the most certain first, and the user is told the one that
 * can be changed.
 */

#include "libheapsnap/image/memory_refusal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/proc.h"

#define COMMAND_SHOWN 80

#if defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

static long field_of(pid_t pid, const char *name, long otherwise)
{
    char text[128];
    return hs_proc_status_field(pid, name, text, sizeof(text)) ? strtol(text, NULL, 10)
                                                               : otherwise;
}

/* Kernel threads have no memory of their own, so no size of it. */
static bool is_kernel_thread(pid_t pid)
{
    char text[64];
    return hs_proc_status_field(pid, "State", text, sizeof(text))
           && !hs_proc_status_field(pid, "VmSize", text, sizeof(text));
}

static int yama_scope(void)
{
    hs_auto_fclose FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = 0;
    return file && fscanf(file, "%d", &scope) == 1 ? scope : 0;
}

static int refuse_owner(pid_t pid, const char *command, uid_t owner, struct hs_error *err)
{
    char buffer[1024], number[32];
    struct passwd entry, *user = NULL;
    getpwuid_r(owner, &entry, buffer, sizeof(buffer), &user);
    snprintf(number, sizeof(number), "user %u", (unsigned int)owner);
    return hs_error_set(err, EPERM,
                        "process %d (%s) belongs to %s; run heapsnap as that user or "
                        "as root",
                        (int)pid, command, user ? user->pw_name : number);
}

static int refuse_yama(pid_t pid, const char *command, int scope, struct hs_error *err)
{
    if (scope >= 3)
        return hs_error_set(
            err, EPERM,
            "process %d (%s) cannot be stopped: ptrace is switched off on "
            "this machine (kernel.yama.ptrace_scope is %d) until it is "
            "started again; preload heapsnap with: heapsnap run -- COMMAND",
            (int)pid, command, scope);
    return hs_error_set(err, EPERM,
                        "process %d (%s) cannot be stopped: kernel.yama.ptrace_scope is "
                        "%d, which allows %s; run heapsnap as root, or: sysctl "
                        "kernel.yama.ptrace_scope=0",
                        (int)pid, command, scope,
                        scope == 1 ? "only children" : "only administrators");
}

static int refuse_forbidden(pid_t pid, int reason, struct hs_error *err)
{
    char command[COMMAND_SHOWN];
    hs_proc_command(pid, command, sizeof(command));
    if (pid == getpid())
        return hs_error_set(err, EPERM, "process %d is heapsnap itself", (int)pid);
    if (is_kernel_thread(pid))
        return hs_error_set(err, EPERM,
                            "process %d (%s) is a kernel thread: it has no heap",
                            (int)pid, command);
    long tracer = field_of(pid, "TracerPid", 0);
    if (tracer != 0) {
        char other[COMMAND_SHOWN];
        hs_proc_command((pid_t)tracer, other, sizeof(other));
        return hs_error_set(err, EPERM,
                            "process %d (%s) is being traced already, by process %ld "
                            "(%s); only one can at a time",
                            (int)pid, command, tracer, other);
    }
    uid_t owner = (uid_t)field_of(pid, "Uid", (long)geteuid());
    if (geteuid() != 0 && owner != geteuid())
        return refuse_owner(pid, command, owner, err);
    int scope = yama_scope();
    if (scope >= 3 || (scope > 0 && geteuid() != 0))
        return refuse_yama(pid, command, scope, err);
    if (geteuid() != 0)
        return hs_error_set(err, EPERM,
                            "process %d (%s) protects itself from being looked at "
                            "(set-id, capabilities, or not dumpable); try as root",
                            (int)pid, command);
    return hs_error_set(err, EPERM,
                        "process %d (%s) cannot be stopped: %s; heapsnap needs the "
                        "capability SYS_PTRACE here (in a container: --cap-add)",
                        (int)pid, command, strerror(reason));
}

int hs_memory_refuse(pid_t pid, int reason, struct hs_error *err)
{
    struct hs_proc_state state;
    if (!hs_proc_state(pid, &state))
        return hs_error_set(err, ESRCH, "there is no process %d", (int)pid);
    if (state.state == 'Z' || state.state == 'X' || reason == ESRCH || reason == ENOENT) {
        char command[COMMAND_SHOWN];
        hs_proc_command(pid, command, sizeof(command));
        return hs_error_set(err, ESRCH, "process %d (%s) has ended already", (int)pid,
                            command);
    }
    if (reason == EPERM || reason == EACCES)
        return refuse_forbidden(pid, reason, err);
    return hs_error_set(err, reason, "cannot look at process %d: %s", (int)pid,
                        strerror(reason));
}

int hs_memory_check_machine(pid_t pid, struct hs_error *err)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* a kernel thread has none, and is refused for what it is */
        return hs_memory_refuse(pid, errno == ENOENT ? EPERM : errno, err);
    Elf64_Ehdr header;
    if (pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header)
        && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0
        && header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == OWN_MACHINE)
        return 0;
    char command[COMMAND_SHOWN];
    hs_proc_command(pid, command, sizeof(command));
    return hs_error_set(err, ENOEXEC,
                        "process %d (%s) is of another architecture; heapsnap reads "
                        "64-bit programs of its own",
                        (int)pid, command);
}
