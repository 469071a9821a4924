// SPDX-License-Identifier: MIT

/*
 * Runs a program that tells the truth about itself (told.h) and compares it with what its
 * DWARF says.
 *
 *   check_program [-w] [-o] PROGRAM
 *
 *   -w  types of allocations need not be found, only not be wrong
 *   -o  the compiler believes that one name means one type, also in C
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/layout_internal.h"
#include "tests/support/elf_module.h"

#define LINES_MAX 500
#define LINE_MAX_BYTES 512

struct check {
    struct fake *fake;
    struct hs_layouts *layouts;
    HS_ARRAY(uint32_t) stacks;
    unsigned n_sites, n_found;
    unsigned n_checked, n_wrong;
    bool is_weak, has_one_definition;
};

static void expect(struct check *check, bool is_fine, const char *line, const char *found)
{
    check->n_checked++;
    if (is_fine)
        return;
    check->n_wrong++;
    printf("told: %s\n  DWARF: %s\n", line, found);
}

static const char *name_of(struct check *check, uint32_t type)
{
    const struct hs_type *of = hs_layouts_type(check->layouts, type);
    return of ? of->name : "void";
}

/* Up to `n` fields between "|" behind the letter and its blank; `line` is cut. */
static size_t split(char *line, char *fields[], size_t n)
{
    size_t count = 0;
    for (char *at = line + 2; at && count < n;) {
        fields[count++] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = '\0';
    }
    return count;
}

static void check_type(struct check *check, const char *line, char *fields[])
{
    const struct hs_type *type =
        hs_layouts_type(check->layouts, hs_layouts_find(check->layouts, fields[0]));
    char found[64];
    snprintf(found, sizeof(found), "%" PRIu64, type ? type->size : 0);
    expect(check, type && strcmp(found, fields[1]) == 0, line, found);
}

static void check_slot(struct check *check, const char *line, char *fields[])
{
    uint32_t number = hs_layouts_find(check->layouts, fields[0]);
    const struct hs_type *type = hs_layouts_type(check->layouts, number);
    uint64_t offset = strtoull(fields[1], NULL, 10);
    struct hs_type_hit hits[8];
    size_t count = type ? hs_type_slots_at(type, offset, hits, 8) : 0;
    char path[256] = "(none)", found[1024], member[256];
    bool is_found = count == 0 && strcmp(fields[3], "(none)") == 0;
    snprintf(found, sizeof(found), "%s, %zu pointers", type ? type->name : "no type",
             count);
    for (size_t i = 0; i < count; i++) {
        hs_type_hit_path(&hits[i], path, sizeof(path));
        const char *target = name_of(check, hits[i].slot->target);
        snprintf(found, sizeof(found), "%s to %s", path, target);
        is_found |= strcmp(path, fields[3]) == 0 && strcmp(target, fields[2]) == 0;
    }
    expect(check, is_found, line, found);
    hs_layouts_member(check->layouts, number, offset, member, sizeof(member));
    expect(check, member[0] == '.', line, "no member there");
}

static void check_variable(struct check *check, const char *line, char *fields[])
{
    const struct hs_variable *variable =
        hs_layouts_variable(check->layouts, strtoull(fields[0], NULL, 16));
    char found[1024] = "no variable";
    if (variable)
        snprintf(found, sizeof(found), "%" PRIx64 "|%s|%s|%" PRIu64 "|%s",
                 variable->address, variable->name, name_of(check, variable->type),
                 variable->size, variable->scope ? variable->scope : "-");
    /* clang does not name the function when all of it is inlined. */
    char *behind = strrchr(found, '|');
    if (variable && !variable->scope && strcmp(fields[4], "-") != 0)
        snprintf(behind + 1, sizeof(found) - (size_t)(behind + 1 - found), "%s",
                 fields[4]);
    expect(check, strcmp(line + 2, found) == 0, line, found);
}

static void check_thread(struct check *check, const char *line, char *fields[])
{
    const struct hs_layout_table *table = &check->layouts->modules[0].table;
    char found[256] = "no variable";
    for (size_t i = 0; i < table->n_variables; i++) {
        const struct hs_layout_variable *variable = &table->variables[i];
        if (variable->place == HS_VARIABLE_THREAD
            && strcmp(table->strings + variable->name, fields[0]) == 0)
            snprintf(
                found, sizeof(found), "%s",
                name_of(check, hs_layouts_number(check->layouts, 0, variable->type)));
    }
    expect(check, strcmp(found, fields[1]) == 0, line, found);
}

static void check_flexible(struct check *check, const char *line, char *fields[])
{
    const struct hs_type *type =
        hs_layouts_type(check->layouts, hs_layouts_find(check->layouts, fields[0]));
    char found[64] = "";
    if (type)
        snprintf(found, sizeof(found), "%" PRIu32 "|%" PRIu32, type->flexible_offset,
                 type->flexible_stride);
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%s|%s", fields[1], fields[2]);
    expect(check, strcmp(found, wanted) == 0, line, found);
}

static void check_target(struct check *check, const char *line, char *fields[])
{
    const struct hs_variable *variable =
        hs_layouts_variable(check->layouts, strtoull(fields[0], NULL, 16));
    const struct hs_type *type =
        variable ? hs_layouts_type(check->layouts, variable->type) : NULL;
    const struct hs_type *target =
        type && type->n_slots ? hs_layouts_type(check->layouts, type->slots[0].target)
                              : NULL;
    char found[64];
    snprintf(found, sizeof(found), "%" PRIu64, target ? target->size : 0);
    expect(check, strcmp(found, fields[1]) == 0, line, found);
}

static void check_local(struct check *check, const char *line, char *fields[])
{
    int64_t offset = strtoll(fields[1], NULL, 10);
    const struct hs_variable *variable =
        hs_layouts_local(check->layouts, strtoull(fields[0], NULL, 16), offset);
    char found[256] = "no variable";
    if (variable)
        snprintf(found, sizeof(found), "%s|%s", variable->name,
                 name_of(check, variable->type));
    char wanted[256];
    snprintf(wanted, sizeof(wanted), "%s|%s", fields[2], fields[3]);
    expect(check,
           variable && variable->address == (uint64_t)offset
               && strcmp(found, wanted) == 0,
           line, found);
}

static void check_site(struct check *check, const char *line, char *fields[],
                       uint32_t stack)
{
    enum hs_site_certainty certainty;
    uint32_t type = hs_layouts_site(check->layouts, stack, &certainty);
    char found[256];
    bool is_none = type == HS_TYPE_NONE || certainty == HS_SITE_WEAK;
    snprintf(found, sizeof(found), "%s, certainty %d", name_of(check, type), certainty);
    bool is_right = strcmp(name_of(check, type), fields[1]) == 0;
    check->n_sites++;
    check->n_found += is_right;
    expect(check, is_right || is_none, line, found);
    if (!is_right)
        printf("not told from its site: %s (%s)\n", line, found);
}

static void check_line(struct check *check, char *line, uint32_t stack)
{
    char whole[LINE_MAX_BYTES], *fields[8] = {NULL};
    strcpy(whole, line);
    size_t count = split(line, fields, 8);
    static const struct {
        char letter;
        size_t n_fields;
        void (*check)(struct check *, const char *, char **);
    } checks[] = {
        {'T', 2, check_type},   {'S', 4, check_slot},     {'V', 5, check_variable},
        {'H', 2, check_thread}, {'F', 3, check_flexible}, {'D', 2, check_target},
        {'L', 4, check_local},
    };
    if (line[0] == 'D' && check->has_one_definition)
        return;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (line[0] == checks[i].letter && count == checks[i].n_fields)
            checks[i].check(check, whole, fields);
    if (line[0] == 'A' && count == 2)
        check_site(check, whole, fields, stack);
}

/* Frames come before layouts are made; the first address is the innermost. */
static uint32_t add_stack(struct fake *fake, const char *line, uint32_t module)
{
    uint64_t addresses[8];
    size_t count = 0;
    char *at = (char *)(uintptr_t)line + 1;
    while (*at == ' ' && count < 8)
        addresses[count++] = strtoull(at + 1, &at, 16);
    uint32_t stack = 0;
    while (count > 0)
        stack = fake_frame(fake, stack, addresses[--count], module);
    return stack;
}

static char lines[LINES_MAX][LINE_MAX_BYTES];
static uint32_t stacks[LINES_MAX];

static size_t read_lines(struct check *check, const char *program)
{
    FILE *told = popen(program, "r");
    uint32_t module = elf_module(check->fake, program);
    size_t n_lines = 0;
    while (told && n_lines < LINES_MAX && fgets(lines[n_lines], LINE_MAX_BYTES, told)) {
        char *line = lines[n_lines];
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'A')
            stacks[n_lines] = add_stack(check->fake, line, module);
        n_lines++;
    }
    return told && pclose(told) == 0 ? n_lines : 0;
}

int main(int argc, char **argv)
{
    struct check check = {.fake = fake_create()};
    int option;
    while ((option = getopt(argc, argv, "wo")) != -1) {
        check.is_weak |= option == 'w';
        check.has_one_definition |= option == 'o';
    }
    size_t n_lines = optind < argc ? read_lines(&check, argv[optind]) : 0;
    if (n_lines < 10) {
        printf("the program tells nothing\n");
        return 1;
    }

    struct hs_capture capture = fake_open(check.fake);
    struct hs_symbols *symbols = NULL;
    struct hs_error err = {0};
    const struct hs_layouts_options options = {.cache = ""};
    if (hs_symbols_create(&capture, &symbols, &err) != 0
        || hs_layouts_create(symbols, &options, &check.layouts, &err) != 0) {
        printf("%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < n_lines; i++)
        check_line(&check, lines[i], stacks[i]);
    hs_layouts_destroy(check.layouts);
    hs_symbols_destroy(symbols);
    fake_close(&capture);
    fake_destroy(check.fake);
    printf("%u facts, %u of them wrong; %u of %u sites told\n", check.n_checked,
           check.n_wrong, check.n_found, check.n_sites);
    bool has_sites = check.is_weak || check.n_found == check.n_sites;
    return check.n_wrong == 0 && check.n_checked > 10 && has_sites ? 0 : 1;
}
