// SPDX-License-Identifier: MIT

/* The name that a program was started by is believed only when it leads to its file. */

#include "libheapsnap/symbols/started.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libheapsnap/symbols/name.h"

static bool is_same_file(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev
           && a.st_ino == b.st_ino;
}

char *hs_name_started(const char *path, const char *command)
{
    const char *base = hs_name_base(path);
    size_t word = strcspn(command, " ");
    char typed[NAME_MAX + 1], beside[PATH_MAX];
    if (base == path || word == 0 || word >= sizeof(beside))
        return strdup(base);
    memcpy(beside, command, word);
    beside[word] = '\0';
    const char *name = hs_name_base(beside);
    if (strlen(name) >= sizeof(typed) || strchr(name, '/'))
        return strdup(base);
    strcpy(typed, name);
    if ((size_t)snprintf(beside, sizeof(beside), "%.*s%s", (int)(base - path), path,
                         typed)
        >= sizeof(beside))
        return strdup(base);
    return strdup(is_same_file(path, beside) ? typed : base);
}
