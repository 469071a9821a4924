// SPDX-License-Identifier: MIT

/*
 * A table of texts, each stored once and known by its number.
 *
 * DevTools stores rows under a string's text, so a snapshot whose table holds one text
 * twice loses rows; interning makes that impossible. Numbers ascend from 0 in the order
 * of first appearance.
 */

#ifndef HEAPSNAP_SNAPSHOT_TEXT_H
#define HEAPSNAP_SNAPSHOT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define HS_TEXT_NONE UINT32_MAX

struct hs_text_chunk;

/* All zero is an empty table. */
struct hs_text_table {
    const char **at; /* NUL-terminated; the array moves while the table grows */
    uint32_t count;
    uint32_t room;
    uint32_t *slots;  /* number + 1, 0 = free */
    uint32_t *hashes; /* of each text */
    uint32_t n_slots; /* a power of two */
    struct hs_text_chunk *chunks;
};

void hs_text_table_deinit(struct hs_text_table *table);

/* The number of the `size` bytes at `text`, which hold no NUL; HS_TEXT_NONE when memory
 * ends. Invalid UTF-8 is replaced by U+FFFD first. */
uint32_t hs_text_table_add(struct hs_text_table *table, const char *text, size_t size);

/* The number of a text, or HS_TEXT_NONE. */
uint32_t hs_text_table_find(const struct hs_text_table *table, const char *text,
                            size_t size);

/* Keep the texts only: release what is needed for looking up and adding. */
void hs_text_table_seal(struct hs_text_table *table);

#endif
