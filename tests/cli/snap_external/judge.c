// SPDX-License-Identifier: MIT

/*
 * Ground truth: what the walk of a heap says is live, against what the program itself
 * knows. Nothing may be missing; sizes must be enough for what was asked; and what is
 * there in excess must be few: libc's own blocks, and one a thread between malloc and the
 * table.
 *
 *   judge SUBJECT rest|churn      start the subject and look at it, three times
 *   judge --pid PID TABLE         a stopped process
 *   judge --core CORE TABLE       a core file, and the table as it was then
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heapsnap/heap.h"
#include "probes/abi.h"
#include "table.h"

#define EXTRA_MAX 40u
#define ROUNDS 3

static const struct hs_capture_block *find(const struct hs_capture *capture,
                                           uint64_t address)
{
    size_t low = 0, high = capture->n_blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (capture->blocks[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < capture->n_blocks && capture->blocks[low].address == address
               ? &capture->blocks[low]
               : NULL;
}

static size_t count_heap_blocks(const struct hs_capture *capture)
{
    size_t count = 0;
    for (size_t i = 0; i < capture->n_blocks; i++)
        count += !(capture->blocks[i].flags & HS_BLOCK_MAPPING);
    return count;
}

/* What malloc adds to a request is at most a page (mappings), mostly 24 bytes. */
static bool is_right_size(const struct hs_memory *memory,
                          const struct hs_capture_block *block)
{
    uint64_t asked = 0;
    if (hs_memory_read(memory, block->address, &asked, sizeof(asked)) != sizeof(asked))
        return false;
    /* A remainder too small for a chunk stays with the block, and alignment costs. */
    return block->size >= asked && block->size - asked < 4096 + 64;
}

static int compare(const struct table *table, const struct hs_memory *memory,
                   const struct hs_capture *capture, const struct hs_heap_report *report)
{
    size_t live = 0, missed = 0, wrong = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        uint64_t address = table->slots[i];
        if (!address)
            continue;
        live++;
        const struct hs_capture_block *block = find(capture, address);
        missed += !block;
        wrong += block && !is_right_size(memory, block);
        if (!block && missed <= 5)
            printf("missed: 0x%" PRIx64 "\n", address);
    }
    size_t found = count_heap_blocks(capture), extra = found - (live - missed);
    printf("%zu live, %zu found, %zu missed, %zu of a wrong size, %zu more; %zu arenas "
           "(%zu busy), %zu cached, %zu mapped, %zu damages, %" PRIu64 " bytes unclear\n",
           live, found, missed, wrong, extra, report->n_arenas, report->n_busy,
           report->n_cached, report->n_mapped, report->n_damages, report->unclear_bytes);
    bool is_damaged = report->n_busy == 0 && report->n_damages > 0;
    return live == 0 || missed || wrong || extra > EXTRA_MAX || is_damaged;
}

static int judge(struct hs_memory *memory, const struct table *table)
{
    struct hs_error err = {0};
    struct hs_capture capture = {0};
    struct hs_heap_report report;
    if (hs_heap_capture(memory, &capture, &report, &err) != 0) {
        printf("%s\n", err.text);
        return 1;
    }
    int result = compare(table, memory, &capture, &report);
    hs_capture_close(&capture);
    return result;
}

static int judge_core(const char *core, const struct table *table)
{
    struct hs_error err = {0};
    struct hs_memory *memory = NULL;
    if (hs_memory_open_core(core, NULL, &memory, &err) != 0) {
        printf("%s\n", err.text);
        return 1;
    }
    int result = judge(memory, table);
    hs_memory_close(memory);
    return result;
}

static int judge_process(pid_t pid, const struct table *table)
{
    struct hs_error err = {0};
    struct hs_memory *memory = NULL;
    if (hs_memory_open_process(pid, &memory, &err) != 0) {
        printf("%s\n", err.text);
        return 1;
    }
    int result = judge(memory, table);
    hs_memory_close(memory);
    return result;
}

static struct table *open_table(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct table *table =
        mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || table == MAP_FAILED) {
        printf("%s: %s\n", path, strerror(errno));
        exit(2);
    }
    close(fd);
    return table;
}

static pid_t start(const char *subject, const char *file, const char *mode)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(subject, subject, file, mode, "60000", (char *)NULL);
    _exit(127);
}

static void await_stop(pid_t pid)
{
    int status;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
}

static int run(const char *subject, const char *mode)
{
    char file[] = "/tmp/heapsnap-table.XXXXXX";
    int fd = mkstemp(file), failures = 0;
    if (fd < 0 || ftruncate(fd, sizeof(struct table)) != 0)
        return 2;
    close(fd);
    struct table *table = open_table(file);
    pid_t pid = start(subject, file, mode);
    while (__atomic_load_n(&table->n_ready, __ATOMIC_SEQ_CST) < THREADS) {
        usleep(1000);
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            printf("%s has ended\n", subject);
            unlink(file);
            return 1;
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        await_stop(pid);
        failures += judge_process(pid, table);
        kill(pid, SIGCONT);
        usleep(20000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(file);
    return failures;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3)
        return run(argv[1], argv[2]) != 0;
    if (argc == 4 && strcmp(argv[1], "--pid") == 0)
        return judge_process((pid_t)atoi(argv[2]), open_table(argv[3]));
    if (argc == 4 && strcmp(argv[1], "--core") == 0)
        return judge_core(argv[2], open_table(argv[3]));
    return 2;
}
