// SPDX-License-Identifier: MIT

/*
 * Open handles: what must be closed, and who opened it. One table for all kinds; today
 * file descriptors. Updated at every open and close, lock-free, bounded.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_HANDLES_H
#define HEAPSNAP_PROBES_TRACKER_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/abi.h"

struct hs_handle {
    uint32_t kind; /* enum hs_handle_kind */
    int32_t number;
    uint32_t stack;
    uint32_t birth_epoch;
    const char *call; /* literal: "socket", "open", … or "" when unseen */
    uint64_t time;    /* CLOCK_REALTIME ns */
};

/* `call` is a literal. Replaces whatever was recorded under the number (dup2). */
void hs_handle_opened(enum hs_handle_kind kind, int32_t number, const char *call,
                      uint32_t stack);

/* Forget it; call before the real close. `ret` (may be NULL) lets a failed close restore. */
bool hs_handle_closed(enum hs_handle_kind kind, int32_t number, struct hs_handle *ret);
void hs_handle_restore(const struct hs_handle *handle);

/* Forget every number from `first` to `last`, both included. */
void hs_handle_closed_range(enum hs_handle_kind kind, uint32_t first, uint32_t last);

/* Is one recorded under this number? `ret` may be NULL. */
bool hs_handle_find(enum hs_handle_kind kind, int32_t number, struct hs_handle *ret);

/* Ascending by kind, then number. */
void hs_handle_each(bool (*visit)(const struct hs_handle *handle, void *context),
                    void *context);

/* The epochs are numbered anew: all are as old as can be. Only while every other thread
 * is stopped. */
void hs_handle_forget_epochs(void);

/* Handles that could not be recorded: a number beyond the table, or no memory. */
uint64_t hs_handle_dropped_count(void);

#endif
