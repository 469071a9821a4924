// SPDX-License-Identifier: MIT

/*
 * A descriptor lost on the error path: the file is opened, its first bytes are wrong, and
 * the early return forgets to close it. The good path is clean, so no test notices.
 *
 * verdict: leaks 20 handles at config_open
 */

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "phase.h"

static int config_open(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool config_load(const char *path)
{
    char magic[4];
    int fd = config_open(path);
    if (fd < 0)
        return false;
    if (read(fd, magic, sizeof(magic)) != sizeof(magic) || memcmp(magic, "CONF", 4) != 0)
        return false; /* the leak: close(fd) is missing on this path alone */
    close(fd);
    return true;
}

static void reload(int round)
{
    (void)round;
    config_load("/proc/self/status"); /* exists, and is no configuration */
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 20, reload);
}
