// SPDX-License-Identifier: MIT

/*
 * When is growth a leak event?
 *
 * A threshold says how much growth of one group (a class, an allocation site) is too
 * much: "1M" bytes, "10%" of what it had before, "100-objects" more instances. Several
 * may be given, separated by commas; any of them raises the event.
 */

#ifndef HEAPSNAP_LEAK_H
#define HEAPSNAP_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

struct hs_threshold {
    bool has_bytes, has_percent, has_objects;
    uint64_t bytes;
    double percent; /* of the group's bytes before; needs at least 4096 bytes of growth */
    uint64_t objects;
};

/*
 * Parse "1M", "512K", "1G", "4096", "10%", "100-objects" (and "100 objects"), or several
 * with commas. Suffixes are powers of 1024. -EINVAL names the bad part and shows examples.
 */
HS_API int hs_threshold_parse(const char *text, struct hs_threshold *ret,
                              struct hs_error *err);

/* One group before and after. Strings are borrowed. */
struct hs_growth {
    const char *name;  /* class or site, "malloc ← session_new (session.c:24)" */
    const char *stack; /* "a ← b ← c", or NULL */
    uint64_t bytes_before, bytes_after;
    uint64_t count_before, count_after;
};

/* Does `growth` cross the threshold? `reason` (may be NULL) gets which part, as text such
 * as "+1.2 MB ≥ 1 MB". */
HS_API bool hs_threshold_crossed(const struct hs_threshold *threshold,
                                 const struct hs_growth *growth, char *reason,
                                 size_t reason_size);

/* The event as one line a person reads, without newline; returns as snprintf does. */
HS_API int hs_leak_event_text(const struct hs_growth *growth, const char *reason,
                              char *buffer, size_t size);

/* The event as a JSON object (new reference): event, name, stack, bytes and counts
 * before and after, reason. NULL without memory. */
HS_API struct json_t *hs_leak_event_json(const struct hs_growth *growth,
                                         const char *reason);

#endif
