// SPDX-License-Identifier: MIT

/*
 * The first instructions of a function, moved elsewhere so that a jump fits in their
 * place; and whether anything would still jump into the middle of that jump.
 */

#ifndef HEAPSNAP_PROBES_PATCH_MOVE_H
#define HEAPSNAP_PROBES_PATCH_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_MOVE_JUMP 5  /* bytes of the jump that takes their place */
#define HS_MOVE_MAX 104 /* bytes that hs_code_move() may write */

/*
 * The code at `bytes`, `size` of it up to the end of the function and its padding, runs at
 * address `from`. Write to `ret` what does the same at address `to` for as many
 * instructions as HS_MOVE_JUMP covers, and then goes on behind them. Returns the size
 * written; 0 when they cannot be moved.
 */
size_t hs_code_move(const uint8_t *bytes, size_t size, uint64_t from, uint64_t to,
                    uint8_t ret[HS_MOVE_MAX]);

/*
 * Does anything in the function jump behind the first byte of the jump that is to stand
 * `site` bytes behind its start? True also when something is not understood.
 */
bool hs_code_enters(const uint8_t *bytes, size_t size, size_t site);

#endif
