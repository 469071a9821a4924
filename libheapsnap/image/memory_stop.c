// SPDX-License-Identifier: MIT

/*
 * Stopping by PTRACE_SEIZE and PTRACE_INTERRUPT: no signal is sent, so none is seen, and
 * threads that block every signal stop like the others. A signal that was on its way when
 * the stop came is kept, and delivered by the detach. PTRACE_O_EXITKILL is never set: the
 * program outlives the tool.
 *
 * Threads are listed again until a pass finds none that is new: only a thread that still
 * runs can start another one.
 */

#include "libheapsnap/image/memory_stop.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libheapsnap/image/memory_refusal.h"
#include "libheapsnap/image/proc.h"

#define PASSES_MAX 100
/* A thread that can run arrives within a few scheduler ticks, however busy the machine. */
#define ARRIVAL_MS 2000
/* In state D, which vfork() is too, only this long: it may last for ever. */
#define UNINTERRUPTIBLE_MS 20

uint64_t hs_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Mostly it is there already or comes in microseconds, which is when yielding is best. */
static void wait_a_little(unsigned int round)
{
    if (round < 50)
        sched_yield();
    else
        usleep(round < 100 ? 50 : 500);
}

static pid_t look(pid_t tid, int *ret_status)
{
    pid_t found;
    do
        found = waitpid(tid, ret_status, __WALL | __WNOTHREAD | WNOHANG);
    while (found < 0 && errno == EINTR);
    return found;
}

bool hs_stop_wait(pid_t tid, unsigned int milliseconds, int *ret_status)
{
    uint64_t end = hs_monotonic_ns() + (uint64_t)milliseconds * 1000000u;
    for (unsigned int round = 0;; round++) {
        pid_t found = look(tid, ret_status);
        if (found != 0)
            return found > 0;
        if (hs_monotonic_ns() >= end)
            return false;
        wait_a_little(round);
    }
}

static char state_of(pid_t pid, pid_t tid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] == ' ' ? name_end[2] : 'X';
}

static void take_status(struct hs_stopped_thread *thread, int status)
{
    if (!WIFSTOPPED(status)) {
        thread->is_gone = true;
        return;
    }
    thread->is_stopped = true;
    if (status >> 16 == 0)
        thread->signal = WSTOPSIG(status);
    else if (status >> 16 == PTRACE_EVENT_STOP)
        thread->is_group_stopped = WSTOPSIG(status) != SIGTRAP;
}

static void await(struct hs_stop *stop, struct hs_stopped_thread *thread)
{
    int status;
    if (hs_stop_wait(thread->tid, UNINTERRUPTIBLE_MS, &status)) {
        take_status(thread, status);
        return;
    }
    uint64_t end = hs_monotonic_ns() + (uint64_t)ARRIVAL_MS * 1000000u;
    while (hs_monotonic_ns() < end) {
        char state = state_of(stop->pid, thread->tid);
        if (state == 'D')
            return;
        if (state == 'X' || state == 'Z')
            break;
        if (hs_stop_wait(thread->tid, UNINTERRUPTIBLE_MS, &status)) {
            take_status(thread, status);
            return;
        }
    }
    thread->is_gone = strchr("XZ", state_of(stop->pid, thread->tid)) != NULL;
}

static bool is_known(const struct hs_stop *stop, pid_t tid)
{
    for (size_t i = 0; i < stop->threads.count; i++)
        if (stop->threads.at[i].tid == tid)
            return true;
    return false;
}

/* 0, or -errno when the thread cannot be traced though it is alive. */
static int seize(struct hs_stop *stop, pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        int reason = errno;
        char state = state_of(stop->pid, tid);
        return reason == ESRCH || state == 'Z' || state == 'X' ? 0 : -reason;
    }
    struct hs_stopped_thread thread = {.tid = tid};
    if (!hs_array_push(&stop->threads, thread))
        return -ENOMEM;
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    return 0;
}

/* Seize what is listed and not known yet; `ret_new` counts it. */
static int seize_listed(struct hs_stop *stop, size_t *ret_new)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)stop->pid);
    DIR *directory = opendir(path);
    if (!directory)
        return -errno;
    size_t before = stop->threads.count;
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(directory))) {
        char *end;
        long tid = strtol(entry->d_name, &end, 10);
        if (tid > 0 && *end == '\0' && !is_known(stop, (pid_t)tid))
            result = seize(stop, (pid_t)tid);
    }
    closedir(directory);
    *ret_new = stop->threads.count - before;
    return result;
}

static size_t count_alive(const struct hs_stop *stop)
{
    size_t count = 0;
    for (size_t i = 0; i < stop->threads.count; i++)
        count += !stop->threads.at[i].is_gone;
    return count;
}

int hs_stop_all(struct hs_stop *stop, pid_t pid, struct hs_error *err)
{
    *stop = (struct hs_stop){.pid = pid, .first_ns = hs_monotonic_ns()};
    size_t n_new = 1;
    for (int pass = 0; n_new > 0 && pass < PASSES_MAX; pass++) {
        int result = seize_listed(stop, &n_new);
        if (result != 0) {
            hs_stop_release(stop);
            return hs_memory_refuse(pid, -result, err);
        }
        for (size_t i = stop->threads.count - n_new; i < stop->threads.count; i++)
            await(stop, &stop->threads.at[i]);
    }
    stop->last_ns = hs_monotonic_ns();
    if (count_alive(stop) > 0)
        return 0;
    hs_stop_release(stop);
    return hs_memory_refuse(pid, ESRCH, err);
}

int hs_stop_one(struct hs_stop *stop, pid_t pid, pid_t tid)
{
    *stop = (struct hs_stop){.pid = pid, .first_ns = hs_monotonic_ns()};
    int result = seize(stop, tid);
    if (result == 0 && stop->threads.count == 0)
        result = -ESRCH;
    if (result == 0) {
        await(stop, &stop->threads.at[0]);
        result = stop->threads.at[0].is_stopped ? 0 : -ESRCH;
    }
    if (result != 0)
        hs_stop_release(stop);
    return result;
}

void hs_stop_release(struct hs_stop *stop)
{
    for (size_t i = 0; i < stop->threads.count; i++) {
        struct hs_stopped_thread *thread = &stop->threads.at[i];
        int status;
        if (!thread->is_stopped && !thread->is_gone && look(thread->tid, &status) > 0)
            take_status(thread, status);
        if (thread->is_stopped)
            ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(intptr_t)thread->signal);
    }
    free(stop->threads.at);
    stop->threads.at = NULL;
    stop->threads.count = stop->threads.room = 0;
}
