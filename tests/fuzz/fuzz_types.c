// SPDX-License-Identifier: MIT

/*
 * Any bytes as a table of types from the cache: opening refuses it with a reason, or every
 * question can be asked. What every mutation would break (magic, version, size, checksum)
 * is put right.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/layout_internal.h"
#include "tests/support/fake_capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_right(void *bytes, size_t size)
{
    struct hs_layout_header *header = bytes;
    header->magic = HS_LAYOUT_MAGIC;
    header->version = HS_LAYOUT_VERSION;
    header->size = size;
    header->checksum = hs_layout_checksum(header, size);
}

static void ask_type(struct hs_layouts *layouts, uint32_t number, uint32_t other)
{
    const struct hs_type *type = hs_layouts_type(layouts, number);
    struct hs_type_hit hits[4];
    struct hs_type_field field;
    char text[64];
    if (!type)
        return;
    if (!type->name || type->n_singles > type->n_slots)
        abort();
    for (uint32_t i = 0; i < type->n_slots && i < 32; i++) {
        size_t count = hs_type_slots_at(type, type->slots[i].offset, hits, 4);
        if (count == 0)
            abort(); /* what is listed is found */
        hs_type_hit_path(&hits[count - 1], text, sizeof(text));
    }
    hs_layouts_member(layouts, number, type->size / 2, text, sizeof(text));
    hs_layouts_field(layouts, number, "a.b", &field);
    hs_layouts_holds(layouts, number, type->size / 3, other);
    hs_layouts_find(layouts, type->name);
}

static void ask(struct hs_layouts *layouts)
{
    const struct hs_layout_table *table = &layouts->modules[0].table;
    for (uint32_t i = 0; i < table->n_types && i < 200; i++)
        ask_type(layouts, hs_layouts_number(layouts, 0, i), i / 2);
    for (size_t i = 0; i < table->n_variables && i < 200; i++) {
        uint64_t offset;
        hs_layouts_variable(layouts, table->variables[i].address);
        hs_layouts_thread_variable(layouts, 0x7000, table->variables[i].address, &offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *bytes = malloc(size + !size);
    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    if (size >= sizeof(struct hs_layout_header))
        put_right(bytes, size);
    struct fake *fake = fake_create();
    fake_module(fake, "no file", 0, UINT64_MAX, 0);
    struct hs_capture capture = fake_open(fake);
    struct hs_symbols *symbols;
    struct hs_layouts *layouts;
    const struct hs_layouts_options options = {.cache = ""};
    if (hs_symbols_create(&capture, &symbols, NULL) != 0
        || hs_layouts_create(symbols, &options, &layouts, NULL) != 0)
        abort();
    struct hs_layout_module *module = &layouts->modules[0];
    const char *wrong = hs_layout_table_open(bytes, size, false, &module->table);
    if (wrong) {
        free(bytes);
    } else if (hs_layouts_prepare(module)) {
        ask(layouts);
    }
    hs_layouts_destroy(layouts);
    hs_symbols_destroy(symbols);
    fake_close(&capture);
    fake_destroy(fake);
    return 0;
}
