// SPDX-License-Identifier: MIT

/*
 * Private to image/: one look at a process, from the stop of its threads to their release
 * or to the end of its image.
 *
 * ptrace ties a stop to the thread that made it, and lets go of everything when that thread
 * ends. So each look has a thread of its own: whoever reads may use any thread, threads of
 * the program that do not arrive are let go for certain, and an image that has lived long
 * enough ends though nobody asks.
 */

#ifndef HEAPSNAP_IMAGE_MEMORY_LOOK_H
#define HEAPSNAP_IMAGE_MEMORY_LOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "heapsnap/memory.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/image/memory_call.h"

/* Pages that the program changes are copied as long as an image holds the old ones. */
#define HS_IMAGE_LIFE_MS 5000

struct hs_look {
    pid_t pid;
    bool wants_image;
    struct hs_place place; /* hs_call_place(), only with an image */

    /* Set by hs_look_begin(). */
    HS_ARRAY(struct hs_memory_thread) threads;
    pid_t image; /* 0: none, the process itself is stopped */
    char reason[256];
    uint64_t stopped_ns, pause_ns, fork_ns;

    /* Private. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_ready, is_over; /* the look stands; nobody needs it any more */
    int result;
    struct hs_error err;
};

/* Stop, look, and with an image let go again. `place` is for an image.
 * Errors as hs_memory_open_process(). */
int hs_look_begin(struct hs_look *look, pid_t pid, bool wants_image,
                  const struct hs_place *place, struct hs_error *err);
void hs_look_end(struct hs_look *look);

#endif
