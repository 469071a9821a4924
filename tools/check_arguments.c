// SPDX-License-Identifier: MIT

/*
 * The options of `run` that are about checks, and their way to the helper: everything that
 * can go wrong with them is said now, and not when the program has done its work.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/check.h"
#include "tools/tool.h"

enum {
    KEY_CHECK = 512,
    KEY_STATUS,
    KEY_SUPPRESSIONS,
    KEY_KINDS,
    KEY_STRICT,
    KEY_REPORT,
    KEY_UNUSED,
    KEY_JSON
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Leaks:", 1},
    {"check", KEY_CHECK, NULL, 0,
     "When COMMAND ends by exit() or by returning from main, report the blocks that "
     "nothing "
     "holds any more, by stack, and end with status 23 in place of its own. Quiet when "
     "there are none. No snapshot is written unless -o or -d asks for one",
     1},
    {"exit-code", KEY_STATUS, "N", 0, "End with N instead; 0: with the program's own", 1},
    {"suppressions", KEY_SUPPRESSIONS, "FILE", 0,
     "Leaks that are known: 'leak:PATTERN' lines as for LeakSanitizer, or '{ … }' as for "
     "Valgrind. May be given several times",
     1},
    {"leak-kinds", KEY_KINDS, "LIST", 0,
     "What is a leak: definite,indirect (the default), possible (held by nothing but "
     "pointers into the middle of a block), reachable, all",
     1},
    {"strict", KEY_STRICT, NULL, 0,
     "What only memory from mmap points to is a leak, too, as for LeakSanitizer", 1},
    {"report", KEY_REPORT, "FILE", 0, "Write the report to FILE and not to stderr", 1},
    {"unused-suppressions", KEY_UNUSED, NULL, 0,
     "Also name the rules that matched nothing", 1},
    {"json", KEY_JSON, NULL, 0, "The report as one JSON document, also without leaks", 1},
    {0},
};

static void check_status(const char *text, struct argp_state *state)
{
    int status;
    if (!hs_tool_parse_int(text, &status) || status > 255)
        argp_error(state, "'%s' is no exit status; 0 to 255 are", text);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hs_check_arguments *arguments = state->input;
    struct hs_error err = {0};
    uint32_t kinds;
    switch (key) {
    case KEY_CHECK:
        arguments->is_wanted = true;
        return 0;
    case KEY_STATUS:
        check_status(argument, state);
        arguments->status = argument;
        return 0;
    case KEY_SUPPRESSIONS:
        return hs_array_push(&arguments->suppressions, argument) ? 0 : ENOMEM;
    case KEY_KINDS:
        if (hs_check_parse_kinds(argument, &kinds, &err) != 0)
            argp_error(state, "%s", err.text);
        arguments->kinds = argument;
        return 0;
    case KEY_STRICT:
        arguments->is_strict = true;
        return 0;
    case KEY_REPORT:
        arguments->report = argument;
        return 0;
    case KEY_UNUSED:
        arguments->shows_unused = true;
        return 0;
    case KEY_JSON:
        arguments->is_json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp hs_check_argp = {.options = options, .parser = parse_option};

/* ---- to the helper ---- */

/* Append ":word=value"; separators are escaped. */
static void add(FILE *out, const char *word, const char *value)
{
    fprintf(out, ":%s=", word);
    for (; *value; value++) {
        if (strchr(":,\\\"' \t\r\n", *value))
            fputc('\\', out);
        fputc(*value, out);
    }
}

/* The program may change its directory: the absolute path. */
static int add_path(FILE *out, const char *word, const char *path, struct hs_error *err)
{
    char absolute[PATH_MAX];
    if (!realpath(path, absolute))
        return hs_error_set(err, errno, "'%s': %s", path, strerror(errno));
    add(out, word, absolute);
    return 0;
}

static int add_suppressions(FILE *out, const struct hs_check_arguments *arguments,
                            struct hs_error *err)
{
    struct hs_suppressions *tried = NULL;
    int result = hs_suppressions_create(&tried, err);
    for (size_t i = 0; i < arguments->suppressions.count && result == 0; i++) {
        result = hs_suppressions_load(tried, arguments->suppressions.at[i], err);
        if (result == 0)
            result = add_path(out, "suppressions", arguments->suppressions.at[i], err);
    }
    hs_suppressions_destroy(tried);
    return result;
}

static int add_report(FILE *out, const char *path, struct hs_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return hs_error_set(err, errno, "cannot write the report to '%s': %s", path,
                            strerror(errno));
    close(fd);
    return add_path(out, "report", path, err);
}

int hs_check_prepare(const struct hs_check_arguments *arguments, struct hs_error *err)
{
    hs_auto_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return hs_error_set(err, ENOMEM, "no memory for the options");
    if (arguments->status)
        add(out, "exitcode", arguments->status);
    if (arguments->kinds)
        add(out, "kinds", arguments->kinds);
    if (arguments->is_strict)
        add(out, "strict", "1");
    if (arguments->is_json)
        add(out, "json", "1");
    if (arguments->shows_unused)
        add(out, "unused", "1");
    int result = add_suppressions(out, arguments, err);
    if (result == 0 && arguments->report)
        result = add_report(out, arguments->report, err);
    if (fclose(out) != 0 || (result == 0 && setenv(HS_ENV_CHECK, text, 1) != 0))
        return hs_error_set(err, ENOMEM, "no memory for the environment");
    return result;
}
