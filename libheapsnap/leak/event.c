// SPDX-License-Identifier: MIT

/*
 * A leak event, for people and for programs. Both say the same: what grew, from where to
 * where, who allocated it, and which threshold it crossed.
 */

#include "heapsnap/leak.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "libheapsnap/base/size.h"

int hs_leak_event_text(const struct hs_growth *growth, const char *reason, char *buffer,
                       size_t size)
{
    char before[HS_SIZE_TEXT], after[HS_SIZE_TEXT];
    return snprintf(
        buffer, size,
        "leak: %s grew from %s (%" PRIu64 " blocks) to %s (%" PRIu64 " blocks)%s%s%s%s",
        growth->name, hs_size_text(growth->bytes_before, before), growth->count_before,
        hs_size_text(growth->bytes_after, after), growth->count_after, reason ? ": " : "",
        reason ? reason : "", growth->stack ? "; allocated by " : "",
        growth->stack ? growth->stack : "");
}

struct json_t *hs_leak_event_json(const struct hs_growth *growth, const char *reason)
{
    return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:s?}", "event", "leak",
                     "name", growth->name, "stack", growth->stack, "bytes_before",
                     (json_int_t)growth->bytes_before, "bytes_after",
                     (json_int_t)growth->bytes_after, "count_before",
                     (json_int_t)growth->count_before, "count_after",
                     (json_int_t)growth->count_after, "reason", reason);
}
