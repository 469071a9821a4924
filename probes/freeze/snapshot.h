// SPDX-License-Identifier: MIT

/*
 * Taking one snapshot, for whatever reason. Async-signal-safe.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_SNAPSHOT_H
#define HEAPSNAP_PROBES_FREEZE_SNAPSHOT_H

#include <stdbool.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/raw.h"

/*
 * A snapshot that the process itself wants, for the helper to do `work` with (bits of
 * enum hs_work). `path` (may be NULL) is the exact file; `wait`: return when all is done;
 * `own` is the calling thread. 0 or -errno, reported.
 */
int hs_snapshot_run(enum hs_trigger trigger, uint32_t work, const char *path, bool wait,
                    int exit_status, const struct hs_slot *own);

/*
 * The phase of the control page. claim() takes it for a request of our own, with a cookie
 * in the page; done() and fail(), which reports, give it back for hs_job's.
 */
bool hs_phase_move(uint32_t from, uint32_t to);
bool hs_phase_claim(void);
void hs_phase_done(void);
void hs_phase_fail(int err, const char *what);

/* Take no more requests; who has asked already, and who will, is told `why`. */
void hs_phase_close(const char *why);

/* A tool has claimed the phase and asked; nothing happens when none did. */
void hs_snapshot_serve(const struct hs_slot *own);

/* Inlined, because the frame whose registers are taken must live through the freeze. */
__attribute__((always_inline)) static inline void
hs_snapshot_fill_own(struct hs_slot *own, const void *context)
{
    *own = (struct hs_slot){.tid = (int32_t)hs_raw(SYS_gettid),
                            .thread_pointer = hs_machine_thread_pointer()};
    if (context)
        hs_machine_context(context, own->registers, &own->vector, &own->vector_size);
    else
        hs_machine_registers(own->registers);
}

#endif
