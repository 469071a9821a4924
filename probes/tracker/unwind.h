// SPDX-License-Identifier: MIT

/*
 * Walking the calling thread's stack: by libunwind, else along frame pointers, else
 * only the hook's caller. Never fails worse than that.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_UNWIND_H
#define HEAPSNAP_PROBES_TRACKER_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

struct hs_thread;

/* Load libunwind and warm it up. Once, from the constructor, under the guard. */
void hs_unwind_init(void);

/* The libraries that hs_unwind_init() loaded and the program had not. Never unloaded. */
#define HS_UNWIND_LIBRARIES_MAX 8
struct link_map;
const struct link_map *const *hs_unwind_libraries(uint32_t *ret_count);

/*
 * Return addresses into thread->frames, innermost first; returns how many. The first
 * `ret_skip` belong to the shim: the next one is where the hook at `hook_frame` returns.
 */
int hs_unwind(struct hs_thread *thread, void *hook_frame, int *ret_skip);

/*
 * libunwind tests memory by writing a byte of it into a pipe of its own. Left alone, the
 * pipe would take the program's lowest descriptors, and the byte would go to whatever
 * file the program puts there. So the hook on pipe() asks who calls, and moves it away.
 */
bool hs_unwind_owns(const void *return_address);
void hs_unwind_hide_pipe(int fds[2]);

/* May libunwind be asked now? */
bool hs_unwind_has_library(void);

/*
 * Around fork: no other thread may be inside libunwind, whose locks the child would
 * inherit. `before` waits for them a while; in the child, when they would not come out,
 * libunwind is given up. So it is in the child of a process with threads when our own walk
 * can do without: one of them may have held the loader's lock, which libunwind takes.
 */
void hs_unwind_fork_before(void);
void hs_unwind_fork_after(bool in_child);

#endif
