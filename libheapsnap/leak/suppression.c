// SPDX-License-Identifier: MIT

/*
 * Asking the rules about a stack.
 *
 * Valgrind's rules begin with the function that allocated, which our stacks leave out; so
 * a frame is put before the first that is called like every allocation function at once.
 */

#include "heapsnap/suppression.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/leak/pattern.h"
#include "libheapsnap/leak/rules.h"

int hs_suppressions_create(struct hs_suppressions **ret, struct hs_error *err)
{
    struct hs_suppressions *suppressions = calloc(1, sizeof(*suppressions));
    if (!suppressions)
        return hs_error_set(err, ENOMEM, "no memory for suppressions");
    *ret = suppressions;
    return 0;
}

void hs_suppressions_destroy(struct hs_suppressions *suppressions)
{
    if (!suppressions)
        return;
    for (size_t i = 0; i < suppressions->texts.count; i++)
        free(suppressions->texts.at[i]);
    free(suppressions->texts.at);
    free(suppressions->lines.at);
    free(suppressions->rules.at);
    free(suppressions);
}

const struct hs_suppression *
hs_suppressions_get(const struct hs_suppressions *suppressions, size_t index)
{
    return index < suppressions->rules.count ? &suppressions->rules.at[index].public
                                             : NULL;
}

/* ---- the frame that allocates ---- */

static bool is_allocation(const struct hs_rule_line *line)
{
    static const char *const functions[] = {
        "malloc",   "calloc",        "realloc", "reallocarray",
        "memalign", "aligned_alloc", "valloc",  "posix_memalign",
        "pvalloc",  "_Znwm",         "_Znam",   "_ZnwmSt11align_val_t",
    };
    static const char object[] =
        "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so";
    if (line->sort == HS_RULE_OBJECT)
        return hs_pattern_is_all(line->pattern, object);
    for (size_t i = 0;
         line->sort == HS_RULE_FUNCTION && i < sizeof(functions) / sizeof(functions[0]);
         i++)
        if (hs_pattern_is_all(line->pattern, functions[i]))
            return true;
    return false;
}

/* ---- one frame ---- */

static bool is_all(const char *pattern, const char *text)
{
    return text && hs_pattern_is_all(pattern, text);
}

/* "file.c:12", "file.c" or "dir/file.c", with wildcards. */
static bool is_source(const char *pattern, const struct hs_suppression_frame *frame)
{
    char place[4096];
    if (!frame->file)
        return false;
    const char *base = strrchr(frame->file, '/');
    base = base ? base + 1 : frame->file;
    if (is_all(pattern, base) || is_all(pattern, frame->file))
        return true;
    snprintf(place, sizeof(place), "%s:%" PRIu32, base, frame->line);
    return is_all(pattern, place);
}

static bool is_frame(const struct hs_rule_line *line,
                     const struct hs_suppression_frame *frame)
{
    const char *pattern = line->pattern;
    switch (line->sort) {
    case HS_RULE_FUNCTION:
        return is_all(pattern, frame->linker_name ? frame->linker_name : frame->function);
    case HS_RULE_OBJECT:
        return is_all(pattern, frame->module);
    case HS_RULE_SOURCE:
        return is_source(pattern, frame);
    case HS_RULE_ANYWHERE:
    case HS_RULE_FRAMES:
        break;
    }
    return false;
}

static bool is_in(const char *pattern, const char *text)
{
    return text && hs_pattern_is_in(pattern, text);
}

static bool is_anywhere(const char *pattern, const struct hs_suppression_frame *frames,
                        size_t n_frames)
{
    for (size_t i = 0; i < n_frames; i++)
        if (is_in(pattern, frames[i].function) || is_in(pattern, frames[i].signature)
            || is_in(pattern, frames[i].file) || is_in(pattern, frames[i].module))
            return true;
    return false;
}

/* ---- a stack ---- */

/*
 * Do the lines describe the innermost frames? As in a pattern, only the last "..." need
 * be tried again. Frame 0 is the one that allocates, so frames[i] has number i + 1.
 */
static bool is_stack(const struct hs_rule_line *line, size_t n_lines,
                     const struct hs_suppression_frame *frames, size_t n_frames)
{
    const struct hs_rule_line *end = line + n_lines, *dots = NULL;
    size_t at = 0, retry = 0;
    while (line < end) {
        bool is_over = at > n_frames;
        if (line->sort == HS_RULE_FRAMES) {
            dots = line++;
            retry = at;
        } else if (!is_over
                   && (at == 0 ? is_allocation(line) : is_frame(line, &frames[at - 1]))) {
            line++;
            at++;
        } else if (dots && retry < n_frames) {
            line = dots + 1;
            at = ++retry;
        } else {
            return false;
        }
    }
    return true;
}

bool hs_suppressions_match(struct hs_suppressions *suppressions,
                           const struct hs_suppression_frame *frames, size_t n_frames,
                           uint32_t kinds, uint64_t count, uint64_t bytes)
{
    for (size_t i = 0; i < suppressions->rules.count; i++) {
        struct hs_rule *rule = &suppressions->rules.at[i];
        const struct hs_rule_line *lines = &suppressions->lines.at[rule->first_line];
        if (!(rule->kinds & kinds))
            continue;
        bool matches = lines[0].sort == HS_RULE_ANYWHERE
                           ? is_anywhere(lines[0].pattern, frames, n_frames)
                           : is_stack(lines, rule->n_lines, frames, n_frames);
        if (!matches)
            continue;
        rule->public.count += count;
        rule->public.bytes += bytes;
        return true;
    }
    return false;
}
