// SPDX-License-Identifier: MIT

/*
 * Functions, lines and inlining of one module, from its DWARF.
 */

#ifndef HEAPSNAP_SYMBOLS_DWARF_H
#define HEAPSNAP_SYMBOLS_DWARF_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct hs_dwarf;

/* One level of inlining. Strings are borrowed from the Dwarf; NULL and 0 = unknown. */
struct hs_dwarf_frame {
    const char *linker_name; /* or NULL: then `name` is all there is */
    const char *name;
    const char *path;
    uint32_t line;
};

#define HS_DWARF_DEPTH_MAX 64

/* `dwarf` is borrowed. NULL without memory. */
struct hs_dwarf *hs_dwarf_create(Dwarf *dwarf);
void hs_dwarf_destroy(struct hs_dwarf *index);

/*
 * The frames at `address` (as the file numbers it, not a return address but inside the
 * call), innermost first; 0 when no function there is described.
 */
size_t hs_dwarf_frames(struct hs_dwarf *index, uint64_t address,
                       struct hs_dwarf_frame frames[HS_DWARF_DEPTH_MAX]);

/*
 * The scopes around `address`, outermost first: its function, the blocks in it and what is
 * inlined there; 0 as above.
 */
size_t hs_dwarf_scopes(struct hs_dwarf *index, uint64_t address,
                       Dwarf_Die scopes[HS_DWARF_DEPTH_MAX]);

#endif
