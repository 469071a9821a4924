// SPDX-License-Identifier: MIT

/*
 * Constant data as the loader leaves it, told from the file of the test itself.
 */

#include "libheapsnap/symbols/words.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "heapsnap/symbols.h"
#include "tests/support/self_module.h"

/* Not static: the linker keeps its name. */
const char words_text[] = "told from the file";
static const char hidden_text[] = "a text of no name";

struct constants {
    int64_t number;
    const char *here, *nowhere;
    int (*elsewhere)(const char *, const char *);
};
const struct constants words_constants = {-16, hidden_text, NULL, strcmp};

struct setup {
    struct fake *fake;
    struct hs_capture capture;
    struct hs_symbols *symbols;
};

static void set_up(struct setup *setup)
{
    *setup = (struct setup){.fake = fake_create()};
    self_module(setup->fake, NULL);
    setup->capture = fake_open(setup->fake);
    cr_assert(eq(int, hs_symbols_create(&setup->capture, &setup->symbols, NULL), 0));
}

static void tear_down(struct setup *setup)
{
    hs_symbols_destroy(setup->symbols);
    fake_close(&setup->capture);
    fake_destroy(setup->fake);
}

static uint64_t address_of(const void *place)
{
    return (uint64_t)(uintptr_t)place;
}

Test(words, a_number_is_the_files_own)
{
    struct setup setup;
    set_up(&setup);
    struct hs_word word = {0};

    cr_assert(hs_symbols_word(setup.symbols, address_of(&words_constants.number), &word));

    cr_expect(eq(i64, (int64_t)word.value, -16));
    cr_expect(eq(ptr, (void *)word.symbol, NULL));
    tear_down(&setup);
}

Test(words, a_pointer_into_the_file_is_what_the_loader_made_of_it)
{
    struct setup setup;
    set_up(&setup);
    struct hs_word word = {0};

    cr_assert(hs_symbols_word(setup.symbols, address_of(&words_constants.here), &word));

    cr_expect(eq(u64, word.value, address_of(hidden_text)));
    cr_assert(
        hs_symbols_word(setup.symbols, address_of(&words_constants.nowhere), &word));
    cr_expect(eq(u64, word.value, 0));
    tear_down(&setup);
}

Test(words, a_pointer_to_another_file_is_a_symbol)
{
    struct setup setup;
    set_up(&setup);
    struct hs_word word = {0};

    cr_assert(
        hs_symbols_word(setup.symbols, address_of(&words_constants.elsewhere), &word));

    cr_expect(eq(str, (char *)word.symbol, "strcmp"));
    tear_down(&setup);
}

Test(words, a_text_is_read_from_the_file)
{
    struct setup setup;
    set_up(&setup);

    const char *text = hs_symbols_file_text(setup.symbols, address_of(hidden_text));

    cr_expect(eq(str, (char *)text, "a text of no name"));
    tear_down(&setup);
}

Test(words, outside_of_all_modules_there_is_nothing)
{
    struct setup setup;
    set_up(&setup);
    struct hs_word word;
    uint64_t start;

    cr_expect(not(hs_symbols_word(setup.symbols, 0x1000, &word)));
    cr_expect(eq(ptr, (void *)hs_symbols_file_text(setup.symbols, 0x1000), NULL));
    cr_expect(
        eq(ptr, (void *)hs_symbols_linker_name(setup.symbols, 0x1000, &start), NULL));
    tear_down(&setup);
}

Test(words, an_address_has_the_linkers_name)
{
    struct setup setup;
    set_up(&setup);
    uint64_t start = 0;

    const char *name =
        hs_symbols_linker_name(setup.symbols, address_of(words_text) + 3, &start);

    cr_expect(eq(str, (char *)name, "words_text"));
    cr_expect(eq(u64, start, address_of(words_text)));
    tear_down(&setup);
}
