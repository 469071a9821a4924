// SPDX-License-Identifier: MIT

/*
 * The program executes another one, or itself again. A request on its way would find no
 * handler there and end it: the default action of the private signal is to kill. So the
 * signal is ignored from just before the call, which drops those that are pending and
 * outlives the exec, until the new image's constructor installs the handler.
 *
 * A program of another libc gets the shim that belongs to it (exec_other.h).
 *
 * A child of vfork has signal actions of its own and nobody asks it anything.
 */

#include <alloca.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "probes/freeze/exec_other.h"
#include "probes/freeze/private_signal.h"
#include "probes/tracker/next.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"

HS_NEXT(int, execve, (const char *, char *const[], char *const[]))
HS_NEXT(int, execv, (const char *, char *const[]))
HS_NEXT(int, execvp, (const char *, char *const[]))
HS_NEXT(int, execvpe, (const char *, char *const[], char *const[]))
HS_NEXT(int, fexecve, (int, char *const[], char *const[]))
HS_NEXT(int, execveat, (int, const char *, char *const[], char *const[], int))

/* They are called in signal handlers and in children of vfork. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_execve();
    hs_next_execv();
    hs_next_execvp();
    hs_next_execvpe();
    hs_next_fexecve();
    hs_next_execveat();
}

static bool leave(void)
{
    if (!hs_switch_is_armed() || !hs_tracker_is_this_process())
        return false;
    hs_signal_leave();
    return true;
}

/* It failed: here we are again. Keeps errno. */
static int stay(bool has_left, int result)
{
    if (has_left)
        hs_signal_return();
    return result;
}

/* The exported names may be the program's own, which ask for ours: nothing here calls one
 * of them. */
static int missing(void)
{
    errno = ENOSYS;
    return -1;
}

/* These have the room for another environment; not in line, because of small stacks. */

static __attribute__((noinline)) int execute_other(const char *path,
                                                   char *const arguments[],
                                                   char *const environment[],
                                                   enum hs_exec_kind kind)
{
    struct hs_adapted adapted;
    return hs_next_execve()(path, arguments, hs_exec_adapt(&adapted, kind, environment));
}

static __attribute__((noinline)) int execute_other_file(const char *file,
                                                        char *const arguments[],
                                                        char *const environment[],
                                                        enum hs_exec_kind kind)
{
    struct hs_adapted adapted;
    return hs_next_execvpe()(file, arguments, hs_exec_adapt(&adapted, kind, environment));
}

static __attribute__((noinline)) int execute_other_fd(int fd, char *const arguments[],
                                                      char *const environment[],
                                                      enum hs_exec_kind kind)
{
    struct hs_adapted adapted;
    return hs_next_fexecve()(fd, arguments, hs_exec_adapt(&adapted, kind, environment));
}

static int execute_with(const char *path, char *const arguments[],
                        char *const environment[])
{
    if (!hs_next_execve())
        return missing();
    bool has_left = leave();
    enum hs_exec_kind kind = hs_exec_kind_of(path);
    if (kind != HS_EXEC_SAME)
        return stay(has_left, execute_other(path, arguments, environment, kind));
    return stay(has_left, hs_next_execve()(path, arguments, environment));
}

HS_EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    return execute_with(path, arguments, environment);
}

static int execute_path(const char *path, char *const arguments[])
{
    if (!hs_next_execv())
        return missing();
    bool has_left = leave();
    enum hs_exec_kind kind = hs_exec_kind_of(path);
    if (kind != HS_EXEC_SAME && hs_next_execve())
        return stay(has_left, execute_other(path, arguments, environ, kind));
    return stay(has_left, hs_next_execv()(path, arguments));
}

HS_EXPORT int execv(const char *path, char *const arguments[])
{
    return execute_path(path, arguments);
}

static int execute_file(const char *file, char *const arguments[])
{
    if (!hs_next_execvp())
        return missing();
    bool has_left = leave();
    enum hs_exec_kind kind = hs_exec_kind_of_name(file);
    if (kind != HS_EXEC_SAME && hs_next_execvpe())
        return stay(has_left, execute_other_file(file, arguments, environ, kind));
    return stay(has_left, hs_next_execvp()(file, arguments));
}

HS_EXPORT int execvp(const char *file, char *const arguments[])
{
    return execute_file(file, arguments);
}

HS_EXPORT int execvpe(const char *file, char *const arguments[],
                      char *const environment[])
{
    if (!hs_next_execvpe())
        return missing();
    bool has_left = leave();
    enum hs_exec_kind kind = hs_exec_kind_of_name(file);
    if (kind != HS_EXEC_SAME)
        return stay(has_left, execute_other_file(file, arguments, environment, kind));
    return stay(has_left, hs_next_execvpe()(file, arguments, environment));
}

HS_EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
    if (!hs_next_fexecve())
        return missing();
    bool has_left = leave();
    enum hs_exec_kind kind = hs_exec_kind_of_fd(fd);
    if (kind != HS_EXEC_SAME)
        return stay(has_left, execute_other_fd(fd, arguments, environment, kind));
    return stay(has_left, hs_next_fexecve()(fd, arguments, environment));
}

HS_EXPORT int execveat(int folder, const char *path, char *const arguments[],
                       char *const environment[], int flags);
HS_EXPORT int execveat(int folder, const char *path, char *const arguments[],
                       char *const environment[], int flags)
{
    if (!hs_next_execveat())
        return missing();
    bool has_left = leave();
    return stay(has_left,
                hs_next_execveat()(folder, path, arguments, environment, flags));
}

/* ---- arguments one by one ---- */

/* How many follow `first`, with the NULL that ends them. */
static size_t count_rest(va_list *list)
{
    size_t count = 1;
    while (va_arg(*list, char *))
        count++;
    return count;
}

static void collect(char **into, const char *first, va_list *list)
{
    *into = (char *)(size_t)first;
    do
        *++into = va_arg(*list, char *);
    while (*into);
}

HS_EXPORT int execl(const char *path, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **arguments = alloca((count_rest(&list) + 1) * sizeof(char *));
    va_end(list);
    va_start(list, argument);
    collect(arguments, argument, &list);
    va_end(list);
    return execute_path(path, arguments);
}

HS_EXPORT int execlp(const char *file, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **arguments = alloca((count_rest(&list) + 1) * sizeof(char *));
    va_end(list);
    va_start(list, argument);
    collect(arguments, argument, &list);
    va_end(list);
    return execute_file(file, arguments);
}

/* The environment comes behind the NULL. */
HS_EXPORT int execle(const char *path, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **arguments = alloca((count_rest(&list) + 1) * sizeof(char *));
    va_end(list);
    va_start(list, argument);
    collect(arguments, argument, &list);
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    return execute_with(path, arguments, environment);
}
