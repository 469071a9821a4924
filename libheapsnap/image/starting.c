// SPDX-License-Identifier: MIT

/*
 * Is a process without a control page about to get one?
 *
 * Between execve and the shim's first work lie milliseconds, more on a busy machine, in
 * which a tracked process looks like any other. Its environment tells them apart.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/connection.h"
#include "libheapsnap/image/proc.h"

#define ENVIRONMENT_MAX (1u << 20) /* more is not looked at */

/* The environment `pid` was executed with, NUL between and behind the variables. */
static char *read_environment(pid_t pid, size_t *ret_size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    hs_auto_free char *text = fd >= 0 ? malloc(ENVIRONMENT_MAX + 1) : NULL;
    if (!text)
        return NULL;
    size_t size = 0;
    ssize_t part;
    while (size < ENVIRONMENT_MAX
           && (part = read(fd, text + size, ENVIRONMENT_MAX - size)) > 0)
        size += (size_t)part;
    text[size] = '\0';
    *ret_size = size;
    return hs_take(text);
}

static const char *find_variable(const char *environment, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = environment; at < environment + size; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
    return NULL;
}

enum hs_starting hs_process_is_starting(pid_t pid)
{
    size_t size;
    pid_t inner;
    int depth;
    hs_auto_free char *environment = read_environment(pid, &size);
    if (!environment || !hs_proc_inner_pid(pid, &inner, &depth))
        return HS_STARTING_NO;
    if (size == 0)
        return HS_STARTING_UNKNOWN;
    const char *preload = find_variable(environment, size, "LD_PRELOAD");
    const char *only = find_variable(environment, size, HS_ENV_PID);
    bool has_shim = preload && strstr(preload, HS_SHIM_NAME);
    return has_shim && (!only || atoi(only) == inner) ? HS_STARTING_YES : HS_STARTING_NO;
}
