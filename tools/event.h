// SPDX-License-Identifier: MIT

/* What `heapsnap watch` does with an event: print it, snapshot, run a command. */

#ifndef HEAPSNAP_TOOLS_EVENT_H
#define HEAPSNAP_TOOLS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "heapsnap/leak.h"
#include "heapsnap/process.h"

struct hs_event_actions {
    bool json;
    bool snapshot;
    const char *directory; /* of snapshots; NULL: here */
    const char *command;   /* for the shell; NULL: none */
};

/*
 * Raise one event. `snapshot` is empty before the first event of a look; the snapshot
 * taken then serves the others of the same look. What goes wrong is told on stderr and
 * keeps nobody from watching on.
 */
void hs_event_raise(const struct hs_event_actions *actions, struct hs_process *process,
                    pid_t pid, const struct hs_growth *growth, const char *reason,
                    char *snapshot, size_t snapshot_size);

#endif
