// SPDX-License-Identifier: MIT

/*
 * Is what a capture says possible? Every number that one table uses as an index into
 * another is checked here, once, so that no reader behind hs_capture_open() has to.
 *
 * Each check is one linear pass. Numbers that nobody uses as an index (times, sizes,
 * offsets inside a block) may be anything; readers only print and add them.
 */

#include "libheapsnap/image/capture_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "probes/abi.h"

static int damaged(struct hs_error *err, const char *table, size_t index,
                   const char *what)
{
    return hs_error_set(err, EINVAL, "damaged capture: %s[%zu]: %s", table, index, what);
}

static int check_strings(const struct hs_capture *capture, struct hs_error *err)
{
    const struct hs_capture_header *header = capture->header;
    if (capture->n_strings == 0 || capture->strings[0] != '\0'
        || capture->strings[capture->n_strings - 1] != '\0')
        return hs_error_set(err, EINVAL,
                            "damaged capture: strings must begin and end with a NUL");
    if (header->strings_command >= capture->n_strings
        || header->strings_executable >= capture->n_strings
        || header->strings_allocator >= capture->n_strings
        || header->strings_directory >= capture->n_strings
        || header->strings_output >= capture->n_strings)
        return hs_error_set(
            err, EINVAL, "damaged capture: the header names a string that is not there");
    return 0;
}

static int check_modules(const struct hs_capture *capture, struct hs_error *err)
{
    for (size_t i = 0; i < capture->n_modules; i++) {
        const struct hs_capture_module *module = &capture->modules[i];
        if (module->start > module->end)
            return damaged(err, "modules", i, "it ends before it starts");
        if (module->path >= capture->n_strings)
            return damaged(err, "modules", i, "its path is not in the strings");
        if (module->build_id_size > HS_BUILD_ID_MAX)
            return damaged(err, "modules", i, "its build-id is too long");
        if (module->id != 0 && module->id % 2 == 0)
            return damaged(err, "modules", i, "its id is even");
    }
    return 0;
}

/* Frames 0 (unused) and 1 (unknown) are always there, so that any stack id resolves. */
static int check_frames(const struct hs_capture *capture, struct hs_error *err)
{
    if (capture->n_frames <= HS_STACK_UNKNOWN || capture->n_frames > UINT32_MAX)
        return hs_error_set(err, EINVAL, "damaged capture: %zu frames are impossible",
                            capture->n_frames);
    if (capture->frames[0].parent != 0)
        return damaged(err, "frames", 0, "the unused frame has a parent");
    for (size_t i = 1; i < capture->n_frames; i++) {
        const struct hs_capture_frame *frame = &capture->frames[i];
        if (frame->parent >= i)
            return damaged(err, "frames", i, "its parent does not come before it");
        if (frame->module != UINT32_MAX && frame->module >= capture->n_modules)
            return damaged(err, "frames", i, "its module is not in the modules");
    }
    return 0;
}

static int check_blocks(const struct hs_capture *capture, struct hs_error *err)
{
    if (capture->n_blocks >= UINT32_MAX)
        return hs_error_set(err, EINVAL, "damaged capture: %zu blocks are impossible",
                            capture->n_blocks);
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        uint64_t end;
        if (__builtin_add_overflow(block->address, block->size, &end))
            return damaged(err, "blocks", i, "it ends beyond the address space");
        if (i > 0
            && (block->address <= block[-1].address
                || block->address - block[-1].address < block[-1].size))
            return damaged(err, "blocks", i, "it begins before the previous one ends");
        if (block->stack >= capture->n_frames)
            return damaged(err, "blocks", i, "its stack is not in the frames");
        if (block->birth_epoch >= capture->n_epochs)
            return damaged(err, "blocks", i, "its birth epoch is not in the epochs");
        if (block->id % 2 == 0)
            return damaged(err, "blocks", i, "its id is even");
    }
    return 0;
}

static int check_edges(const struct hs_capture *capture, struct hs_error *err)
{
    if (capture->n_edges >= UINT32_MAX)
        return hs_error_set(err, EINVAL, "damaged capture: %zu edges are impossible",
                            capture->n_edges);
    for (size_t i = 0; i < capture->n_edges; i++) {
        const struct hs_capture_edge *edge = &capture->edges[i];
        if (edge->from >= capture->n_blocks || edge->to >= capture->n_blocks)
            return damaged(err, "edges", i, "it joins a block that is not there");
        if (edge->from == edge->to)
            return damaged(err, "edges", i, "it joins a block with itself");
        if (i > 0 && edge->from < edge[-1].from)
            return damaged(err, "edges", i, "the edges are not in order");
    }
    return 0;
}

static int check_roots(const struct hs_capture *capture, struct hs_error *err)
{
    if (capture->n_roots >= UINT32_MAX)
        return hs_error_set(err, EINVAL, "damaged capture: %zu roots are impossible",
                            capture->n_roots);
    for (size_t i = 0; i < capture->n_roots; i++) {
        const struct hs_capture_root *root = &capture->roots[i];
        if (root->start > root->end)
            return damaged(err, "roots", i, "it ends before it starts");
        if (root->kind < HS_ROOT_MODULE || root->kind > HS_ROOT_WEAK)
            return damaged(err, "roots", i, "its kind is unknown");
        if (root->kind == HS_ROOT_REGION || root->kind == HS_ROOT_WEAK)
            continue;
        size_t owners =
            root->kind == HS_ROOT_MODULE ? capture->n_modules : capture->n_threads;
        if (root->owner >= owners)
            return damaged(err, "roots", i, "its owner is not there");
    }
    return 0;
}

static int check_root_edges(const struct hs_capture *capture, struct hs_error *err)
{
    if (capture->n_root_edges >= UINT32_MAX)
        return hs_error_set(err, EINVAL, "damaged capture: %zu root edges are impossible",
                            capture->n_root_edges);
    for (size_t i = 0; i < capture->n_root_edges; i++) {
        const struct hs_capture_root_edge *edge = &capture->root_edges[i];
        if (edge->root >= capture->n_roots)
            return damaged(err, "root edges", i, "its root is not there");
        if (edge->to >= capture->n_blocks)
            return damaged(err, "root edges", i, "it leads to a block that is not there");
        if (i > 0 && edge->root < edge[-1].root)
            return damaged(err, "root edges", i, "the edges are not in order");
        const struct hs_capture_root *root = &capture->roots[edge->root];
        if (root->kind != HS_ROOT_REGISTERS
            && (edge->address < root->start || edge->address >= root->end))
            return damaged(err, "root edges", i, "its slot lies outside its root");
    }
    return 0;
}

static int check_threads(const struct hs_capture *capture, struct hs_error *err)
{
    for (size_t i = 0; i < capture->n_threads; i++) {
        const struct hs_capture_thread *thread = &capture->threads[i];
        if (thread->stack_start > thread->stack_end)
            return damaged(err, "threads", i, "its stack ends before it starts");
        if (thread->stacks_offset > capture->n_stacks
            || thread->stacks_size > capture->n_stacks - thread->stacks_offset
            || thread->stacks_size > thread->stack_end - thread->stack_start)
            return damaged(err, "threads", i, "its stack is not in the stacks");
        if (thread->n_registers > HS_REGISTERS_MAX)
            return damaged(err, "threads", i, "it has too many registers");
        if (!memchr(thread->name, '\0', sizeof(thread->name)))
            return damaged(err, "threads", i, "its name does not end");
        if (thread->id % 2 == 0 || thread->stack_id % 2 == 0)
            return damaged(err, "threads", i, "its id is even");
    }
    return 0;
}

/* A totals capture carries no epochs; a handle's birth then is just a number. */
static int check_handles(const struct hs_capture *capture, struct hs_error *err)
{
    bool has_epochs = capture->header->kind != HS_REQUEST_TOTALS || capture->n_epochs > 0;
    for (size_t i = 0; i < capture->n_handles; i++) {
        const struct hs_capture_handle *handle = &capture->handles[i];
        if (handle->stack >= capture->n_frames)
            return damaged(err, "handles", i, "its stack is not in the frames");
        if (has_epochs && handle->birth_epoch >= capture->n_epochs)
            return damaged(err, "handles", i, "its birth epoch is not in the epochs");
        if (handle->call >= capture->n_strings || handle->label >= capture->n_strings)
            return damaged(err, "handles", i, "its text is not in the strings");
        if (has_epochs && handle->id % 2 == 0)
            return damaged(err, "handles", i, "its id is even");
    }
    return 0;
}

static int check_totals(const struct hs_capture *capture, struct hs_error *err)
{
    for (size_t i = 0; i < capture->n_totals; i++)
        if (capture->totals[i].stack >= capture->n_frames)
            return damaged(err, "totals", i, "its stack is not in the frames");
    return 0;
}

static int check_words(const struct hs_capture *capture, struct hs_error *err)
{
    for (size_t i = 0; i < capture->n_words; i++) {
        const struct hs_capture_word *word = &capture->words[i];
        if (word->block >= capture->n_blocks)
            return damaged(err, "words", i, "its block is not there");
        if (word->word >= HS_WORDS_MAX)
            return damaged(err, "words", i, "it lies too far inside its block");
        if (i > 0
            && (word->block < word[-1].block
                || (word->block == word[-1].block && word->word <= word[-1].word)))
            return damaged(err, "words", i, "the words are not in order");
    }
    return 0;
}

static int check_texts(const struct hs_capture *capture, struct hs_error *err)
{
    for (size_t i = 0; i < capture->n_texts; i++) {
        const struct hs_capture_text *text = &capture->texts[i];
        if (text->block >= capture->n_blocks)
            return damaged(err, "texts", i, "its block is not there");
        if (text->length > sizeof(text->text))
            return damaged(err, "texts", i, "it is too long");
        if (i > 0 && text->block <= text[-1].block)
            return damaged(err, "texts", i, "the texts are not in order");
    }
    return 0;
}

int hs_capture_check(const struct hs_capture *capture, struct hs_error *err)
{
    static int (*const checks[])(const struct hs_capture *, struct hs_error *) = {
        check_strings, check_modules, check_frames,     check_blocks,
        check_edges,   check_roots,   check_root_edges, check_threads,
        check_handles, check_totals,  check_words,      check_texts,
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        int result = checks[i](capture, err);
        if (result != 0)
            return result;
    }
    return 0;
}
