// SPDX-License-Identifier: MIT

/*
 * Open addressing over 32-bit numbers, with the full hash kept beside each text, so that
 * growing touches no text and a wrong candidate costs one comparison of two integers.
 * Texts live in big chunks that never move.
 */

#include "libheapsnap/snapshot/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/utf8.h"

#define CHUNK_SIZE ((size_t)1 << 20)

struct hs_text_chunk {
    struct hs_text_chunk *next;
    size_t used, size;
    char bytes[];
};

static uint32_t hash_text(const char *text, size_t size)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = size * factor, word;
    for (; size >= sizeof(word); text += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, text, size);
    hash = (hash ^ word) * factor;
    return (uint32_t)(hash >> 32 ^ hash >> 15);
}

void hs_text_table_seal(struct hs_text_table *table)
{
    free(table->slots);
    free(table->hashes);
    table->slots = NULL;
    table->hashes = NULL;
    table->n_slots = 0;
}

void hs_text_table_deinit(struct hs_text_table *table)
{
    hs_text_table_seal(table);
    free(table->at);
    while (table->chunks) {
        struct hs_text_chunk *next = table->chunks->next;
        free(table->chunks);
        table->chunks = next;
    }
    *table = (struct hs_text_table){0};
}

/* The slot of the text, or the free one where it belongs. Needs at least one free slot. */
static uint32_t find_slot(const struct hs_text_table *table, const char *text,
                          size_t size, uint32_t hash)
{
    uint32_t slot = hash & (table->n_slots - 1);
    for (; table->slots[slot]; slot = (slot + 1) & (table->n_slots - 1)) {
        uint32_t number = table->slots[slot] - 1;
        const char *other = table->at[number];
        if (table->hashes[number] == hash && strncmp(other, text, size) == 0
            && other[size] == '\0')
            break;
    }
    return slot;
}

static bool grow_slots(struct hs_text_table *table)
{
    if (table->n_slots > UINT32_MAX / 2)
        return false;
    uint32_t wanted = table->n_slots ? table->n_slots * 2 : 1024;
    uint32_t *slots = calloc(wanted, sizeof(*slots));
    if (!slots)
        return false;
    for (uint32_t number = 0; number < table->count; number++) {
        uint32_t slot = table->hashes[number] & (wanted - 1);
        while (slots[slot])
            slot = (slot + 1) & (wanted - 1);
        slots[slot] = number + 1;
    }
    free(table->slots);
    table->slots = slots;
    table->n_slots = wanted;
    return true;
}

static bool grow_texts(struct hs_text_table *table)
{
    if (table->count < table->room)
        return true;
    uint32_t room = table->room ? table->room * 2 : 512;
    if (room < table->room)
        return false;
    const char **at = realloc(table->at, room * sizeof(*at));
    if (!at)
        return false;
    table->at = at;
    uint32_t *hashes = realloc(table->hashes, room * sizeof(*hashes));
    if (!hashes)
        return false;
    table->hashes = hashes;
    table->room = room;
    return true;
}

static const char *store(struct hs_text_table *table, const char *text, size_t size)
{
    struct hs_text_chunk *chunk = table->chunks;
    if (!chunk || chunk->size - chunk->used <= size) {
        size_t bytes = size < CHUNK_SIZE ? CHUNK_SIZE : size + 1;
        chunk = malloc(sizeof(*chunk) + bytes);
        if (!chunk)
            return NULL;
        *chunk = (struct hs_text_chunk){.next = table->chunks, .size = bytes};
        table->chunks = chunk;
    }
    char *copy = chunk->bytes + chunk->used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    chunk->used += size + 1;
    return copy;
}

static uint32_t add_valid(struct hs_text_table *table, const char *text, size_t size)
{
    if (table->count >= table->n_slots / 2 && !grow_slots(table))
        return HS_TEXT_NONE;
    uint32_t hash = hash_text(text, size);
    uint32_t slot = find_slot(table, text, size, hash);
    if (table->slots[slot])
        return table->slots[slot] - 1;
    if (!grow_texts(table))
        return HS_TEXT_NONE;
    const char *copy = store(table, text, size);
    if (!copy)
        return HS_TEXT_NONE;
    table->at[table->count] = copy;
    table->hashes[table->count] = hash;
    table->slots[slot] = ++table->count;
    return table->count - 1;
}

static bool is_valid(const char *text, size_t size)
{
    size_t at = hs_utf8_ascii_run(text, size);
    while (at < size) {
        size_t length = hs_utf8_length(text + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

uint32_t hs_text_table_add(struct hs_text_table *table, const char *text, size_t size)
{
    if (is_valid(text, size))
        return add_valid(table, text, size);
    if (size > SIZE_MAX / 3)
        return HS_TEXT_NONE;
    hs_auto_free char *clean = malloc(size * 3);
    if (!clean)
        return HS_TEXT_NONE;
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        size_t length = hs_utf8_length(text + at, size - at);
        if (length == 0) {
            used += hs_utf8_encode(0xfffd, clean + used);
            at++;
            continue;
        }
        memcpy(clean + used, text + at, length);
        used += length;
        at += length;
    }
    return add_valid(table, clean, used);
}

uint32_t hs_text_table_find(const struct hs_text_table *table, const char *text,
                            size_t size)
{
    if (table->n_slots == 0)
        return HS_TEXT_NONE;
    uint32_t slot = find_slot(table, text, size, hash_text(text, size));
    return table->slots[slot] ? table->slots[slot] - 1 : HS_TEXT_NONE;
}
