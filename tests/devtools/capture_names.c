// SPDX-License-Identifier: MIT

/*
 * A snapshot of a tracked process with instance names forced on or off: the choice that
 * the library offers and the command line makes by itself.
 *
 *   capture_names PID FILE 0|1
 */

#include <stdio.h>
#include <stdlib.h>

#include "heapsnap/assemble.h"
#include "heapsnap/capture.h"
#include "heapsnap/process.h"
#include "heapsnap/snapshot.h"

static int capture(pid_t pid, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_process *process = NULL;
    int status = hs_process_open(pid, &process, err);
    if (status < 0)
        return status;
    status = hs_process_capture(process, 30000, ret, err);
    hs_process_close(process);
    return status;
}

static int save(const struct hs_capture *capture, int names, const char *path,
                struct hs_error *err)
{
    struct hs_assemble_options options = {.instance_names = names};
    struct hs_snapshot *snapshot = NULL;
    int status = hs_assemble(capture, &options, &snapshot, err);
    if (status < 0)
        return status;
    status = hs_snapshot_save(snapshot, path, err);
    hs_snapshot_destroy(snapshot);
    return status;
}

int main(int argc, char **argv)
{
    struct hs_capture tables = {0};
    struct hs_error err = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: capture_names PID FILE 0|1\n");
        return 2;
    }

    int status = capture(atoi(argv[1]), &tables, &err);
    if (status == 0)
        status = save(&tables, atoi(argv[3]), argv[2], &err);
    hs_capture_close(&tables);
    if (status < 0)
        fprintf(stderr, "capture_names: %s\n", err.text);
    return status < 0;
}
