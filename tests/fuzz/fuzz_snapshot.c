// SPDX-License-Identifier: MIT

/*
 * Any bytes as a snapshot: loading refuses or understands them, and what it understands
 * can be analysed, compared with itself and saved. Built for libFuzzer with
 *
 *     clang -fsanitize=fuzzer,address,undefined fuzz_snapshot.c …
 *
 * and always with replay.c, which runs the corpus in the ordinary tests.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapsnap/analysis.h"
#include "heapsnap/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void explain(const struct hs_snapshot *snapshot)
{
    struct hs_analysis *analysis = NULL;
    struct hs_analysis_options options = {.with_retained = true};
    if (hs_analysis_create(snapshot, &options, &analysis, NULL) < 0)
        return;
    if (analysis->retained[snapshot->root] + snapshot->extra_native_bytes
        != analysis->total)
        abort(); /* the root holds everything */
    char text[256];
    for (uint32_t node = 0; node < snapshot->node_count && node < 100; node++) {
        hs_holder_text(analysis, node, text, sizeof(text));
        uint32_t site = hs_site_find(snapshot, node);
        if (site != HS_ANALYSIS_NONE)
            hs_site_text(snapshot, site, text, sizeof(text));
    }
    for (int by = HS_BY_CLASS; by <= HS_BY_MODULE; by++) {
        struct hs_comparison *comparison = NULL;
        if (hs_comparison_create(analysis, analysis, (enum hs_comparison_by)by,
                                 &comparison, NULL)
                == 0
            && comparison->row_count != 0)
            abort(); /* nothing differs from itself */
        hs_comparison_destroy(comparison);
    }
    hs_analysis_destroy(analysis);
}

/* What was read can be written, and then says the same. */
static void rewrite(const struct hs_snapshot *snapshot)
{
    char path[64];
    struct hs_snapshot *again = NULL;
    struct hs_error err = {0};
    snprintf(path, sizeof(path), "/dev/shm/heapsnap-fuzz-%d", getpid());
    if (hs_snapshot_save(snapshot, path, &err) < 0
        || hs_snapshot_load(path, &again, &err) < 0
        || !hs_snapshot_equal(snapshot, again, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    hs_snapshot_destroy(again);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("snapshot", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    int result = hs_snapshot_load(path, &snapshot, &err);
    close(fd);
    if (result < 0 && (!err.text[0] || snapshot))
        abort(); /* a refusal says why and gives nothing */
    if (result == 0) {
        explain(snapshot);
        rewrite(snapshot);
    }
    hs_snapshot_destroy(snapshot);
    return 0;
}
