// SPDX-License-Identifier: MIT

/*
 * Programs of another libc or architecture, which cannot load this shim: musl's loader ends
 * a program whose preload wants what only glibc has.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_EXEC_OTHER_H
#define HEAPSNAP_PROBES_FREEZE_EXEC_OTHER_H

#define HS_ADAPTED_ENTRIES 1024

enum hs_exec_kind {
    HS_EXEC_SAME = 0, /* or nobody can tell */
    HS_EXEC_OTHER_LIBC,
    HS_EXEC_OTHER_MACHINE,
};

/* Room for an environment; too much for every stack, so only where it is needed. */
struct hs_adapted {
    char *entries[HS_ADAPTED_ENTRIES];
    char preload[2048];
};

/* What would be executed; a script stands for its interpreter. Allocates nothing, keeps
 * errno. The one by name looks for it in PATH as execvp() does. */
enum hs_exec_kind hs_exec_kind_of(const char *path);
enum hs_exec_kind hs_exec_kind_of_name(const char *file);
enum hs_exec_kind hs_exec_kind_of_fd(int fd);

/*
 * The environment with the shim that belongs to a program of `kind` in LD_PRELOAD, where it
 * lies beside this one, else without any shim. `environment` itself when there is no room.
 */
char *const *hs_exec_adapt(struct hs_adapted *adapted, enum hs_exec_kind kind,
                           char *const *environment);

#endif
