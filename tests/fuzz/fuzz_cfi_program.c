// SPDX-License-Identifier: MIT

/*
 * Any bytes as the programs of a CIE and its FDE: no header, no table and no checks of
 * either in the way, so that every operation is reached in a few mutations. The first
 * bytes choose what the CIE says.
 */

#include <stdint.h>
#include <stdlib.h>

#include "probes/tracker/cfi_program.h"

#define START 0x1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hs_cfi_row *row)
{
    struct hs_rule rule = hs_cfi_row_rule(row);
    if (rule.kind > HS_RULE_COMPLEX || rule.cfa_offset % 8 != 0
        || rule.bp_offset % 8 != 0)
        abort();
    if ((rule.kind == HS_RULE_SP || rule.kind == HS_RULE_BP) && rule.cfa_offset == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct hs_cfi_common common = {
        .code_align = data[0],
        .data_align = (int8_t)data[1],
        .header = (uint64_t)data,
        .pointer_encoding = data[2],
        .has_augmentation = data[3] & 1,
        .initial = {.cfa_register = 7, .cfa_offset = 8},
    };
    struct hs_cfi_span span = {(uint64_t)data, (uint64_t)data + size};
    size_t half = 4 + (size - 4) * (data[3] >> 1) / 128;
    struct hs_cfi_span first = {span.start, span.start + half};
    if (half > 4
        && !hs_cfi_run(&common, hs_cursor_create(&first, span.start + 4), START,
                       UINT64_MAX, &common.initial))
        return 0;
    for (uint64_t step = 0; step < 256; step += 17) {
        struct hs_cfi_row row = common.initial;
        if (hs_cfi_run(&common, hs_cursor_create(&span, span.start + half), START,
                       START + step, &row))
            check(&row);
    }
    return 0;
}
