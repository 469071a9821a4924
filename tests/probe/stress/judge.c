// SPDX-License-Identifier: MIT

/*
 * The helper of the stress program: compares the capture of the exit with the ledger,
 * then lets the real helper write the snapshot. What it needs comes by the environment,
 * because the shim starts it: STRESS_LEDGER, STRESS_VERDICT (the file to write),
 * STRESS_HELPER, and STRESS_PID_FILE: captures of other processes, the children, are
 * checked and thrown away.
 *
 * Every block of the ledger must be in the capture with its size, allocated below the
 * recursion's depth; every block allocated below the accountable functions must be in the
 * ledger.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapsnap/capture.h"
#include "ledger.h"
#include "probes/abi.h"

#define EXAMPLES 10u

struct verdict {
    FILE *file;
    uint64_t missing, extra, other_size, other_stack, unknown_stack;
};

static bool is_in(const struct ledger_range *range, uint64_t address)
{
    return address > range->start && address <= range->end;
}

static uint32_t count_frames(const struct hs_capture *capture, uint32_t stack,
                             const struct ledger_range *range)
{
    uint32_t count = 0;
    for (uint32_t at = stack; at > HS_STACK_UNKNOWN; at = capture->frames[at].parent)
        count += is_in(range, capture->frames[at].address);
    return count;
}

__attribute__((format(printf, 3, 4))) static void
complain(struct verdict *verdict, uint64_t *count, const char *format, ...)
{
    va_list arguments;
    if (++*count > EXAMPLES)
        return;
    va_start(arguments, format);
    vfprintf(verdict->file, format, arguments);
    va_end(arguments);
}

static const char *who_text(uint32_t who)
{
    static const char *const names[LEDGER_WHO_COUNT] = {"?", "worker", "short-lived",
                                                        "handler", "plugin"};
    return who < LEDGER_WHO_COUNT ? names[who] : "?";
}

static void print_stack(struct verdict *verdict, const struct hs_capture *capture,
                        uint32_t stack)
{
    int rest = 12;
    for (uint32_t at = stack; at > HS_STACK_UNKNOWN && rest-- > 0;
         at = capture->frames[at].parent) {
        uint32_t index = capture->frames[at].module;
        const struct hs_capture_module *module =
            index < capture->n_modules ? &capture->modules[index] : NULL;
        fprintf(verdict->file, "    0x%" PRIx64 " %s+0x%" PRIx64 "\n",
                capture->frames[at].address,
                module ? capture->strings + module->path : "?",
                capture->frames[at].address - (module ? module->bias : 0));
    }
}

static void compare_pair(struct verdict *verdict, const struct hs_capture *capture,
                         const struct ledger_header *header,
                         const struct ledger_block *wanted,
                         const struct hs_capture_block *found)
{
    const char *who = who_text(wanted->who);
    if (found->size != wanted->size)
        complain(verdict, &verdict->other_size,
                 "size: 0x%" PRIx64 " of a %s has %" PRIu64 " bytes, not %" PRIu64 "\n",
                 wanted->address, who, found->size, wanted->size);
    if (found->stack <= HS_STACK_UNKNOWN) {
        complain(verdict, &verdict->unknown_stack,
                 "unknown: 0x%" PRIx64 " of a %s has no stack\n", wanted->address, who);
        return;
    }
    uint32_t depth = count_frames(capture, found->stack, &header->descend);
    bool is_right = wanted->who == LEDGER_HANDLER || depth == wanted->depth;
    if (!is_right || count_frames(capture, found->stack, &header->account) == 0) {
        complain(verdict, &verdict->other_stack,
                 "stack: 0x%" PRIx64 " of a %s is at depth %u, not %u\n", wanted->address,
                 who, depth, wanted->depth);
        if (verdict->other_stack <= 3)
            print_stack(verdict, capture, found->stack);
    }
}

static int by_address(const void *left, const void *right)
{
    const struct ledger_block *one = left, *other = right;
    return one->address < other->address ? -1 : one->address > other->address;
}

static void compare(struct verdict *verdict, const struct hs_capture *capture,
                    const struct ledger_header *header, const struct ledger_block *wanted)
{
    size_t at = 0;
    for (uint64_t i = 0; i <= header->n_blocks; i++) {
        uint64_t address = i < header->n_blocks ? wanted[i].address : UINT64_MAX;
        for (; at < capture->n_blocks && capture->blocks[at].address < address; at++) {
            const struct hs_capture_block *block = &capture->blocks[at];
            if (!(block->flags & HS_BLOCK_MAPPING)
                && count_frames(capture, block->stack, &header->account) > 0) {
                complain(verdict, &verdict->extra,
                         "extra: 0x%" PRIx64 " of %" PRIu64 " bytes, epoch %u\n",
                         block->address, block->size, block->birth_epoch);
                if (verdict->extra <= 3)
                    print_stack(verdict, capture, block->stack);
            }
        }
        if (i == header->n_blocks)
            break;
        if (at < capture->n_blocks && capture->blocks[at].address == address)
            compare_pair(verdict, capture, header, &wanted[i], &capture->blocks[at++]);
        else
            complain(verdict, &verdict->missing,
                     "missing: 0x%" PRIx64 " of a %s, %" PRIu64 " bytes\n", address,
                     who_text(wanted[i].who), wanted[i].size);
    }
}

static struct ledger_block *read_ledger(const char *path, struct ledger_header *ret)
{
    FILE *file = fopen(path, "re");
    if (!file || fread(ret, sizeof(*ret), 1, file) != 1 || ret->magic != LEDGER_MAGIC
        || ret->n_blocks > 1000000)
        return NULL;
    struct ledger_block *blocks = calloc(ret->n_blocks + 1, sizeof(*blocks));
    if (!blocks || fread(blocks, sizeof(*blocks), ret->n_blocks, file) != ret->n_blocks)
        return NULL;
    fclose(file);
    qsort(blocks, ret->n_blocks, sizeof(*blocks), by_address);
    return blocks;
}

static void judge(const struct hs_capture *capture, FILE *file)
{
    struct verdict verdict = {.file = file};
    struct ledger_header header;
    struct ledger_block *blocks = read_ledger(getenv("STRESS_LEDGER"), &header);
    if (!blocks || header.pid != capture->header->pid) {
        fprintf(file, "the ledger is not that of process %d\n", capture->header->pid);
        return;
    }
    compare(&verdict, capture, &header, blocks);
    fprintf(file,
            "%" PRIu64 " blocks in the ledger, %zu in the capture number %u; %" PRIu64
            " frees of unseen blocks, %" PRIu64 " records dropped, %u threads missed\n",
            header.n_blocks, capture->n_blocks, capture->header->sequence,
            (uint64_t)capture->header->foreign_frees, capture->header->records_dropped,
            capture->header->threads_missed);
    fprintf(file,
            "%" PRIu64 " missing, %" PRIu64 " extra, %" PRIu64
            " of another size, %" PRIu64 " with another stack, %" PRIu64
            " without a stack\n",
            verdict.missing, verdict.extra, verdict.other_size, verdict.other_stack,
            verdict.unknown_stack);
    free(blocks);
}

/* Instead of the real helper: the request is done. */
static void finish(int fd)
{
    struct hs_control *control =
        mmap(NULL, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        return;
    __atomic_store_n(&control->error, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&control->finished,
                     __atomic_load_n(&control->cookie, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
}

/* judge write-snapshot --capture FD --control FD */
int main(int argc, char **argv)
{
    struct hs_capture capture;
    struct hs_error err = {0};
    const char *pid = getenv("STRESS_PID_FILE"), *verdict = getenv("STRESS_VERDICT");
    if (argc < 6 || !pid || !verdict)
        return 2;
    if (hs_capture_open(atoi(argv[3]), &capture, &err) != 0) {
        fprintf(stderr, "judge: %s\n", err.text);
        return 1;
    }
    int main_pid = 0;
    FILE *file = fopen(pid, "re");
    if (!file || fscanf(file, "%d", &main_pid) != 1 || capture.header->pid != main_pid) {
        finish(atoi(argv[5]));
        return 0;
    }
    fclose(file);
    if (capture.header->trigger == HS_TRIGGER_EXIT && (file = fopen(verdict, "we"))) {
        judge(&capture, file);
        fclose(file);
    }
    hs_capture_close(&capture);
    execv(getenv("STRESS_HELPER"), argv);
    fprintf(stderr, "judge: cannot start the helper: %s\n", strerror(errno));
    return 1;
}
