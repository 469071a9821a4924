// SPDX-License-Identifier: MIT

/*
 * The last step of every snapshot: a name, the graph, the file. A snapshot that fails
 * leaves nothing under the final name; hs_snapshot_save() sees to that.
 */

#include "tools/save.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "heapsnap/assemble.h"
#include "heapsnap/snapshot.h"
#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/roomy.h"

#define NAMES_TRIED 10000u

HS_DEFINE_GUARD(guard_snapshot, struct hs_snapshot *, hs_snapshot_destroy)

static int too_long(struct hs_error *err)
{
    return hs_error_set(err, ENAMETOOLONG, "the name of the snapshot is too long");
}

static int generate_path(const struct hs_capture_header *header, const char *directory,
                         uint32_t sequence, char *ret, size_t size, struct hs_error *err)
{
    time_t seconds = (time_t)(header->time / 1000000000u);
    struct tm utc = {0};
    char when[32];
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &utc);
    bool is_here = !directory || !*directory;
    int length =
        snprintf(ret, size, "%s%sheap.%d.%s.%u.heapsnapshot", is_here ? "" : directory,
                 is_here ? "" : "/", (int)header->pid, when, sequence);
    return length < 0 || (size_t)length >= size ? too_long(err) : 0;
}

struct job {
    const struct hs_capture *capture;
    const char *directory, *output;
    char *path;
    size_t size;
    struct hs_error *err;
    int result;
};

/* The first name from the capture's own number on that no file has. */
static int save_generated(const struct hs_snapshot *snapshot, const struct job *job)
{
    const struct hs_capture_header *header = job->capture->header;
    int result = -EEXIST;
    for (uint32_t i = 0; result == -EEXIST && i < NAMES_TRIED; i++) {
        *job->err = (struct hs_error){0};
        result = generate_path(header, job->directory, header->sequence + i, job->path,
                               job->size, job->err);
        if (result == 0)
            result = hs_snapshot_save_new(snapshot, job->path, job->err);
    }
    return result;
}

static int save_named(const struct hs_snapshot *snapshot, const struct job *job)
{
    int length = snprintf(job->path, job->size, "%s", job->output);
    if (length < 0 || (size_t)length >= job->size)
        return too_long(job->err);
    return hs_snapshot_save(snapshot, job->path, job->err);
}

static void save(void *context)
{
    struct job *job = context;
    hs_auto(guard_snapshot) struct hs_snapshot *snapshot = NULL;
    job->result = hs_assemble(job->capture, NULL, &snapshot, job->err);
    if (job->result == 0)
        job->result = job->output && *job->output ? save_named(snapshot, job)
                                                  : save_generated(snapshot, job);
}

int hs_save_capture(const struct hs_capture *capture, const char *directory,
                    const char *output, char *ret_path, size_t size, struct hs_error *err)
{
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error to report, not to die of */
    struct job job = {.capture = capture,
                      .directory = directory,
                      .output = output,
                      .path = ret_path,
                      .size = size,
                      .err = err};
    hs_tool_run_roomy(save, &job);
    return job.result;
}
