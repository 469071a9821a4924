// SPDX-License-Identifier: MIT

/* Any bytes as .eh_frame_hdr with .eh_frame behind it. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probes/tracker/cfi.h"

#define ENTRIES_AT 12
#define ENTRIES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hs_cfi_span *span, uint64_t pc)
{
    struct hs_rule rule = hs_cfi_rule(span, span->start, pc);
    if (rule.cfa_offset % 8 != 0 || rule.bp_offset % 8 != 0
        || rule.kind > HS_RULE_COMPLEX)
        abort();
    if ((rule.kind == HS_RULE_SP || rule.kind == HS_RULE_BP) && rule.cfa_offset == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_cfi_span span = {(uint64_t)data, (uint64_t)data + size};
    check(&span, span.start + 1);
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        int32_t offset;
        size_t at = ENTRIES_AT + i * 8;
        if (at + sizeof(offset) > size)
            break;
        memcpy(&offset, data + at, sizeof(offset));
        for (uint64_t step = 0; step < 64; step += 3)
            check(&span, span.start + (uint64_t)(int64_t)offset + step);
    }
    return 0;
}
