// SPDX-License-Identifier: MIT

/*
 * The three DWARF expressions that compilers and linkers put into .eh_frame. Each reader
 * takes a cursor over one whole expression, and knows it or not.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_CFI_EXPRESSION_H
#define HEAPSNAP_PROBES_TRACKER_CFI_EXPRESSION_H

#include "probes/tracker/cfi_read.h"

/* DWARF's numbers of the registers that a stack trace follows. */
enum {
    HS_REGISTER_BP = 6,
    HS_REGISTER_SP = 7,
    HS_REGISTER_RETURN = 16,
};

/* Register `number` + offset: where a function that aligns its frame saves registers. */
bool hs_cfi_read_sum(struct hs_cursor block, uint64_t number, int64_t *ret_offset);

/* What is in memory there: where such a function keeps its CFA. */
bool hs_cfi_read_loaded(struct hs_cursor block, uint64_t number, int64_t *ret_offset);

/* The procedure linkage table: the CFA is stack pointer + offset, which is a word more in
 * the last instructions of each entry of 16 bytes. `pc` decides. */
bool hs_cfi_read_linkage(struct hs_cursor block, uint64_t pc, int64_t *ret_offset);

#endif
