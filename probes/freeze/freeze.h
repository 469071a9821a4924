// SPDX-License-Identifier: MIT

/*
 * One snapshot from the inside: what the running process (trigger.c, stop.c, spawn.c)
 * hands to the image that is cloned from it (image.c).
 *
 * All of it is static or mapped beforehand: the coordinator is a signal handler, or a
 * thread in the middle of the program's malloc.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_FREEZE_H
#define HEAPSNAP_PROBES_FREEZE_FREEZE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/abi.h"

/* One thread of the program, as the freeze found it. */
struct hs_slot {
    int32_t tid;
    uint32_t state;  /* enum hs_slot_state; atomic */
    bool is_at_call; /* sp is where a function was called: there is no red zone */
    uint64_t thread_pointer;
    const void *vector; /* in the thread's signal frame; the image reads it there */
    size_t vector_size;
    uint64_t registers[HS_REGISTERS_MAX];
};

enum hs_slot_state {
    HS_SLOT_FREE = 0,
    HS_SLOT_ORDERED, /* the order is queued */
    HS_SLOT_ARRIVED, /* registers are filled in and the thread waits */
    HS_SLOT_MISSED,  /* given up; a late arrival goes on at once */
};

/* What the helper is to do with a capture. */
enum hs_work {
    HS_WORK_FILE = 1,  /* write the snapshot */
    HS_WORK_CHECK = 2, /* look for leaks */
};

/* The request being served. One at a time: the control page's phase is its lock. */
struct hs_job {
    uint32_t work;    /* enum hs_work */
    uint32_t kind;    /* enum hs_request_kind */
    uint32_t trigger; /* enum hs_trigger */
    int32_t taker_pid;
    uint64_t cookie;
    uint64_t time;       /* CLOCK_REALTIME ns */
    uint64_t start_time; /* CLOCK_MONOTONIC ns, for scan_ns */
    uint32_t epoch;
    int32_t exit_status;
    int32_t program_pid;
    struct hs_slot *slots;
    uint32_t n_slots;
    uint32_t n_missed;
    uint64_t thread_pointer; /* of the coordinator */
    char directory[1024];
    char output[1024];

    /* Made by the image's parent in its own descriptor table. */
    int32_t capture_fd;
    int32_t control_fd;
    int32_t identity_fd[2];
    int32_t image_pid; /* or -errno */

    /* The image has no memory of its own but works in the program's: totals, and what
     * could not be copied. The program must stand still until it has scanned. */
    bool shares_memory;
    uint32_t has_scanned; /* atomic */
};

extern struct hs_job hs_job;

/* When epoch [i] began, CLOCK_REALTIME ns; entries below `count` are filled. */
struct hs_epochs {
    uint64_t *times;
    uint32_t count;
};
extern struct hs_epochs hs_epochs;
void hs_epochs_note(uint32_t epoch, uint64_t time);

/* ---- stop.c: the handshake ---- */

/*
 * Stop every other thread of the process and fill hs_job.slots; `registers`, `vector`
 * are the caller's own. Waits half a second at most, and so long only for threads that the
 * kernel does not let run; who did not come is counted in n_missed.
 * All signals are blocked meanwhile by the caller. 0 or -errno.
 */
int hs_stop_threads(const struct hs_slot *own);
void hs_stop_release(void);
void hs_stop_fork_child(void);

/* A freeze order reached this thread: wait until released. False: it was no order. */
bool hs_stop_obey(const siginfo_t *info, const void *context);

/* ---- peek.c: threads that do not come ---- */

/*
 * Is waiting in vain? HS_SLOT_MISSED: the thread blocks our signal, sits in a vfork or on
 * a slow disk (both only when no longer early), or is held by a debugger. HS_SLOT_FREE:
 * it is gone. HS_SLOT_ORDERED: it may still come.
 */
uint32_t hs_peek_verdict(int32_t tid, bool is_early);

/* Fill in the stack pointer and the program counter, when the kernel tells. */
void hs_peek_place(struct hs_slot *slot);

/* ---- spawn.c: the image's birth ---- */

/*
 * Clone the image (or, for totals, a helper that shares our memory). Where there is no
 * memory for a copy, or room for only one process more, an image that shares our memory
 * takes its place: see hs_job. 0 or -errno.
 */
int hs_spawn(void);

/* Wait until an image that shares our memory has read all of it. 0 or -errno. */
int hs_spawn_await_scan(void);

/* Remember the environment for the helper, and which file stderr is. */
void hs_spawn_init(void);

/* Reap images that are our own children (only where we are an init or subreaper). */
void hs_spawn_reap(void);

void hs_spawn_fork_child(void);

/* Become the helper. Returns -errno only when that fails. */
int hs_spawn_exec_helper(void);

/* Is descriptor 2 still the file it was at start? */
bool hs_spawn_stderr_is_ours(void);

/* ---- helper.c: what the image becomes ---- */

/* Keep a copy of the environment for it; the first call counts. */
void hs_helper_remember(void);

/* The helper program, NULL when there is none; `ret_looked_for` names a candidate. */
const char *hs_spawn_helper(const char **ret_looked_for);

/* Become the helper, or, for `in_child`, start it as a child. Returns only -errno, or 0
 * when the child runs. */
int hs_helper_exec(bool in_child);

/* In a process of ours: the program's limits were not meant for it. */
void hs_spawn_lift_limits(void);

/* ---- image.c ---- */

/* The whole life of the image, with its capture. Never returns. */
void hs_image_main(void) __attribute__((noreturn));

/* ---- the kernel ---- */
uint64_t hs_clock(int clock);

/* What getdents64 fills in; libc has the type only behind its own readdir. */
struct hs_directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* Is process `pid` gone (or a zombie)? */
bool hs_process_is_dead(int32_t pid);

#endif
