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

int hs_find_self(char *ret, size_t size, struct hs_error *err)
{
    ssize_t length = readlink("/proc/self/exe", ret, size - 1);
    if (length < 0)
        return hs_error_set(err, errno, "cannot read /proc/self/exe: %s",
                            strerror(errno));
    ret[length] = '\0';
    return 0;
}

int hs_find_shim(char *ret, size_t size, struct hs_error *err)
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
    return hs_error_set(err, ENOENT,
                        HS_SHIM_NAME " is missing beside '%s'; build or install "
                                     "heapsnap again",
                        self);
}
