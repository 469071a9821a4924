// SPDX-License-Identifier: MIT

/* Private to image/: images whose tool was killed, and which nobody has waited for. */

#ifndef HEAPSNAP_IMAGE_MEMORY_OLD_IMAGES_H
#define HEAPSNAP_IMAGE_MEMORY_OLD_IMAGES_H

#include <stddef.h>
#include <sys/types.h>

#define HS_OLD_IMAGES_MAX 64

/* What an image's oom_score_adj is: the first that the kernel ends when memory is short. */
#define HS_IMAGE_MARK "1000"

struct hs_old_images {
    pid_t at[HS_OLD_IMAGES_MAX]; /* as the process itself numbers them */
    size_t count;
};

/* The dead images among the children of `pid`, but `image`. */
void hs_old_images_find(struct hs_old_images *ret, pid_t pid, pid_t image);

#endif
