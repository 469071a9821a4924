// SPDX-License-Identifier: MIT

/*
 * A whole stack in a few words: who allocated this?
 *
 * The site is the first frame that is neither an allocator nor a container of the
 * language's library; when all of the stack is library, the first that is no allocator.
 */

#include <stdio.h>
#include <string.h>

#include "libheapsnap/symbols/internal.h"
#include "libheapsnap/symbols/wrapper.h"
#include "probes/abi.h"

static const char BEFORE_TRACKING[] = "(before tracking)";
static const char NOBODY_KNOWS[] = "(unknown site)";

#define CALLERS_MAX 3
#define ARROW " ← "

/* A place in a stack: a trie node and one of the frames inlined there. */
struct walk {
    struct hs_symbols *symbols;
    uint32_t stack;
    size_t next, count;
    const struct hs_symbol_frame *frames;
};

static const struct hs_symbol_frame *walk_next(struct walk *walk)
{
    while (walk->next == walk->count) {
        if (walk->stack <= HS_STACK_UNKNOWN)
            return NULL;
        walk->count = hs_symbols_stack_frames(walk->symbols, walk->stack, &walk->frames);
        walk->next = 0;
        walk->stack = walk->symbols->capture->frames[walk->stack].parent;
    }
    return &walk->frames[walk->next++];
}

static const struct hs_symbol_frame *skip_wrappers(struct walk *walk,
                                                   enum hs_wrapper kinds)
{
    const struct hs_symbol_frame *frame;
    while ((frame = walk_next(walk)) != NULL)
        if (!frame->is_allocator || hs_wrapper_kind(frame->function, frame->path) < kinds)
            return frame;
    return NULL;
}

/* The frame to name the stack after; `walk` then stands behind it. */
static const struct hs_symbol_frame *find_site(struct hs_symbols *symbols, uint32_t stack,
                                               struct walk *walk)
{
    struct walk start = {.symbols = symbols, .stack = stack};
    static const enum hs_wrapper too_much[] = {HS_WRAPPER_LIBRARY, HS_WRAPPER_ALLOCATOR,
                                               HS_WRAPPER_ALLOCATOR + 1};
    for (size_t i = 0; i < sizeof(too_much) / sizeof(too_much[0]); i++) {
        *walk = start;
        const struct hs_symbol_frame *frame = skip_wrappers(walk, too_much[i]);
        if (frame)
            return frame;
    }
    return NULL;
}

int hs_symbols_frame_text(const struct hs_symbol_frame *frame, char *buffer, size_t size)
{
    if (frame->file && frame->line)
        return snprintf(buffer, size, "%s (%s:%u)", frame->function, frame->file,
                        frame->line);
    if (frame->file)
        return snprintf(buffer, size, "%s (%s)", frame->function, frame->file);
    size_t length = strlen(frame->module);
    bool is_offset = strncmp(frame->function, frame->module, length) == 0
                     && frame->function[length] == '+';
    if (length == 0 || is_offset)
        return snprintf(buffer, size, "%s", frame->function);
    return snprintf(buffer, size, "%s (%s)", frame->function, frame->module);
}

/* Only the shim has seen who allocated what; it has not seen what was there before. */
static const char *no_site(const struct hs_symbols *symbols)
{
    bool is_tracked = symbols->capture->header->source == HS_SOURCE_SHIM;
    return is_tracked ? BEFORE_TRACKING : NOBODY_KNOWS;
}

static const char *keep(struct hs_symbols *symbols, const char **cache, const char *text)
{
    const char *copy = hs_text_copy(&symbols->text, text);
    *cache = copy ? copy : no_site(symbols);
    return *cache;
}

const char *hs_symbols_site(struct hs_symbols *symbols, uint32_t stack)
{
    if (stack <= HS_STACK_UNKNOWN || stack >= symbols->capture->n_frames)
        return no_site(symbols);
    if (symbols->sites[stack])
        return symbols->sites[stack];

    struct walk walk;
    char text[1024];
    const struct hs_symbol_frame *frame = find_site(symbols, stack, &walk);
    if (!frame)
        return no_site(symbols);
    hs_symbols_frame_text(frame, text, sizeof(text));
    return keep(symbols, &symbols->sites[stack], text);
}

const char *hs_symbols_stack_text(struct hs_symbols *symbols, uint32_t stack)
{
    if (stack <= HS_STACK_UNKNOWN || stack >= symbols->capture->n_frames)
        return no_site(symbols);
    if (symbols->stack_texts[stack])
        return symbols->stack_texts[stack];

    struct walk walk;
    char text[2048];
    const struct hs_symbol_frame *frame = find_site(symbols, stack, &walk);
    if (!frame)
        return no_site(symbols);
    size_t used = (size_t)hs_symbols_frame_text(frame, text, sizeof(text));
    for (int i = 0; i < CALLERS_MAX && used < sizeof(text); i++) {
        frame = skip_wrappers(&walk, HS_WRAPPER_LIBRARY);
        if (!frame)
            break;
        used += (size_t)snprintf(text + used, sizeof(text) - used, ARROW "%s",
                                 frame->function);
    }
    return keep(symbols, &symbols->stack_texts[stack], text);
}
