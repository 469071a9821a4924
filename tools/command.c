// SPDX-License-Identifier: MIT

/*
 * What will be executed, and will the shim get in? The loader drops LD_PRELOAD without a
 * word for static, set-id and foreign programs; better to refuse than to let somebody
 * wait for a snapshot that never comes.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heapsnap/process.h"
#include "tools/run.h"
#include "tools/tool.h"

/* How many "#!" the kernel follows. */
#define SCRIPTS_MAX 5

static bool is_executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    return access(path, X_OK) == 0;
}

/* execvp's search: the first executable wins; a file without permission is remembered. */
static int search_path(const char *name, char *ret, size_t size)
{
    const char *list = getenv("PATH");
    int result = ENOENT;
    if (!list)
        list = "/bin:/usr/bin";
    for (const char *at = list; at; at = strchr(at, ':')) {
        at += *at == ':';
        size_t length = strcspn(at, ":");
        int written =
            snprintf(ret, size, "%.*s%s%s", (int)length, at, length > 0 ? "/" : "", name);
        if (written < 0 || (size_t)written >= size)
            continue;
        if (is_executable(ret))
            return 0;
        if (errno == EACCES)
            result = EACCES;
    }
    return result;
}

static int not_started(const char *name, int code, struct hs_error *err)
{
    hs_error_set(err, code, "cannot run '%s': %s", name,
                 code == ENOENT ? "command not found" : strerror(code));
    return code == ENOENT || code == ENOTDIR ? HS_EXIT_NOT_FOUND : HS_EXIT_NOT_EXECUTABLE;
}

/* Would the kernel give the program other rights than ours? Then the loader runs in its
 * secure mode. Root keeps its rights whatever the file's capabilities are. */
static bool gains_rights(const char *path, const struct hs_program *program)
{
    struct stat status;
    if (program->has_capabilities && geteuid() != 0)
        return true;
    if (!program->is_set_id || stat(path, &status) != 0)
        return false;
    return ((status.st_mode & S_ISUID) && program->owner != getuid())
           || ((status.st_mode & S_ISGID) && program->group != getgid());
}

static int refuse(const char *path, const char *why, struct hs_error *err)
{
    hs_error_set(err, ENOEXEC, "'%s' %s", path, why);
    return HS_EXIT_FAILED;
}

static int check_program(const char *path, int depth, bool *ret_other_libc,
                         struct hs_error *err)
{
    struct hs_program program;
    if (hs_program_inspect(path, &program, NULL) != 0)
        return 0; /* may be executed but not read; the loader still preloads */
    if (gains_rights(path, &program))
        return refuse(path,
                      "is set-id or has capabilities, so the loader would drop the shim; "
                      "run a copy without them, or run as its owner",
                      err);
    switch (program.kind) {
    case HS_PROGRAM_STATIC:
        return refuse(
            path, "is a static binary, which cannot be preloaded; link it dynamically",
            err);
    case HS_PROGRAM_OTHER_LIBC:
        *ret_other_libc = true;
        break;
    case HS_PROGRAM_SANITIZED:
        return refuse(path,
                      "is built with AddressSanitizer, which ends a program that has a "
                      "preload; build it without -fsanitize=address",
                      err);
    case HS_PROGRAM_FOREIGN:
        return refuse(path,
                      "is for another architecture; heapsnap tracks 64-bit programs of "
                      "its own",
                      err);
    case HS_PROGRAM_SCRIPT:
        if (depth >= SCRIPTS_MAX)
            return not_started(path, ELOOP, err);
        if (!is_executable(program.interpreter)) {
            int code = errno;
            hs_error_set(err, code, "cannot run '%s': its interpreter '%s': %s", path,
                         program.interpreter, strerror(code));
            return code == ENOENT ? HS_EXIT_NOT_FOUND : HS_EXIT_NOT_EXECUTABLE;
        }
        return check_program(program.interpreter, depth + 1, ret_other_libc, err);
    case HS_PROGRAM_UNKNOWN: /* execvp gives it to the shell */
    case HS_PROGRAM_DYNAMIC:
        break;
    }
    return 0;
}

int hs_command_find(const char *name, char *ret, size_t size, bool *ret_other_libc,
                    struct hs_error *err)
{
    int code = 0;
    if (strchr(name, '/')) {
        if ((size_t)snprintf(ret, size, "%s", name) >= size)
            code = ENAMETOOLONG;
        else if (!is_executable(ret))
            code = errno;
    } else {
        code = *name ? search_path(name, ret, size) : ENOENT;
    }
    return code ? not_started(name, code, err)
                : check_program(ret, 0, ret_other_libc, err);
}
