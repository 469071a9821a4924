// SPDX-License-Identifier: MIT

/*
 * The little programs inside .eh_frame that build the rule of an address.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_CFI_PROGRAM_H
#define HEAPSNAP_PROBES_TRACKER_CFI_PROGRAM_H

#include "probes/tracker/cfi_read.h"

/* Where a register of the caller is. */
struct hs_cfi_register {
    enum {
        HS_CFI_SAME = 0,
        HS_CFI_SAVED,     /* at CFA + offset */
        HS_CFI_BESIDE_BP, /* at frame pointer + offset */
        HS_CFI_UNDEFINED,
        HS_CFI_OTHER,
    } kind;
    int64_t offset;
};

struct hs_cfi_row {
    enum {
        HS_CFA_SUM = 0, /* register + offset */
        HS_CFA_LOADED,  /* what is in memory there */
        HS_CFA_OTHER,
    } cfa_kind;
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct hs_cfi_register bp, sp, return_address;
};

/* What a CIE says about the programs of its FDEs. */
struct hs_cfi_common {
    uint64_t code_align;
    int64_t data_align;
    uint64_t header; /* base of relative pointers */
    uint8_t pointer_encoding;
    bool has_augmentation; /* FDEs carry a length-prefixed block before the program */
    bool is_signal;        /* the code was not called, but interrupted */
    struct hs_cfi_row initial;
};

/*
 * Run the program under `cursor` from `location` on until it passes `pc`. False: it is
 * broken, or does what no rule of ours expresses.
 */
bool hs_cfi_run(const struct hs_cfi_common *common, struct hs_cursor cursor,
                uint64_t location, uint64_t pc, struct hs_cfi_row *row);

struct hs_rule hs_cfi_row_rule(const struct hs_cfi_row *row);

#endif
