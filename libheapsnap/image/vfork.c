// SPDX-License-Identifier: MIT

/*
 * Seeing vfork from outside. The kernel names no such state: it is a sleep that nothing
 * interrupts ("D") while a child has the very same memory, which kcmp(2) compares.
 */

#include "libheapsnap/image/vfork.h"

#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/proc.h"

pid_t hs_vfork_child(pid_t pid)
{
    char path[64], threads[32];
    struct hs_proc_state state;
    if (!hs_proc_state(pid, &state) || state.state != 'D'
        || !hs_proc_status_field(pid, "Threads", threads, sizeof(threads))
        || threads[0] != '1' || threads[1] != '\0')
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    hs_auto_fclose FILE *file = fopen(path, "re");
    int child;
    while (file && fscanf(file, "%d", &child) == 1)
        if (syscall(SYS_kcmp, pid, child, KCMP_VM, 0, 0) == 0)
            return child;
    return 0;
}
