// SPDX-License-Identifier: MIT

/*
 * The memory of a live process, behind the interface of heapsnap/memory.h.
 *
 * Two ways to read, never mixed up: process_vm_readv() is the faster one for a process that
 * is stopped itself, but would make the kernel copy every page of an image that shares
 * them with the program (5.19 and later take a pin that un-shares); there it is the mem
 * file, which does not.
 */

#include "heapsnap/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/memory_backend.h"
#include "libheapsnap/image/memory_call.h"
#include "libheapsnap/image/memory_look.h"
#include "libheapsnap/image/memory_pages.h"
#include "libheapsnap/image/memory_refusal.h"
#include "libheapsnap/image/proc.h"

#define COMMAND_SIZE 4096
#define READ_MAX (64u << 20) /* by one system call */

struct live {
    struct hs_memory memory; /* first: the same address */
    struct hs_memory_tables tables;
    struct hs_look look;
    bool is_looking;
    bool has_vm_read; /* process_vm_readv() is right and allowed */
    int mem_fd, pagemap_fd;
    char command[COMMAND_SIZE];
    char executable[PATH_MAX];
};

static const struct live *live_of(const struct hs_memory *memory)
{
    return (const struct live *)memory;
}

/* Whose files in /proc are read: the image's, or those of the process itself. */
static pid_t holder_of(const struct live *live)
{
    return live->look.image ? live->look.image : live->memory.pid;
}

static ssize_t read_once(const struct live *live, uint64_t address, void *buffer,
                         size_t size)
{
    if (live->has_vm_read) {
        struct iovec to = {buffer, size};
        struct iovec from = {(void *)(uintptr_t)address, size};
        return process_vm_readv(live->memory.pid, &to, 1, &from, 1, 0);
    }
    return address > INT64_MAX ? -1 : pread(live->mem_fd, buffer, size, (off_t)address);
}

static size_t live_read(const struct hs_memory *memory, uint64_t address, void *buffer,
                        size_t size)
{
    const struct live *live = live_of(memory);
    size_t done = 0;
    while (done < size) {
        size_t wanted = size - done < READ_MAX ? size - done : READ_MAX;
        ssize_t got = read_once(live, address + done, (char *)buffer + done, wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static bool live_present(const struct hs_memory *memory, uint64_t address, uint64_t end,
                         uint64_t *ret_start, uint64_t *ret_end)
{
    return hs_pages_present(memory, live_of(memory)->pagemap_fd, address, end, ret_start,
                            ret_end);
}

static bool live_is_whole(const struct hs_memory *memory)
{
    struct hs_proc_state state;
    return hs_proc_state(holder_of(live_of(memory)), &state)
           && strchr("ZX", state.state) == NULL;
}

/* End the look and forget what it saw; the memory shows nothing then. */
static void forget(struct live *live)
{
    if (live->is_looking)
        hs_look_end(&live->look);
    live->is_looking = false;
    if (live->mem_fd >= 0)
        close(live->mem_fd);
    if (live->pagemap_fd >= 0)
        close(live->pagemap_fd);
    live->mem_fd = live->pagemap_fd = -1;
    hs_tables_clear(&live->tables);
    hs_tables_publish(&live->tables, &live->memory);
}

static void live_close(struct hs_memory *memory)
{
    struct live *live = (struct live *)memory;
    forget(live);
    free(live);
}

static int open_files(struct live *live, struct hs_error *err)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)holder_of(live));
    live->pagemap_fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)holder_of(live));
    live->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (live->mem_fd < 0)
        return hs_memory_refuse(live->memory.pid, errno, err);
    return 0;
}

/* A sandbox may forbid the system call: then the mem file serves, too. */
static void choose_read(struct live *live)
{
    uint64_t word;
    live->has_vm_read = false;
    if (live->look.image || live->memory.n_ranges == 0)
        return;
    struct iovec to = {&word, sizeof(word)};
    for (size_t i = 0; i < live->memory.n_ranges && !live->has_vm_read; i++) {
        struct iovec from = {(void *)(uintptr_t)live->memory.ranges[i].start,
                             sizeof(word)};
        live->has_vm_read =
            process_vm_readv(live->memory.pid, &to, 1, &from, 1, 0) == sizeof(word);
    }
}

static void show_look(struct live *live)
{
    struct hs_memory *memory = &live->memory;
    memory->way = live->look.image ? HS_MEMORY_IMAGE : HS_MEMORY_STOPPED;
    memory->way_reason = live->look.reason;
    memory->stopped_ns = live->look.stopped_ns;
    memory->pause_ns = live->look.image ? live->look.pause_ns : 0;
    memory->fork_ns = live->look.fork_ns;
    live->tables.threads.at = live->look.threads.at;
    live->tables.threads.count = live->look.threads.count;
    live->tables.threads.room = live->look.threads.room;
    live->look.threads.at = NULL;
    live->look.threads.count = live->look.threads.room = 0;
}

/* Before the stop, since it takes a while: a process that runs may be read as well. */
static struct hs_place find_place(struct live *live, const struct hs_memory_auxv *auxv)
{
    struct hs_place place = {0};
    live->has_vm_read = false;
    if (open_files(live, NULL) == 0
        && hs_tables_read_maps(&live->tables, live->memory.pid) == 0) {
        hs_tables_publish(&live->tables, &live->memory);
        place = hs_call_place(&live->memory, auxv);
    }
    forget(live);
    return place;
}

static int look(struct live *live, bool wants_image, struct hs_error *err)
{
    struct hs_memory_auxv auxv;
    hs_auxv_read(live->memory.pid, &auxv);
    live->look.image = 0;
    struct hs_place place = {0};
    if (wants_image)
        place = find_place(live, &auxv);
    int result = hs_look_begin(&live->look, live->memory.pid, wants_image, &place, err);
    if (result != 0)
        return result;
    live->is_looking = true;
    show_look(live);
    result = open_files(live, err);
    if (result != 0)
        return result;
    result = hs_tables_read_maps(&live->tables, holder_of(live));
    if (result != 0)
        return hs_memory_refuse(live->memory.pid, -result, err);
    hs_tables_publish(&live->tables, &live->memory);
    choose_read(live);

    if (!hs_tables_find_modules(&live->tables, &live->memory, &auxv))
        return hs_error_set(err, ENOMEM, "no memory for the modules of process %d",
                            (int)live->memory.pid);
    hs_tables_publish(&live->tables, &live->memory);
    return 0;
}

static int live_resume(struct hs_memory *memory, unsigned int milliseconds,
                       struct hs_error *err)
{
    struct live *live = (struct live *)memory;
    bool wants_image = live->look.wants_image;
    forget(live);
    usleep((useconds_t)milliseconds * 1000u);
    return look(live, wants_image, err);
}

static const struct hs_memory_backend live_backend = {
    .read = live_read,
    .present = live_present,
    .is_whole = live_is_whole,
    .resume = live_resume,
    .close = live_close,
};

static void describe(struct live *live)
{
    pid_t pid = live->memory.pid;
    char path[64];
    hs_proc_command(pid, live->command, sizeof(live->command));
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, live->executable, sizeof(live->executable) - 1);
    live->executable[length > 0 ? length : 0] = '\0';
    live->memory.command = live->command;
    live->memory.executable = live->executable;
}

static int open_live(pid_t pid, bool wants_image, struct hs_memory **ret,
                     struct hs_error *err)
{
    if (pid <= 0)
        return hs_error_set(err, ESRCH, "%d is no process id", (int)pid);
    int result = hs_memory_check_machine(pid, err);
    if (result != 0)
        return result;
    struct live *live = calloc(1, sizeof(*live));
    if (!live)
        return hs_error_set(err, ENOMEM, "no memory to look at process %d", (int)pid);
    live->memory.pid = pid;
    live->memory.backend = &live_backend;
    live->mem_fd = live->pagemap_fd = -1;
    describe(live);
    result = look(live, wants_image, err);
    if (result != 0)
        live_close(&live->memory);
    else
        *ret = &live->memory;
    return result;
}

int hs_memory_open_process(pid_t pid, struct hs_memory **ret, struct hs_error *err)
{
    return open_live(pid, true, ret, err);
}

int hs_memory_open_stopped(pid_t pid, struct hs_memory **ret, struct hs_error *err)
{
    return open_live(pid, false, ret, err);
}
