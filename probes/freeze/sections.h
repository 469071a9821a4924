// SPDX-License-Identifier: MIT

/*
 * The capture's plain tables: what earlier stages gathered, copied out as it is.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_SECTIONS_H
#define HEAPSNAP_PROBES_FREEZE_SECTIONS_H

/* MODULES, FRAMES, BLOCKS, THREADS, STACKS, HANDLES, EPOCHS. 0 or -errno. */
int hs_sections_write(void);

/* STRINGS, and every field of the header that is known by now. 0 or -errno. */
int hs_sections_finish(void);

#endif
