// SPDX-License-Identifier: MIT

/*
 * An assembled snapshot under test, and the few questions tests ask of one.
 */

#ifndef HEAPSNAP_TESTS_UNIT_ASSEMBLE_PICTURE_H
#define HEAPSNAP_TESTS_UNIT_ASSEMBLE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "heapsnap/snapshot.h"
#include "tests/support/fake_capture.h"

#define NBSP "\u00a0"

/*
 * Assemble `fake`, which is destroyed. Instance names: as in hs_assemble_options. Also
 * checks what must hold for every snapshot: unique ids, only synthetic children of the
 * root, each once, and every node reachable by edges that are not weak.
 */
struct hs_snapshot *picture_of(struct fake *fake, int instance_names);

/* The node of this name; the test fails when there is none or several. */
uint32_t picture_node(const struct hs_snapshot *snapshot, const char *name);
bool picture_has_node(const struct hs_snapshot *snapshot, const char *name);

/* The edge from → to as "property g_sessions" or "element 3"; "none" without one, and
 * "several" when there is more than one. Valid until the next call. */
const char *picture_edge(const struct hs_snapshot *snapshot, uint32_t from, uint32_t to);

#endif
