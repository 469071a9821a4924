// SPDX-License-Identifier: MIT

/*
 * What .eh_frame says about one address: where the caller's frame is.
 *
 * The tables come from strangers' files, so every read stays inside the span given, and
 * the kernel is asked whether a page can be read before the first look at it. Anything
 * beyond the few forms that compilers emit for ordinary functions is HS_RULE_COMPLEX:
 * libunwind's work. x86-64 only; elsewhere every rule is complex.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_CFI_H
#define HEAPSNAP_PROBES_TRACKER_CFI_H

#include <stdbool.h>
#include <stdint.h>

enum hs_rule_kind {
    HS_RULE_FRAME = 0, /* no unwind information: only the frame pointer can help */
    HS_RULE_SP,        /* the caller's frame (CFA) is stack pointer + cfa_offset */
    HS_RULE_BP,        /* … frame pointer + cfa_offset */
    HS_RULE_REALIGNED, /* … what the slot cfa_offset below the frame pointer holds */
    HS_RULE_OUTERMOST, /* nobody called this */
    HS_RULE_COMPLEX,   /* expressions, signal frames, other registers */
};

/* Why a rule is complex. For those who ask how often libunwind is needed. */
enum hs_rule_reason {
    HS_REASON_NONE = 0,
    HS_REASON_SIGNAL,     /* the frame of a signal handler's return */
    HS_REASON_EXPRESSION, /* the CFA is computed */
    HS_REASON_REGISTER,   /* the CFA is in a register that we do not follow */
    HS_REASON_PLACE,      /* something is saved elsewhere than rules can say */
    HS_REASON_TABLE,      /* unwind information in a form unknown, or broken */
    HS_REASONS,
};

/* The return address is always at CFA - 8. Offsets are in bytes, multiples of 8. A
 * realigned frame has the caller's frame pointer where the frame pointer points. */
struct hs_rule {
    enum hs_rule_kind kind;
    enum hs_rule_reason reason;
    uint32_t cfa_offset;
    uint32_t bp_offset; /* the caller's frame pointer is at CFA - this; 0: unchanged */
};

/* Memory that one unwind table may be read from. */
struct hs_cfi_span {
    uint64_t start, end;
};

/*
 * The rule for the instruction at `pc` (for a return address, the byte before it) from
 * the .eh_frame_hdr at `header`, which with all it points to must lie in `span`.
 */
struct hs_rule hs_cfi_rule(const struct hs_cfi_span *span, uint64_t header, uint64_t pc);

#endif
