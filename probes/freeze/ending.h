// SPDX-License-Identifier: MIT

/* The end of the program, as far as the other files here must know of it. */

#ifndef HEAPSNAP_PROBES_FREEZE_ENDING_H
#define HEAPSNAP_PROBES_FREEZE_ENDING_H

#include <stdbool.h>

#include "probes/freeze/freeze.h"

/* The child of a fork has its own end. */
void hs_ending_fork_child(void);

/*
 * Look for leaks now, for a call of LeakSanitizer's interface; `own` is the calling
 * thread. The status to end with, 0 when there are none; HS_CHECK_STATUS, reported, when
 * the check failed. -ENOSYS: check=1 was not asked for, or the program does not want it.
 */
int hs_ending_check(const struct hs_slot *own);

/* There is to be no check at exit any more: the program has made its own. */
void hs_ending_check_no_more(void);

/* For the helper's environment, "NAME=text" or NULL; `number` below HS_ENDING_TEXTS. */
#define HS_ENDING_TEXTS 2
const char *hs_ending_text(unsigned number);

/* trigger.c: handlers are installed, and snapshots can be taken. */
bool hs_trigger_is_started(void);

#endif
