// SPDX-License-Identifier: MIT

/*
 * The frozen copy of a process: one of its stopped threads is made to fork. The child is
 * born stopped and never executes an instruction, so neither libc nor fork handlers know
 * of it. It shares the table of descriptors and has no exit signal: the program gets no
 * SIGCHLD, waitpid() does not see it, and what the program closes is closed.
 *
 * Once it is dead somebody has to wait for it, and only its parent can: a thread of the
 * program is stopped once more, for a fraction of a millisecond. On that occasion it waits
 * for what tools have left that were killed, too.
 */

#include "libheapsnap/image/memory_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/memory_old_images.h"
#include "libheapsnap/image/proc.h"

#define BIRTH_MS 10000 /* until a new child has stopped */
#define REAP_TRIES 50
#define REAP_PAUSE_US 20000

/* Two tools must not use the same place at once; they meet at a file of the process that
 * only those can open who may trace it. -1: another one is at it. */
static int lock_place(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static struct hs_stopped_thread *choose(struct hs_stop *stop, uint64_t place,
                                        const char **ret_reason)
{
    struct hs_stopped_thread *best = NULL;
    unsigned int best_suits = 0;
    for (size_t i = 0; i < stop->threads.count; i++) {
        struct hs_stopped_thread *thread = &stop->threads.at[i];
        if (hs_call_is_running(thread, place)) {
            *ret_reason = "another tool was killed while it looked";
            return NULL;
        }
        unsigned int suits = best_suits < 3 ? hs_call_suits(thread, ret_reason) : 0;
        if (suits > best_suits) {
            best_suits = suits;
            best = thread;
        }
    }
    return best;
}

static int call_clone(struct hs_stopped_thread *thread, struct hs_image *image)
{
    const struct hs_machine_call call = {
        .makes_child = true,
        .number = SYS_clone,
        .arguments = {CLONE_FILES | CLONE_FS}, /* exit signal 0; the parent's stack */
    };
    int64_t value = 0;
    uint64_t start = hs_monotonic_ns();
    int result = hs_call(thread, image->place.address, &call, &value, &image->pid);
    image->fork_ns = hs_monotonic_ns() - start;
    if (result == 0 && value < 0)
        result = (int)value;
    if (result == 0 && image->pid == 0)
        result = -EPROTO;
    image->inner_pid = (pid_t)value;
    image->caller = thread->tid;
    return result;
}

bool hs_image_create(struct hs_stop *stop, const struct hs_place *place,
                     struct hs_image *ret, char *ret_reason, size_t size)
{
    const char *reason = "it has no threads";
    struct hs_image image = {.place = *place};
    if (place->address == 0 || !hs_place_is_valid(place, stop->pid)) {
        snprintf(ret_reason, size, "there is no room for code in its modules");
        return false;
    }
    struct hs_stopped_thread *thread = choose(stop, place->address, &reason);
    if (!thread) {
        snprintf(ret_reason, size, "%s", reason);
        return false;
    }
    hs_auto_close int lock = lock_place(stop->pid);
    int result = lock < 0 ? -EBUSY : call_clone(thread, &image);
    if (result != 0) {
        snprintf(ret_reason, size, "it cannot fork: %s", strerror(-result));
        return false;
    }
    *ret = image;
    return true;
}

bool hs_image_secure(const struct hs_image *image)
{
    int status;
    if (!hs_stop_wait(image->pid, BIRTH_MS, &status) || !WIFSTOPPED(status))
        return false;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)image->pid);
    hs_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, HS_IMAGE_MARK, strlen(HS_IMAGE_MARK)) < 0)
        errno = 0; /* it is the likeliest victim anyway: as big as the program */
    return ptrace(PTRACE_SETOPTIONS, image->pid, NULL, PTRACE_O_EXITKILL) == 0;
}

/* The stopped thread waits for a dead child of that number in its own namespace. */
static int wait_for(struct hs_stopped_thread *thread, uint64_t place, pid_t inner_pid)
{
    const struct hs_machine_call call = {
        .number = SYS_wait4,
        .arguments = {(uint64_t)inner_pid, 0, __WALL | WNOHANG},
    };
    int64_t value = 0;
    pid_t none;
    int result = hs_call(thread, place, &call, &value, &none);
    if (result != 0 || value < 0)
        return result != 0 ? result : (int)value;
    return value == 0 ? -EAGAIN : 0;
}

/* Let thread `tid` wait for the dead image, and for `old` ones while it is stopped.
 * -ECHILD: somebody has done it already. */
static int reap_by(pid_t pid, pid_t tid, const struct hs_image *image,
                   const struct hs_old_images *old)
{
    struct hs_stop stop;
    const char *reason;
    hs_auto_close int lock = lock_place(pid);
    int result = lock < 0 ? -EBUSY : hs_stop_one(&stop, pid, tid);
    if (result != 0)
        return result;
    struct hs_stopped_thread *thread = &stop.threads.at[0];
    result = -EAGAIN;
    if (!hs_place_is_valid(&image->place, pid))
        result = -ECHILD; /* another program: the next look waits for the image there */
    else if (hs_call_suits(thread, &reason) > 0)
        result = wait_for(thread, image->place.address, image->inner_pid);
    for (size_t i = 0; i < old->count && result == 0; i++)
        wait_for(thread, image->place.address, old->at[i]);
    hs_stop_release(&stop);
    return result;
}

static bool is_done(int result)
{
    return result == 0 || result == -ECHILD;
}

/* By any thread; whoever made the image is asked first, since it was one that suits. */
static bool reap_once(const struct hs_image *image, pid_t pid,
                      const struct hs_old_images *old)
{
    if (is_done(reap_by(pid, image->caller, image, old)))
        return true;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return true; /* the program has ended, and init has the image */
    bool is_reaped = false;
    struct dirent *entry;
    while (!is_reaped && (entry = readdir(directory))) {
        char *end;
        long tid = strtol(entry->d_name, &end, 10);
        if (tid > 0 && *end == '\0' && tid != image->caller)
            is_reaped = is_done(reap_by(pid, (pid_t)tid, image, old));
    }
    closedir(directory);
    return is_reaped;
}

void hs_image_destroy(struct hs_image *image, pid_t pid)
{
    if (image->pid == 0)
        return;
    int status = 0;
    kill(image->pid, SIGKILL);
    while (hs_stop_wait(image->pid, BIRTH_MS, &status) && WIFSTOPPED(status))
        kill(image->pid, SIGKILL);
    struct hs_old_images old;
    struct hs_proc_state state;
    hs_old_images_find(&old, pid, image->pid);
    for (int i = 0; i < REAP_TRIES && hs_proc_state(image->pid, &state); i++) {
        if (reap_once(image, pid, &old))
            break;
        usleep(REAP_PAUSE_US);
    }
    image->pid = 0;
}
