// SPDX-License-Identifier: MIT

/*
 * How long x86-64 instructions are, and which of them depend on where they stand.
 *
 * Made for the functions of allocators: what compilers emit in user space is understood,
 * the rest (system instructions, far calls, odd prefixes) is declined, never guessed.
 */

#ifndef HEAPSNAP_PROBES_PATCH_DECODE_H
#define HEAPSNAP_PROBES_PATCH_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_CODE_MAX 15 /* bytes of one instruction */

enum hs_code_kind {
    HS_CODE_PLAIN = 0, /* control goes on behind it */
    HS_CODE_PADDING,   /* nop, int3: only fills */
    HS_CODE_JUMP,      /* to `target` */
    HS_CODE_BRANCH,    /* to `target` or on: jcc */
    HS_CODE_LOOP,      /* the same with a target that must be near: loop, jrcxz */
    HS_CODE_CALL,      /* of `target` */
    HS_CODE_END,       /* control does not go on: ret, ud2, indirect jump */
};

struct hs_code {
    enum hs_code_kind kind;
    uint8_t size;
    uint8_t condition; /* of HS_CODE_BRANCH: the low half of its opcode */
    /* Memory relative to the next instruction: where the 4 bytes of that are; 0: none. */
    uint8_t displacement;
    int32_t target; /* of jumps, relative to the next instruction */
};

/* The instruction at `bytes`, of which `available` can be read. False: not understood. */
bool hs_code_decode(const uint8_t *bytes, size_t available, struct hs_code *ret);

#endif
