// SPDX-License-Identifier: MIT

/*
 * Private to image/: the second half of hs_capture_open(), which trusts that every
 * table lies inside the mapping and asks whether what the tables say is possible.
 */

#ifndef HEAPSNAP_IMAGE_CAPTURE_CHECK_H
#define HEAPSNAP_IMAGE_CAPTURE_CHECK_H

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

/* 0, or -EINVAL with the table and the index of the first impossible entry. */
int hs_capture_check(const struct hs_capture *capture, struct hs_error *err);

#endif
