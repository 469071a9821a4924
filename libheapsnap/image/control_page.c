// SPDX-License-Identifier: MIT

/*
 * Finding the control page: a memfd among the process's descriptors, recognised by its
 * link text and then by what it contains.
 *
 * A process can hold a page that is not its own: children between fork and exec, and the
 * frozen image itself, share or inherit the descriptor. The page names its owner in the
 * owner's own namespace; only a page that names the very process counts.
 */

#include "libheapsnap/image/connection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/proc.h"

static bool is_memfd_named(pid_t pid, int number, const char *name)
{
    char path[64], link[128], wanted[128];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, number);
    snprintf(wanted, sizeof(wanted), "/memfd:%s (deleted)", name);
    ssize_t length = readlink(path, link, sizeof(link) - 1);
    if (length < 0)
        return false;
    link[length] = '\0';
    return strcmp(link, wanted) == 0;
}

int hs_control_open_memfd(pid_t pid, int number, const char *name, struct hs_error *err)
{
    if (!is_memfd_named(pid, number, name))
        return hs_error_set(err, ENOENT, "descriptor %d of process %d is no %s", number,
                            (int)pid, name);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, number);
    hs_auto_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return hs_error_set(err, errno, "cannot open %s of process %d: %s", name,
                            (int)pid, strerror(errno));
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return hs_error_set(err, EINVAL, "%s of process %d is not sealed; refused", name,
                            (int)pid);
    return hs_take_fd(fd);
}

static int map_page(pid_t pid, int number, struct hs_control **ret, uint64_t *ret_inode,
                    struct hs_error *err)
{
    int opened = hs_control_open_memfd(pid, number, HS_CONTROL_NAME, err);
    if (opened < 0)
        return opened;
    hs_auto_close int fd = opened;
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size < (off_t)HS_CONTROL_SIZE)
        return hs_error_set(err, EPROTO, "the control page of process %d is damaged",
                            (int)pid);
    void *page = mmap(NULL, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return hs_error_set(err, errno, "cannot map the control page of process %d: %s",
                            (int)pid, strerror(errno));
    *ret = page;
    *ret_inode = status.st_ino;
    return 0;
}

static int check_page(pid_t pid, struct hs_control *control, struct hs_error *err)
{
    if (hs_control_load(&control->magic) != HS_CONTROL_MAGIC)
        return hs_error_set(err, EPROTO, "the control page of process %d is damaged",
                            (int)pid);
    uint32_t version = hs_control_load(&control->version);
    if (version != HS_ABI_VERSION
        || hs_control_load(&control->size) != sizeof(struct hs_control))
        return hs_error_set(err, EPROTO,
                            "process %d is tracked by another version of heapsnap "
                            "(interface %" PRIu32
                            ", this one is %u); use the heapsnap it "
                            "was started with",
                            (int)pid, version, HS_ABI_VERSION);
    return 0;
}

/* The page of one descriptor, when it is a page of this very process. */
static int try_page(pid_t pid, pid_t inner, int number, struct hs_control **ret,
                    uint64_t *ret_inode, struct hs_error *err)
{
    struct hs_control *control = NULL;
    uint64_t inode = 0;
    int result = map_page(pid, number, &control, &inode, err);
    if (result != 0)
        return result;
    if (hs_control_load(&control->magic) == HS_CONTROL_MAGIC
        && hs_control_load(&control->pid) != inner)
        result = -ENODATA;
    else
        result = check_page(pid, control, err);
    if (result != 0) {
        hs_control_unmap(control);
        return result;
    }
    *ret = control;
    *ret_inode = inode;
    return 0;
}

static int scan_descriptors(pid_t pid, pid_t inner, DIR *directory,
                            struct hs_control **ret, uint64_t *ret_inode,
                            struct hs_error *err)
{
    int result = -ENODATA;
    struct dirent *entry;
    while (result != 0 && (entry = readdir(directory))) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end || number < 0 || number > INT32_MAX
            || !is_memfd_named(pid, (int)number, HS_CONTROL_NAME))
            continue;
        struct hs_error problem = {0};
        int tried = try_page(pid, inner, (int)number, ret, ret_inode, &problem);
        if (tried == 0 || (tried != -ENODATA && result == -ENODATA))
            result = tried;
        if (tried != 0 && problem.code)
            hs_error_set(err, problem.code, "%s", problem.text);
    }
    return result;
}

int hs_control_map(pid_t pid, struct hs_control **ret, uint64_t *ret_inode,
                   struct hs_error *err)
{
    pid_t inner;
    int depth;
    if (!hs_proc_inner_pid(pid, &inner, &depth))
        return -ESRCH;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return errno == ENOENT ? -ESRCH : -errno;
    int result = scan_descriptors(pid, inner, directory, ret, ret_inode, err);
    closedir(directory);
    return result;
}

void hs_control_unmap(struct hs_control *control)
{
    if (control)
        munmap(control, HS_CONTROL_SIZE);
}

bool hs_control_is_held(pid_t pid, uint64_t inode)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return false;
    bool is_held = false;
    struct dirent *entry;
    while (!is_held && (entry = readdir(directory))) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end || number < 0 || number > INT32_MAX
            || !is_memfd_named(pid, (int)number, HS_CONTROL_NAME))
            continue;
        struct stat status;
        snprintf(path, sizeof(path), "/proc/%d/fd/%ld", (int)pid, number);
        is_held = stat(path, &status) == 0 && status.st_ino == inode;
    }
    closedir(directory);
    return is_held;
}

void hs_control_text(const struct hs_control *control,
                     char ret[sizeof(control->error_text)])
{
    memcpy(ret, (const char *)control->error_text, sizeof(control->error_text));
    ret[sizeof(control->error_text) - 1] = '\0';
    for (char *at = ret; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = ' ';
}
