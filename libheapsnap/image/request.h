// SPDX-License-Identifier: MIT

/* Private to image/: the two halves of a request, claiming the page and the exchange. */

#ifndef HEAPSNAP_IMAGE_REQUEST_H
#define HEAPSNAP_IMAGE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libheapsnap/image/connection.h"

/* Monotonic milliseconds; deadlines are in these. */
uint64_t hs_clock_ms(void);

/* Sleep `*step_us` and make the next sleep longer, up to 20 ms. */
void hs_pause(unsigned int *step_us);

/* Is the process that calls itself `inner` in the namespace of `process` running? */
bool hs_inner_is_alive(const struct hs_process *process, pid_t inner);

/* Move the page from IDLE to CLAIMED, waiting until `deadline`. -EBUSY, -ESRCH. */
int hs_request_claim(struct hs_process *process, uint64_t deadline, struct hs_error *err);

#endif
