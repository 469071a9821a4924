// SPDX-License-Identifier: MIT

/*
 * The mappings of a process from /proc/PID/maps, whose lines read
 *
 *     start-end rwxp offset device inode   path
 *
 * (proc_pid_maps(5)). The path keeps its blanks; a newline in it is written "\012".
 */

#include "libheapsnap/image/memory_backend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"

/* The kernel writes at most PATH_MAX bytes, each up to four characters. */
#define LINE_SIZE (4 * 4096 + 256)

static uint32_t flags_of(const char mode[5], const char *path)
{
    uint32_t flags = 0;
    flags |= mode[0] == 'r' ? HS_BLOCK_READ : 0;
    flags |= mode[1] == 'w' ? HS_BLOCK_WRITE : 0;
    flags |= mode[2] == 'x' ? HS_BLOCK_EXECUTE : 0;
    flags |= mode[3] == 's' ? HS_BLOCK_SHARED : 0;
    return flags | (*path == '/' ? HS_BLOCK_FILE : 0);
}

/* Paths come in runs, one a segment of the same file: one copy serves all. */
static const char *string_of(struct hs_memory_tables *tables, const char *path)
{
    size_t count = tables->ranges.count;
    const char *last = count > 0 ? tables->ranges.at[count - 1].path : "";
    return strcmp(path, last) == 0 ? last : hs_tables_string(tables, path, strlen(path));
}

static bool take_line(struct hs_memory_tables *tables, char *line)
{
    struct hs_memory_range range = {0};
    char mode[5];
    int path_at = 0;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &range.start,
               &range.end, mode, &range.file_offset, &path_at)
            < 4
        || path_at == 0 || range.start >= range.end)
        return true;
    const char *path = line + path_at;
    if (strcmp(path, "[vsyscall]") == 0) /* not of the process: the kernel's own half */
        return true;
    range.flags = flags_of(mode, path);
    range.path = string_of(tables, path);
    return range.path && hs_array_push(&tables->ranges, range);
}

int hs_tables_read_maps(struct hs_memory_tables *tables, pid_t pid)
{
    char name[64], line[LINE_SIZE];
    snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
    hs_auto_fclose FILE *file = fopen(name, "re");
    if (!file)
        return -errno;
    while (fgets(line, sizeof(line), file))
        if (!take_line(tables, line))
            return -ENOMEM;
    return ferror(file) ? -EIO : 0;
}
