// SPDX-License-Identifier: MIT

/*
 * "7 / part of key (Object @3) -> value (Array @5) pair in WeakMap (table @9)": the number
 * in front differs between the two edges of a pair, the rest is common.
 */

#include "libheapsnap/analysis/ephemerons.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/snapshot/text.h"

enum { UNKNOWN, ORDINARY, EPHEMERON };

struct hs_ephemerons {
    const struct hs_snapshot *snapshot;
    uint8_t *state;             /* of each string */
    struct hs_text_table pairs; /* the common parts */
    struct hs_ephemeron found;
};

struct hs_ephemerons *hs_ephemerons_create(const struct hs_snapshot *snapshot)
{
    struct hs_ephemerons *ephemerons = calloc(1, sizeof(*ephemerons));
    if (!ephemerons)
        return NULL;
    ephemerons->snapshot = snapshot;
    ephemerons->state = calloc((size_t)snapshot->string_count + 1, 1);
    if (!ephemerons->state) {
        free(ephemerons);
        return NULL;
    }
    return ephemerons;
}

void hs_ephemerons_destroy(struct hs_ephemerons *ephemerons)
{
    if (!ephemerons)
        return;
    free(ephemerons->state);
    hs_text_table_deinit(&ephemerons->pairs);
    free(ephemerons);
}

/* Does the text before `end` finish with "@" and digits? Sets `*ret_at` to the '@'. */
static bool ends_in_id(const char *text, const char *end, const char **ret_at)
{
    const char *at = end;
    while (at > text && isdigit((unsigned char)at[-1]))
        at--;
    if (at == end || at == text || at[-1] != '@')
        return false;
    *ret_at = at - 1;
    return true;
}

/* The common part of an ephemeron's name, or NULL. */
static const char *parse(const char *name, uint32_t *ret_table)
{
    static const char start[] = " / part of key (", middle[] = ") -> value (",
                      last[] = ") pair in WeakMap (table ";
    const char *part = name;
    while (isdigit((unsigned char)*part))
        part++;
    if (part == name || strncmp(part, start, sizeof(start) - 1) != 0)
        return NULL;
    const char *end = part + strlen(part), *id, *value_id;
    if (end[-1] != ')' || !ends_in_id(part, end - 1, &id))
        return NULL;
    const char *tail = id - (sizeof(last) - 1);
    if (tail < part || strncmp(tail, last, sizeof(last) - 1) != 0
        || !ends_in_id(part, tail, &value_id))
        return NULL;
    for (const char *value = strstr(part, middle); value && value < value_id;
         value = strstr(value + 1, middle))
        if (ends_in_id(part, value, &(const char *){NULL})) {
            *ret_table = (uint32_t)strtoul(id + 1, NULL, 10);
            return part;
        }
    return NULL;
}

const struct hs_ephemeron *hs_ephemeron_find(struct hs_ephemerons *ephemerons,
                                             uint32_t name)
{
    if (ephemerons->state[name] == ORDINARY)
        return NULL;
    const char *part =
        parse(ephemerons->snapshot->strings[name], &ephemerons->found.table);
    ephemerons->state[name] = part ? EPHEMERON : ORDINARY;
    if (!part)
        return NULL;
    ephemerons->found.pair = hs_text_table_add(&ephemerons->pairs, part, strlen(part));
    return ephemerons->found.pair == HS_TEXT_NONE ? NULL : &ephemerons->found;
}
