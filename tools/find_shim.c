// SPDX-License-Identifier: MIT

/*
 * Where the shim is: in the build tree this program was built in, in the prefix it lies
 * in now, or in the prefix it was configured for; in this order, so that a moved install
 * and a checkout both use what belongs to them.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/abi.h"
#include "tools/run.h"

#define OTHER "musl/" /* the folder, beside the shim, of the one for another libc */

int hs_find_self(char *ret, size_t size, struct hs_error *err)
{
    ssize_t length = readlink("/proc/self/exe", ret, size - 1);
    if (length < 0)
        return hs_error_set(err, errno, "cannot read /proc/self/exe: %s",
                            strerror(errno));
    ret[length] = '\0';
    return 0;
}

static int missing(bool for_other_libc, const char *self, struct hs_error *err)
{
    if (for_other_libc)
        return hs_error_set(err, ENOENT,
                            "the program is linked with another C library (musl) than "
                            "heapsnap's (glibc), and the shim for it is missing beside "
                            "'%s'; build heapsnap again where musl-gcc is (Debian: "
                            "musl-tools), or link the program with glibc",
                            self);
    return hs_error_set(err, ENOENT,
                        HS_SHIM_NAME " is missing beside '%s'; build or install "
                                     "heapsnap again",
                        self);
}

/* Put OTHER before the file's name in `path`. */
static void into_other(char *path, size_t size)
{
    char name[NAME_MAX + 1];
    char *slash = strrchr(path, '/');
    snprintf(name, sizeof(name), "%s", slash + 1);
    snprintf(slash + 1, size - (size_t)(slash + 1 - path), OTHER "%s", name);
}

int hs_find_shim(bool for_other_libc, char *ret, size_t size, struct hs_error *err)
{
    static const char *const places[] = {HEAPSNAP_SHIM_BUILT, HEAPSNAP_SHIM_RELATIVE,
                                         HEAPSNAP_SHIM_INSTALLED};
    char self[PATH_MAX], path[PATH_MAX * 2], resolved[PATH_MAX];
    int result = hs_find_self(self, sizeof(self), err);
    if (result != 0)
        return result;
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", places[i][0] == '/' ? "" : self, places[i]);
        if (for_other_libc)
            into_other(path, sizeof(path));
        if (!realpath(path, resolved) || access(resolved, R_OK) != 0)
            continue;
        if (strpbrk(resolved, " \t:"))
            return hs_error_set(err, EINVAL,
                                "LD_PRELOAD cannot express '%s' (blank or colon); move "
                                "heapsnap to another directory",
                                resolved);
        if (strlen(resolved) >= size)
            return hs_error_set(err, ENAMETOOLONG, "the path of the shim is too long");
        strcpy(ret, resolved);
        return 0;
    }
    return missing(for_other_libc, self, err);
}
