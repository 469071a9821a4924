// SPDX-License-Identifier: MIT

/*
 * Which module is at an address, where the loader cannot be asked without its lock: glibc
 * before 2.35, and others.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MODULE_LIST_H
#define HEAPSNAP_PROBES_TRACKER_MODULE_LIST_H

#include <stdbool.h>

struct link_map;

/* glibc's struct dl_find_object up to where we read; reserved words follow. */
struct hs_found_object {
    unsigned long long flags;
    void *start, *end;
    struct link_map *link_map;
    void *eh_frame; /* .eh_frame_hdr, NULL without one */
    unsigned long long reserved[16];
};

bool hs_module_list_init(void);

/* As _dl_find_object: 0, or -1 when there is no code of a module at `address`. */
int hs_module_list_find(void *address, struct hs_found_object *ret);

/* Only the calling thread is left. */
void hs_module_list_fork_child(void);

#endif
