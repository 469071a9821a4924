// SPDX-License-Identifier: MIT

/*
 * Does the walk from outside see the blocks that the shim knows? Both look at the same
 * process, the walk twice, around the shim: when it saw the same both times, nothing has
 * changed in between. Only blocks from before the shim was ready may be in excess.
 *
 *   same_as_shim PID
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "heapsnap/heap.h"
#include "heapsnap/process.h"
#include "probes/abi.h"

#define TRIES 20
#define EARLY_MAX 24u /* blocks of libc, the loader, and constructors before ours */

static int fail(const struct hs_error *err)
{
    printf("%s\n", err->text);
    return 1;
}

static int walk(pid_t pid, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_memory *memory = NULL;
    int result = hs_memory_open_process(pid, &memory, err);
    if (result == 0)
        result = hs_heap_capture(memory, ret, NULL, err);
    hs_memory_close(memory);
    return result;
}

static int ask(pid_t pid, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_process *process = NULL;
    int result = hs_process_open(pid, &process, err);
    if (result == 0)
        result = hs_process_capture(process, 30000, ret, err);
    hs_process_close(process);
    return result;
}

/* Leave out mappings, which the shim knows one by one and the kernel joins. */
static size_t keep_heap(const struct hs_capture *capture, size_t **ret)
{
    size_t count = 0;
    size_t *indexes = malloc((capture->n_blocks + 1) * sizeof(*indexes));
    if (!indexes)
        abort();
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (!(capture->blocks[i].flags & HS_BLOCK_MAPPING))
            indexes[count++] = i;
    *ret = indexes;
    return count;
}

static bool are_equal(const struct hs_capture *left, const struct hs_capture *right)
{
    if (left->n_blocks != right->n_blocks)
        return false;
    for (size_t i = 0; i < left->n_blocks; i++)
        if (left->blocks[i].address != right->blocks[i].address)
            return false;
    return true;
}

static int compare(const struct hs_capture *shim, const struct hs_capture *walked)
{
    size_t same = 0, missed = 0, more = 0, small = 0, at = 0;
    size_t *ours, *theirs;
    size_t n_ours = keep_heap(walked, &ours), n_theirs = keep_heap(shim, &theirs);
    for (size_t i = 0; i < n_theirs; i++) {
        const struct hs_capture_block *block = &shim->blocks[theirs[i]];
        for (; at < n_ours && walked->blocks[ours[at]].address < block->address; at++)
            more++;
        if (at == n_ours || walked->blocks[ours[at]].address != block->address) {
            missed++;
            continue;
        }
        small += walked->blocks[ours[at++]].size < block->size;
        same++;
    }
    more += n_ours - at;
    free(ours);
    free(theirs);
    printf("%zu blocks the same, %zu missed, %zu more, %zu too small\n", same, missed,
           more, small);
    return same == 0 || missed || small || more > EARLY_MAX;
}

int main(int argc, char **argv)
{
    pid_t pid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;
    for (int i = 0; i < TRIES; i++) {
        struct hs_error err = {0};
        struct hs_capture before = {0}, shim = {0}, after = {0};
        if (walk(pid, &before, &err) || ask(pid, &shim, &err) || walk(pid, &after, &err))
            return fail(&err);
        bool is_quiet = are_equal(&before, &after);
        int result = is_quiet ? compare(&shim, &after) : 1;
        hs_capture_close(&before);
        hs_capture_close(&shim);
        hs_capture_close(&after);
        if (is_quiet)
            return result;
        usleep(100000);
    }
    printf("process %d never was quiet\n", (int)pid);
    return 1;
}
