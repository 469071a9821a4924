// SPDX-License-Identifier: MIT

/*
 * posix_spawn: libc's own fork and exec, of which we see nothing. All there is to do is to
 * give a program of another libc the shim that belongs to it. (Programs from before glibc
 * 2.15 could spawn scripts without "#!"; tracked they get ENOEXEC, as everybody since.)
 */

#include <errno.h>
#include <spawn.h>
#include <stddef.h>

#include "probes/freeze/exec_other.h"
#include "probes/tracker/next.h"

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

HS_NEXT(int, posix_spawn,
        (pid_t *, const char *, const posix_spawn_file_actions_t *,
         const posix_spawnattr_t *, char *const[], char *const[]))
HS_NEXT(int, posix_spawnp,
        (pid_t *, const char *, const posix_spawn_file_actions_t *,
         const posix_spawnattr_t *, char *const[], char *const[]))

/* Not in line: it has room for another environment. */
static __attribute__((noinline)) int
spawn_other(spawn_function *spawn, enum hs_exec_kind kind, pid_t *child, const char *path,
            const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attributes, char *const arguments[],
            char *const environment[])
{
    struct hs_adapted adapted;
    return spawn(child, path, actions, attributes, arguments,
                 hs_exec_adapt(&adapted, kind, environment));
}

HS_EXPORT int posix_spawn(pid_t *child, const char *path,
                          const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const arguments[],
                          char *const environment[])
{
    spawn_function *spawn = hs_next_posix_spawn();
    if (!spawn)
        return ENOSYS;
    enum hs_exec_kind kind = hs_exec_kind_of(path);
    if (kind != HS_EXEC_SAME)
        return spawn_other(spawn, kind, child, path, actions, attributes, arguments,
                           environment);
    return spawn(child, path, actions, attributes, arguments, environment);
}

HS_EXPORT int posix_spawnp(pid_t *child, const char *file,
                           const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const arguments[],
                           char *const environment[])
{
    spawn_function *spawn = hs_next_posix_spawnp();
    if (!spawn)
        return ENOSYS;
    enum hs_exec_kind kind = hs_exec_kind_of_name(file);
    if (kind != HS_EXEC_SAME)
        return spawn_other(spawn, kind, child, file, actions, attributes, arguments,
                           environment);
    return spawn(child, file, actions, attributes, arguments, environment);
}
