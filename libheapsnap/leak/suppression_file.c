// SPDX-License-Identifier: MIT

/*
 * Reading suppressions: line by line, in a copy of the text that the rules then point
 * into. A file with a mistake adds nothing, because half of what somebody wanted
 * suppressed is not what they wanted.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/leak/rules.h"

#define FILE_SIZE_MAX ((off_t)16 << 20)

struct reader {
    struct hs_suppressions *suppressions;
    const char *name;
    char *rest; /* of the text; NULL at its end */
    uint32_t line;
    struct hs_error *err;
};

static int no_memory(struct reader *reader)
{
    return hs_error_set(reader->err, ENOMEM, "no memory for the suppressions in %s",
                        reader->name);
}

static int complain(struct reader *reader, uint32_t line, const char *what,
                    const char *text)
{
    return hs_error_set(reader->err, EINVAL, "%s:%u: '%.60s' %s", reader->name, line,
                        text, what);
}

/* The next line without the blanks around it; NULL at the end. */
static char *next_line(struct reader *reader)
{
    char *line = reader->rest;
    if (!line)
        return NULL;
    char *end = strchr(line, '\n');
    reader->rest = end ? end + 1 : NULL;
    reader->line++;
    if (!end)
        end = line + strlen(line);
    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    while (isspace((unsigned char)*line))
        line++;
    return line;
}

static char *next_with_text(struct reader *reader)
{
    char *line;
    do
        line = next_line(reader);
    while (line && (*line == '\0' || *line == '#'));
    return line;
}

static bool add_line(struct reader *reader, enum hs_rule_sort sort, const char *pattern)
{
    struct hs_rule_line line = {sort, pattern};
    return hs_array_push(&reader->suppressions->lines, line);
}

static int add_rule(struct reader *reader, struct hs_rule rule)
{
    rule.n_lines = reader->suppressions->lines.count - rule.first_line;
    return hs_array_push(&reader->suppressions->rules, rule) ? 0 : no_memory(reader);
}

static struct hs_rule rule_here(const struct reader *reader, const char *text)
{
    return (struct hs_rule){
        .public = {.text = text, .file = reader->name, .line = reader->line},
        .kinds = HS_SUPPRESSION_ALL,
        .first_line = reader->suppressions->lines.count};
}

/* ---- LeakSanitizer's ---- */

static int read_sanitizer(struct reader *reader, char *line)
{
    static const char word[] = "leak:";
    size_t size = sizeof(word) - 1;
    if (strncmp(line, word, size) != 0)
        return complain(reader, reader->line,
                        "is no suppression; 'leak:PATTERN' is, and so is Valgrind's '{'",
                        line);
    if (!line[size])
        return complain(reader, reader->line, "names nothing", line);
    struct hs_rule rule = rule_here(reader, line + size);
    if (!add_line(reader, HS_RULE_ANYWHERE, line + size))
        return no_memory(reader);
    return add_rule(reader, rule);
}

/* ---- Valgrind's ---- */

static int read_kinds(struct reader *reader, const char *text, uint32_t *ret)
{
    static const struct {
        const char *word;
        uint32_t bits;
    } kinds[] = {{"reachable", HS_SUPPRESSION_REACHABLE},
                 {"possible", HS_SUPPRESSION_POSSIBLE},
                 {"indirect", HS_SUPPRESSION_INDIRECT},
                 {"definite", HS_SUPPRESSION_DEFINITE},
                 {"all", HS_SUPPRESSION_ALL},
                 {"none", 0}};
    const size_t count = sizeof(kinds) / sizeof(kinds[0]);
    *ret = 0;
    for (const char *at = text;; at++) {
        at += strspn(at, " \t");
        size_t size = strcspn(at, ", \t"), i = 0;
        while (i < count
               && (strlen(kinds[i].word) != size || memcmp(kinds[i].word, at, size) != 0))
            i++;
        if (i == count)
            return complain(reader, reader->line,
                            "names no kind of leak; definite, indirect, possible, "
                            "reachable and all are",
                            text);
        *ret |= kinds[i].bits;
        at += size;
        at += strspn(at, " \t");
        if (*at != ',')
            return *at ? complain(reader, reader->line, "needs commas between the kinds",
                                  text)
                       : 0;
    }
}

static int read_frame(struct reader *reader, char *line)
{
    static const struct {
        const char *word;
        enum hs_rule_sort sort;
    } sorts[] = {
        {"fun:", HS_RULE_FUNCTION}, {"obj:", HS_RULE_OBJECT}, {"src:", HS_RULE_SOURCE}};
    if (strcmp(line, "...") == 0)
        return add_line(reader, HS_RULE_FRAMES, line) ? 0 : no_memory(reader);
    for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
        if (strncmp(line, sorts[i].word, 4) == 0 && line[4])
            return add_line(reader, sorts[i].sort, line + 4) ? 0 : no_memory(reader);
    return complain(reader, reader->line,
                    "is no frame; 'fun:', 'obj:', 'src:' and '...' begin one", line);
}

/* "Memcheck,Addrcheck:Leak" */
static bool is_about_leaks(const char *line)
{
    const char *colon = strchr(line, ':');
    const char *tool = strstr(line, "Memcheck");
    return colon && tool && tool < colon && strcmp(colon + 1, "Leak") == 0;
}

static int read_valgrind(struct reader *reader)
{
    uint32_t first = reader->line;
    char *name = next_with_text(reader);
    struct hs_rule rule = rule_here(reader, name);
    char *what = name ? next_with_text(reader) : NULL;
    if (what && (!strchr(what, ':') || *what == '}' || *name == '}'))
        return complain(reader, reader->line,
                        "should be the tool and the kind: 'Memcheck:Leak'", what);
    bool is_wanted = what && is_about_leaks(what);
    char *line = NULL;
    while (what && (line = next_with_text(reader)) && strcmp(line, "}") != 0) {
        static const char kinds[] = "match-leak-kinds:";
        int result = 0;
        if (!is_wanted)
            continue;
        if (strncmp(line, kinds, sizeof(kinds) - 1) == 0)
            result = read_kinds(reader, line + sizeof(kinds) - 1, &rule.kinds);
        else
            result = read_frame(reader, line);
        if (result != 0)
            return result;
    }
    if (!line)
        return complain(reader, first, "has no '}'", "{");
    if (!is_wanted)
        return 0;
    if (reader->suppressions->lines.count == rule.first_line)
        return complain(reader, first, "has no frame, so it would match every leak",
                        name);
    return add_rule(reader, rule);
}

/* ---- all ---- */

static int read_all(struct reader *reader)
{
    char *line;
    int result = 0;
    while (result == 0 && (line = next_with_text(reader)) != NULL)
        result =
            strcmp(line, "{") == 0 ? read_valgrind(reader) : read_sanitizer(reader, line);
    return result;
}

/* One allocation for the name and the text: rules point into both. */
static char *keep(struct reader *reader, const char *text, size_t size)
{
    size_t name_size = strlen(reader->name) + 1;
    char *copy = malloc(name_size + size + 1);
    if (!copy || !hs_array_push(&reader->suppressions->texts, copy)) {
        free(copy);
        return NULL;
    }
    memcpy(copy, reader->name, name_size);
    reader->name = copy;
    memcpy(copy + name_size, text, size);
    copy[name_size + size] = '\0';
    return copy + name_size;
}

int hs_suppressions_parse(struct hs_suppressions *suppressions, const char *text,
                          size_t size, const char *name, struct hs_error *err)
{
    struct reader reader = {.suppressions = suppressions, .name = name, .err = err};
    size_t n_rules = suppressions->rules.count, n_lines = suppressions->lines.count;
    reader.rest = keep(&reader, text, size);
    if (!reader.rest)
        return no_memory(&reader);
    int result = read_all(&reader);
    if (result != 0) {
        suppressions->rules.count = n_rules;
        suppressions->lines.count = n_lines;
    }
    return result;
}

static int failed(const char *path, struct hs_error *err)
{
    int code = errno;
    return hs_error_set(err, code, "cannot read the suppressions in %s: %s", path,
                        strerror(code));
}

int hs_suppressions_load(struct hs_suppressions *suppressions, const char *path,
                         struct hs_error *err)
{
    struct stat status;
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return failed(path, err);
    if (status.st_size > FILE_SIZE_MAX)
        return hs_error_set(err, EFBIG, "%s is too large for a file of suppressions",
                            path);
    HS_ARRAY(char) text = {0};
    ssize_t got = 0;
    do {
        text.count += (size_t)got;
        if (!hs_array_reserve(&text, text.count + 4096)) {
            free(text.at);
            return hs_error_set(err, ENOMEM, "no memory for the suppressions in %s",
                                path);
        }
        got = read(fd, text.at + text.count, text.room - text.count);
    } while (got > 0 && text.count < (size_t)FILE_SIZE_MAX);
    int result =
        got < 0 ? failed(path, err)
                : hs_suppressions_parse(suppressions, text.at, text.count, path, err);
    free(text.at);
    return result;
}
