// SPDX-License-Identifier: MIT

/*
 * Captures made by hand: a small valid one with one entry a table, whose fields a test
 * damages before it is put into a memfd; and a process that answers like a tracked one.
 */

#ifndef HEAPSNAP_TESTS_IMAGE_SUPPORT_H
#define HEAPSNAP_TESTS_IMAGE_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "probes/abi.h"

/* Everything behind one another, so that offsets are those of the fields. */
struct small_capture {
    struct hs_capture_header header;
    char strings[16]; /* "", "a", … */
    struct hs_capture_module modules[2];
    struct hs_capture_frame frames[4];
    struct hs_capture_block blocks[3];
    struct hs_capture_edge edges[2];
    struct hs_capture_root roots[2];
    struct hs_capture_root_edge root_edges[2];
    struct hs_capture_thread threads[1];
    uint8_t stacks[64];
    struct hs_capture_handle handles[1];
    struct hs_capture_total totals[1];
    uint64_t epochs[2];
    struct hs_capture_word words[2];
    struct hs_capture_text texts[2];
};

void small_capture_init(struct small_capture *capture);

/* A memfd called `name` with `size` bytes and `seals`; the test's to close. */
int memfd_with(const char *name, const void *bytes, size_t size, int seals);

/* How the process made by fake_start() behaves when it is asked. */
enum fake_behaviour {
    FAKE_ANSWERS,     /* a valid capture, from itself */
    FAKE_REFUSES,     /* reports ENOMEM with a text */
    FAKE_IGNORES,     /* handles the signal and does nothing */
    FAKE_DIES,        /* exits in the middle of the request */
    FAKE_LOSES_IMAGE, /* names an image that is dead already */
    FAKE_UNHANDLED,   /* has a page, but no handler for the signal */
    FAKE_OLD_VERSION, /* a page of another version */
    FAKE_UNSEALED,    /* a page that could shrink under the reader */
};

/* Start it and wait until it is ready; fake_stop() kills and reaps it. */
pid_t fake_start(enum fake_behaviour behaviour);
void fake_stop(pid_t pid);

/* The control page of a fake, for a test that wants to set the scene. */
struct hs_control *fake_page(pid_t pid);

#endif
