// SPDX-License-Identifier: MIT

/* Private to image/: the frozen copy of a process that was never preloaded. */

#ifndef HEAPSNAP_IMAGE_MEMORY_IMAGE_H
#define HEAPSNAP_IMAGE_MEMORY_IMAGE_H

#include "libheapsnap/image/memory_call.h"
#include "libheapsnap/image/memory_stop.h"

struct hs_image {
    pid_t pid; /* in this namespace; 0: none */
    pid_t inner_pid;
    pid_t caller; /* the thread that made it */
    struct hs_place place;
    uint64_t fork_ns;
};

/*
 * Fork an image of the stopped process, using `place` (hs_call_place()) for the code. It
 * never runs. On failure the process stays stopped, and `ret_reason`, of at least 128
 * bytes, says why in a few words.
 */
bool hs_image_create(struct hs_stop *stop, const struct hs_place *place,
                     struct hs_image *ret, char *ret_reason, size_t size);

/* Once the process goes on: make sure that the image ends with this tool, and that it is
 * what the kernel ends first when memory is short. False: it is gone already. */
bool hs_image_secure(const struct hs_image *image);

/* End the image and let the process forget it. */
void hs_image_destroy(struct hs_image *image, pid_t pid);

#endif
