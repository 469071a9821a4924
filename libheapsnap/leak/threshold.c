// SPDX-License-Identifier: MIT

/*
 * Thresholds: how much growth of one group is too much.
 *
 * Numbers are read by hand, because "1.5M" must mean the same in every locale.
 */

#include "heapsnap/leak.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/base/size.h"

/* Percentages of tiny groups say nothing: 8 bytes more than 8 is 100 %. */
#define PERCENT_LEAST_GROWTH 4096

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Digits with at most one point; NULL when there are none or the number is absurd. */
static const char *parse_number(const char *at, double *ret)
{
    if (!isdigit((unsigned char)*at))
        return NULL;
    double number = 0, scale = 1;
    for (; isdigit((unsigned char)*at); at++)
        number = number * 10 + (*at - '0');
    if (*at == '.')
        for (at++; isdigit((unsigned char)*at); at++)
            number += (*at - '0') * (scale /= 10);
    if (number > 1e18)
        return NULL;
    *ret = number;
    return at;
}

/* "", "B", "K", "KB", "KiB" …: the factor, or 0. Moves `*at` behind the suffix. */
static double parse_suffix(const char **at)
{
    static const char letters[] = "KMGT";
    double factor = 1;
    const char *letter = **at ? strchr(letters, toupper((unsigned char)**at)) : NULL;
    if (letter) {
        for (long i = 0; i <= letter - letters; i++)
            factor *= 1024;
        ++*at;
        if (**at == 'i')
            ++*at;
    }
    if (**at == 'B' || **at == 'b')
        ++*at;
    return factor;
}

static bool parse_part(const char *part, struct hs_threshold *ret)
{
    double number;
    const char *at = parse_number(part, &number);
    if (!at || number <= 0)
        return false;
    at = skip_blanks(at);
    if (*at == '%') {
        ret->has_percent = true;
        ret->percent = number;
        return *skip_blanks(at + 1) == '\0';
    }
    const char *word = *at == '-' ? at + 1 : at;
    if (strncmp(word, "object", 6) == 0) {
        word += word[6] == 's' ? 7 : 6;
        ret->has_objects = true;
        ret->objects = (uint64_t)number;
        return *skip_blanks(word) == '\0' && number >= 1
               && (double)ret->objects == number;
    }
    number *= parse_suffix(&at);
    if (*skip_blanks(at) != '\0' || number < 1 || number > 1e18)
        return false;
    ret->has_bytes = true;
    ret->bytes = (uint64_t)number;
    return true;
}

int hs_threshold_parse(const char *text, struct hs_threshold *ret, struct hs_error *err)
{
    struct hs_threshold threshold = {0};
    for (const char *at = text;; at++) {
        const char *end = strchrnul(at, ',');
        const char *start = skip_blanks(at);
        char part[64];
        int size = (int)(end - start);
        snprintf(part, sizeof(part), "%.*s", size > 0 ? size : 0, start);
        if (size >= (int)sizeof(part) || !parse_part(part, &threshold))
            return hs_error_set(err, EINVAL,
                                "'%s' is no threshold; say for example 1M, 512K, 10%% or "
                                "100-objects",
                                part);
        at = end;
        if (*end == '\0')
            break;
    }
    *ret = threshold;
    return 0;
}

/* Percentages as "10%", "0.5%", without a locale's decimal comma. */
static void percent_text(double percent, char *buffer, size_t size)
{
    uint64_t tenths = (uint64_t)(percent * 10 + 0.5);
    if (tenths % 10)
        snprintf(buffer, size, "%" PRIu64 ".%u%%", tenths / 10, (unsigned)(tenths % 10));
    else
        snprintf(buffer, size, "%" PRIu64 "%%", tenths / 10);
}

static bool crosses_percent(const struct hs_threshold *threshold, uint64_t before,
                            uint64_t grown, char *reason, size_t size)
{
    if (!threshold->has_percent || grown < PERCENT_LEAST_GROWTH
        || (double)grown * 100 < threshold->percent * (double)before)
        return false;
    if (!reason)
        return true;
    char limit[32], now[32], bytes[HS_SIZE_TEXT];
    percent_text(threshold->percent, limit, sizeof(limit));
    if (before == 0) {
        snprintf(reason, size, "+%s from nothing ≥ %s", hs_size_text(grown, bytes),
                 limit);
        return true;
    }
    percent_text((double)grown * 100 / (double)before, now, sizeof(now));
    snprintf(reason, size, "+%s ≥ %s", now, limit);
    return true;
}

bool hs_threshold_crossed(const struct hs_threshold *threshold,
                          const struct hs_growth *growth, char *reason,
                          size_t reason_size)
{
    uint64_t grown = growth->bytes_after > growth->bytes_before
                         ? growth->bytes_after - growth->bytes_before
                         : 0;
    uint64_t more = growth->count_after > growth->count_before
                        ? growth->count_after - growth->count_before
                        : 0;
    if (threshold->has_bytes && grown >= threshold->bytes) {
        char now[HS_SIZE_TEXT], limit[HS_SIZE_TEXT];
        if (reason)
            snprintf(reason, reason_size, "+%s ≥ %s", hs_size_text(grown, now),
                     hs_size_text(threshold->bytes, limit));
        return true;
    }
    if (threshold->has_objects && more >= threshold->objects) {
        if (reason)
            snprintf(reason, reason_size, "+%" PRIu64 " objects ≥ %" PRIu64 " objects",
                     more, threshold->objects);
        return true;
    }
    return crosses_percent(threshold, growth->bytes_before, grown, reason, reason_size);
}
