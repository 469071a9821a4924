// SPDX-License-Identifier: MIT

/*
 * The process is let go as soon as its capture is made; names and the file come later.
 *
 * A copy of the process lives for seconds only, while the process itself may be held as
 * long as it takes: so a heap too big for the copy is walked once more, standing still.
 */

#include "tools/external.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "heapsnap/heap.h"
#include "probes/abi.h"

#define COMMAND_SHOWN 60

static void say(const struct hs_capture *capture, const struct hs_heap_report *report)
{
    const struct hs_capture_header *header = capture->header;
    fprintf(
        stderr,
        "heapsnap: process %d (%.*s) ran without the preloaded library: who allocated a "
        "block, and when, is not known, and sizes are malloc's\n",
        (int)header->pid, COMMAND_SHOWN,
        hs_capture_string(capture, header->strings_command));
    if (report->n_busy > 0)
        fprintf(stderr,
                "heapsnap: %zu of %zu arenas were in the middle of a malloc: a few of "
                "their blocks may be wrong\n",
                report->n_busy, report->n_arenas);
    if (report->n_damages > 0)
        fprintf(stderr,
                "heapsnap: the heap contradicts itself at %zu places, first at 0x%" PRIx64
                "; blocks in %" PRIu64 " bytes could not be told apart\n",
                report->n_damages, report->first_damage, report->unclear_bytes);
}

static int walk(struct hs_memory *memory, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_heap_report report;
    int result = hs_heap_capture(memory, ret, &report, err);
    hs_memory_close(memory);
    if (result == 0)
        say(ret, &report);
    return result;
}

int hs_external_process(pid_t pid, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_memory *memory;
    int result = hs_memory_open_process(pid, &memory, err);
    if (result == 0)
        result = walk(memory, ret, err);
    if (result != -ESTALE)
        return result;
    *err = (struct hs_error){0};
    result = hs_memory_open_stopped(pid, &memory, err);
    return result == 0 ? walk(memory, ret, err) : result;
}

int hs_external_core(const char *core, const char *executable, struct hs_capture *ret,
                     struct hs_error *err)
{
    struct hs_memory *memory;
    int result = hs_memory_open_core(core, executable, &memory, err);
    return result == 0 ? walk(memory, ret, err) : result;
}
