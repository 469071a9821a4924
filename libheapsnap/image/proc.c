// SPDX-License-Identifier: MIT

/*
 * Reading /proc. The one trap: pids are numbers of a namespace. A process in a container
 * knows itself, and everybody it names, by the numbers of its own namespace; the NSpid
 * line of its status file holds the same process's number in each namespace, ours first.
 */

#include "libheapsnap/image/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"

/* A small file of /proc as text; the length, or -1. */
static ssize_t read_file(pid_t pid, const char *name, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t done = 0;
    while (done < size - 1) {
        ssize_t count = read(fd, ret + done, size - 1 - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    ret[done] = '\0';
    return (ssize_t)done;
}

bool hs_proc_state(pid_t pid, struct hs_proc_state *ret)
{
    char text[1024];
    if (read_file(pid, "stat", text, sizeof(text)) <= 0)
        return false;
    /* The name in parentheses may itself contain anything, parentheses included. */
    const char *field = strrchr(text, ')');
    struct hs_proc_state found = {0};
    if (!field || sscanf(field + 1, " %c", &found.state) != 1)
        return false;
    int number = 2;
    for (field++; *field && number < 22; field++)
        number += *field == ' ';
    if (sscanf(field, "%" SCNu64, &found.start_time) != 1)
        return false;
    *ret = found;
    return true;
}

bool hs_proc_status_field(pid_t pid, const char *name, char *ret, size_t size)
{
    char text[8192];
    if (read_file(pid, "status", text, sizeof(text)) <= 0)
        return false;
    size_t length = strlen(name);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *value = line + length + 1;
        value += strspn(value, " \t");
        snprintf(ret, size, "%.*s", (int)strcspn(value, "\n"), value);
        return true;
    }
    return false;
}

bool hs_proc_inner_pid(pid_t pid, pid_t *ret, int *ret_depth)
{
    char text[256];
    if (!hs_proc_status_field(pid, "NSpid", text, sizeof(text)))
        return false;
    long last = 0;
    int depth = 0;
    for (char *at = text, *end; *at; at = end) {
        last = strtol(at, &end, 10);
        if (end == at)
            break;
        depth++;
        end += strspn(end, " \t");
    }
    if (depth == 0 || last <= 0)
        return false;
    *ret = (pid_t)last;
    *ret_depth = depth;
    return true;
}

static bool namespace_of(pid_t pid, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    ssize_t length = readlink(path, ret, size - 1);
    if (length < 0)
        return false;
    ret[length] = '\0';
    return true;
}

struct outer_search {
    char wanted[64];
    pid_t inner;
    pid_t found;
};

static bool is_wanted(pid_t pid, void *context)
{
    struct outer_search *search = context;
    pid_t inner;
    int depth;
    char space[64];
    if (hs_proc_inner_pid(pid, &inner, &depth) && inner == search->inner
        && namespace_of(pid, space, sizeof(space)) && strcmp(space, search->wanted) == 0)
        search->found = pid;
    return search->found == 0;
}

pid_t hs_proc_outer_pid(pid_t pid, pid_t inner)
{
    pid_t own;
    int depth;
    if (inner <= 0 || !hs_proc_inner_pid(pid, &own, &depth))
        return 0;
    struct hs_proc_state state;
    if (depth == 1)
        return hs_proc_state(inner, &state) ? inner : 0;
    struct outer_search search = {.inner = inner};
    if (!namespace_of(pid, search.wanted, sizeof(search.wanted)))
        return 0;
    hs_proc_each(is_wanted, &search);
    return search.found;
}

void hs_proc_command(pid_t pid, char *ret, size_t size)
{
    char text[4096];
    ssize_t length = read_file(pid, "cmdline", text, sizeof(text));
    if (length > 0) {
        /* Words end in NUL; the last one's is not a blank, and control bytes would
           break a table or a terminal. */
        while (length > 0 && text[length - 1] == '\0')
            length--;
        for (ssize_t i = 0; i < length; i++)
            if ((unsigned char)text[i] < ' ' || text[i] == 127)
                text[i] = ' ';
        text[length] = '\0';
    }
    if (length > 0) {
        snprintf(ret, size, "%s", text);
    } else if (read_file(pid, "comm", text, sizeof(text)) > 0) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(ret, size, "[%s]", text);
    } else {
        snprintf(ret, size, "?");
    }
}

bool hs_proc_catches(pid_t pid, int signal)
{
    char text[64];
    if (signal < 1 || signal > 64
        || !hs_proc_status_field(pid, "SigCgt", text, sizeof(text)))
        return false;
    uint64_t caught = strtoull(text, NULL, 16);
    return caught >> (signal - 1) & 1;
}

int hs_proc_each(bool (*visit)(pid_t pid, void *context), void *context)
{
    DIR *directory = opendir("/proc");
    if (!directory)
        return -errno;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && pid <= INT32_MAX && *end == '\0' && !visit((pid_t)pid, context))
            break;
    }
    closedir(directory);
    return 0;
}
