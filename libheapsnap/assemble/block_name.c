// SPDX-License-Identifier: MIT

/*
 * With instance names each block also shows its address: "<struct·entry 0x55…>", where ·
 * is a no-break space, is grouped by DevTools as "<struct entry>". A block of no known
 * type has its allocation site for a class, "malloc ← f (a.c:1)"; bytes, which are a type
 * that says too little, have both. A type that is likely but not certain ends in a question
 * mark. Texts are shown only when the capture has them.
 */

#include "libheapsnap/assemble/block_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/names.h"

#define NAME_MAX_LENGTH 1400

/* The beginning of the names of one stack's blocks. */
struct hs_class_name {
    char *prefix; /* with instance names: all up to the address; owned */
    uint32_t length;
    uint32_t string; /* without: the whole name; UINT32_MAX = not asked yet */
};

int hs_naming_init(struct hs_naming *naming, struct hs_assembly *assembly)
{
    size_t n_frames = assembly->capture->n_frames;
    *naming = (struct hs_naming){
        .assembly = assembly,
        .sites = calloc(n_frames + 1, sizeof(*naming->sites)),
    };
    if (!naming->sites)
        return -ENOMEM;
    for (size_t i = 0; i < n_frames; i++)
        naming->sites[i].string = UINT32_MAX;
    return 0;
}

void hs_naming_deinit(struct hs_naming *naming)
{
    for (size_t i = 0; i < naming->assembly->capture->n_frames; i++)
        free(naming->sites[i].prefix);
    free(naming->sites);
}

static uint32_t intern(struct hs_naming *naming, const char *name)
{
    return hs_snapshot_builder_string(naming->assembly->builder, name);
}

/* ---- by site ---- */

static uint32_t name_plainly(struct hs_naming *naming, uint32_t stack)
{
    struct hs_class_name *class = &naming->sites[stack];
    if (class->string == UINT32_MAX) {
        char name[NAME_MAX_LENGTH];
        snprintf(name, sizeof(name), "malloc ← %s",
                 hs_symbols_site(naming->assembly->symbols, stack));
        class->string = intern(naming, name);
    }
    return class->string;
}

static uint32_t name_by_site(struct hs_naming *naming, uint32_t stack, uint64_t address,
                             const char *suffix)
{
    struct hs_class_name *class = &naming->sites[stack];
    char name[NAME_MAX_LENGTH + 64];
    if (naming->assembly->has_instance_names && !class->prefix) {
        char plain[NAME_MAX_LENGTH];
        snprintf(plain, sizeof(plain), "<malloc ← %s",
                 hs_symbols_site(naming->assembly->symbols, stack));
        size_t length = hs_name_without_spaces(name, NAME_MAX_LENGTH - 1, plain);
        name[length++] = ' ';
        name[length] = '\0';
        class->length = (uint32_t)length;
        class->prefix = strdup(name);
    }
    if (!class->prefix)
        return name_plainly(naming, stack);
    memcpy(name, class->prefix, class->length);
    size_t length = class->length + hs_name_hex(name + class->length, address);
    snprintf(name + length, sizeof(name) - length, "%s>", suffix);
    return intern(naming, name);
}

/* ---- by type ---- */

/* What stands behind the class. */
static const char *class_mark(const struct hs_assembly *assembly, uint32_t block)
{
    bool is_unsure = !hs_types_is_certain(assembly->types, block)
                     && !hs_types_is_bytes(assembly->types, block);
    return is_unsure ? "?" : "";
}

static uint32_t name_by_type(struct hs_naming *naming, uint32_t block, uint32_t stack,
                             const char *class, const char *suffix)
{
    const struct hs_assembly *assembly = naming->assembly;
    bool is_bytes = hs_types_is_bytes(assembly->types, block);
    char plain[NAME_MAX_LENGTH], name[NAME_MAX_LENGTH + 64];
    snprintf(plain, sizeof(plain), "<%s%s%s%s", class, class_mark(assembly, block),
             is_bytes ? " ← " : "",
             is_bytes ? hs_symbols_site(assembly->symbols, stack) : "");
    if (!assembly->has_instance_names)
        return intern(naming, plain + 1);
    size_t length = hs_name_without_spaces(name, NAME_MAX_LENGTH - 1, plain);
    name[length++] = ' ';
    length += hs_name_hex(name + length, assembly->capture->blocks[block].address);
    snprintf(name + length, sizeof(name) - length, "%s>", suffix);
    return intern(naming, name);
}

/* The preview of a block's text, or NULL. */
static const struct hs_capture_text *find_text(struct hs_naming *naming, uint32_t block)
{
    const struct hs_capture *capture = naming->assembly->capture;
    if (naming->next_text > 0 && naming->next_text <= capture->n_texts
        && capture->texts[naming->next_text - 1].block >= block)
        naming->next_text = 0;
    while (naming->next_text < capture->n_texts
           && capture->texts[naming->next_text].block < block)
        naming->next_text++;
    return naming->next_text < capture->n_texts
                   && capture->texts[naming->next_text].block == block
               ? &capture->texts[naming->next_text]
               : NULL;
}

/* DevTools takes equal names for duplicates of one string: without the text itself the
 * address keeps them apart. */
static uint32_t name_text(struct hs_naming *naming, uint32_t block, uint32_t stack)
{
    const struct hs_assembly *assembly = naming->assembly;
    const struct hs_capture_block *info = &assembly->capture->blocks[block];
    const struct hs_capture_text *text = find_text(naming, block);
    char name[NAME_MAX_LENGTH + 64];
    if (text) {
        size_t length =
            text->length < sizeof(text->text) ? text->length : sizeof(text->text);
        bool is_cut = length == sizeof(text->text) && info->size > length + 1;
        snprintf(name, sizeof(name), "%.*s%s", (int)length, text->text,
                 is_cut ? "…" : "");
    } else if (assembly->has_instance_names) {
        snprintf(name, sizeof(name), "text 0x%llx ← %s",
                 (unsigned long long)info->address,
                 hs_symbols_site(assembly->symbols, stack));
    } else {
        snprintf(name, sizeof(name), "text ← %s",
                 hs_symbols_site(assembly->symbols, stack));
    }
    return intern(naming, name);
}

/* ---- all ---- */

static uint32_t name_mapping(struct hs_naming *naming,
                             const struct hs_capture_block *block, const char *suffix)
{
    char name[96];
    snprintf(name, sizeof(name), "<mmap" HS_NO_BREAK_SPACE "%s%c%c%c%c 0x%llx%s>",
             block->flags & HS_BLOCK_FILE ? "file" HS_NO_BREAK_SPACE : "",
             block->flags & HS_BLOCK_READ ? 'r' : '-',
             block->flags & HS_BLOCK_WRITE ? 'w' : '-',
             block->flags & HS_BLOCK_EXECUTE ? 'x' : '-',
             block->flags & HS_BLOCK_SHARED ? 's' : 'p',
             (unsigned long long)block->address, suffix);
    return intern(naming, name);
}

uint32_t hs_naming_block(struct hs_naming *naming, uint32_t block, const char *suffix)
{
    const struct hs_assembly *assembly = naming->assembly;
    const struct hs_capture_block *info = &assembly->capture->blocks[block];
    if (info->flags & HS_BLOCK_MAPPING)
        return name_mapping(naming, info, suffix);
    uint32_t stack = info->stack > HS_STACK_UNKNOWN ? info->stack : HS_STACK_UNKNOWN;
    if (assembly->types && hs_types_is_text(assembly->types, block))
        return name_text(naming, block, stack);
    const char *class = assembly->types ? hs_types_class(assembly->types, block) : NULL;
    return class ? name_by_type(naming, block, stack, class, suffix)
                 : name_by_site(naming, stack, info->address, suffix);
}
