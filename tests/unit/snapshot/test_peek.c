// SPDX-License-Identifier: MIT

/* What the head and the end of a file say. */

#include "heapsnap/peek.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD                                                                  \
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\"]},\"node_count\":%u," \
    "\"edge_count\":7},\n"

static char path[] = "/tmp/heapsnap-XXXXXX";

/* A file of so many nodes, with `name` after half a megabyte of other strings. */
static void write_file(unsigned nodes, const char *name)
{
    strcpy(path, "/tmp/heapsnap-XXXXXX");
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file, HEAD, nodes);
    fputs("\"nodes\":[0", file);
    for (unsigned i = 1; i < nodes; i++)
        fputs("\n,1,2,3,4,5,6,7", file);
    fputs("],\n\"strings\":[\"<dummy>\"", file);
    for (unsigned i = 0; i < 50000; i++)
        fputs(",\"a string\"", file);
    fprintf(file, ",%s]}\n", name);
    fclose(file);
}

static void remove_file(void)
{
    unlink(path);
}

static enum hs_maker maker_of(const char *name)
{
    struct hs_peek *peek = NULL;
    struct hs_error err = {0};
    write_file(300000, name);
    cr_assert(eq(int, hs_peek_create(path, &peek, &err), 0), "%s", err.text);
    enum hs_maker maker = peek->maker;
    hs_peek_destroy(peek);
    unlink(path);
    return maker;
}

Test(peek, counts_and_meta_are_those_of_the_head, .fini = remove_file)
{
    struct hs_peek *peek = NULL;
    write_file(12, "\"\"");

    cr_assert(eq(int, hs_peek_create(path, &peek, NULL), 0));

    cr_expect(eq(u64, peek->node_count, 12));
    cr_expect(eq(u64, peek->edge_count, 7));
    cr_expect(eq(u64, peek->trace_function_count, 0));
    json_t *meta = json_object_get(peek->snapshot, "meta");
    cr_expect(eq(int, json_typeof(meta), JSON_OBJECT));
    cr_expect(not(peek->is_cut));
    hs_peek_destroy(peek);
}

Test(peek, the_maker_is_known_by_names_that_only_he_gives)
{
    cr_expect(eq(int, maker_of("\"NODE_DEBUG\""), HS_MAKER_NODE));
    cr_expect(eq(int, maker_of("\"HTMLDocument\""), HS_MAKER_CHROME));
    cr_expect(eq(int, maker_of("\"anything\""), HS_MAKER_V8));
}

Test(peek, a_file_without_its_end_is_cut, .fini = remove_file)
{
    struct hs_peek *peek = NULL;
    write_file(1000, "\"\"");
    cr_assert(eq(int, truncate(path, 9000), 0));

    cr_assert(eq(int, hs_peek_create(path, &peek, NULL), 0));

    cr_expect(peek->is_cut);
    cr_expect(eq(u64, peek->file_size, 9000));
    cr_expect(eq(u64, peek->node_count, 1000));
    hs_peek_destroy(peek);
}

Test(peek, a_head_that_is_cut_is_refused_with_the_place, .fini = remove_file)
{
    struct hs_peek *peek = NULL;
    struct hs_error err = {0};
    write_file(1000, "\"\"");
    cr_assert(eq(int, truncate(path, 40), 0));

    cr_expect(eq(int, hs_peek_create(path, &peek, &err), -EINVAL));

    cr_expect(eq(ptr, peek, NULL));
    cr_expect(strstr(err.text, "byte 40: the file ends here") != NULL, "%s", err.text);
}

Test(peek, a_head_without_counts_is_none, .fini = remove_file)
{
    struct hs_peek *peek = NULL;
    struct hs_error err = {0};
    FILE *file = fdopen(mkstemp(strcpy(path, "/tmp/heapsnap-XXXXXX")), "w");
    fputs("{\"snapshot\":{\"meta\":{},\"node_count\":-1}}", file);
    fclose(file);

    cr_expect(eq(int, hs_peek_create(path, &peek, &err), -EINVAL));

    cr_expect(strstr(err.text, "no node_count") != NULL, "%s", err.text);
}
