// SPDX-License-Identifier: MIT

/*
 * What a check was asked for, in the words of LSAN_OPTIONS as far as it has them, so that
 * who has tuned LeakSanitizer has tuned us. `run` leaves its command line in the same
 * syntax in HEAPSNAP_CHECK, where a backslash takes the next character as it is.
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/abi.h"
#include "tools/check.h"
#include "tools/tool.h"

#define DEFAULT_KINDS (1u << HS_LEAK_DEFINITE | 1u << HS_LEAK_INDIRECT)

_Static_assert(HS_SUPPRESSION_REACHABLE == 1u << HS_LEAK_REACHABLE
                   && HS_SUPPRESSION_POSSIBLE == 1u << HS_LEAK_POSSIBLE
                   && HS_SUPPRESSION_INDIRECT == 1u << HS_LEAK_INDIRECT
                   && HS_SUPPRESSION_DEFINITE == 1u << HS_LEAK_DEFINITE,
               "suppressions name the kinds of graph.h");

int hs_check_parse_kinds(const char *text, uint32_t *ret, struct hs_error *err)
{
    static const char *const names[HS_LEAK_KINDS] = {
        [HS_LEAK_REACHABLE] = "reachable",
        [HS_LEAK_POSSIBLE] = "possible",
        [HS_LEAK_INDIRECT] = "indirect",
        [HS_LEAK_DEFINITE] = "definite",
    };
    uint32_t kinds = 0;
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        uint32_t bit = 0;
        for (unsigned i = 0; i < HS_LEAK_KINDS; i++)
            if (strlen(names[i]) == size && memcmp(names[i], at, size) == 0)
                bit = 1u << i;
        if (size == 3 && memcmp(at, "all", 3) == 0)
            bit = (1u << HS_LEAK_KINDS) - 1;
        if (!bit)
            return hs_error_set(err, EINVAL,
                                "'%s' names no kinds of leaks; definite, indirect, "
                                "possible, reachable and all are",
                                text);
        kinds |= bit;
        at += size;
        if (!*at)
            break;
    }
    *ret = kinds;
    return 0;
}

/* ---- one word ---- */

static bool is_true(const char *value)
{
    return strcmp(value, "1") == 0 || strcmp(value, "true") == 0
           || strcmp(value, "yes") == 0;
}

static bool set_text(char **place, const char *value)
{
    free(*place);
    *place = strdup(value);
    return *place != NULL;
}

/* Words that are not ours to know are ignored, as those of other sanitizers are. */
static bool apply(struct hs_check_options *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        bool *place;
        bool is_inverse;
    } switches[] = {
        {"detect_leaks", &options->is_off, true},
        {"leak_check_at_exit", &options->is_off_at_exit, true},
        {"print_suppressions", &options->hides_used, true},
        {"strict", &options->is_strict, false},
        {"json", &options->is_json, false},
        {"unused", &options->shows_unused, false},
    };
    int number;
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (strcmp(name, switches[i].name) == 0)
            *switches[i].place = is_true(value) != switches[i].is_inverse;
    if (strcmp(name, "exitcode") == 0 && hs_tool_parse_int(value, &number)
        && number < 256)
        options->status = number;
    if (strcmp(name, "max_leaks") == 0 && hs_tool_parse_int(value, &number))
        options->max_groups = (uint32_t)number;
    if (strcmp(name, "kinds") == 0)
        hs_check_parse_kinds(value, &options->kinds, NULL);
    if (strcmp(name, "suppressions") == 0 && *value) {
        char *copy = strdup(value);
        if (copy && hs_array_push(&options->suppressions, copy))
            return true;
        free(copy);
        return false;
    }
    options->is_log =
        strcmp(name, "log_path") == 0 || (options->is_log && strcmp(name, "report") != 0);
    if (strcmp(name, "log_path") == 0 && strcmp(value, "stderr") == 0)
        return set_text(&options->report, "");
    if (strcmp(name, "report") == 0 || strcmp(name, "log_path") == 0)
        return set_text(&options->report, value);
    return true;
}

/* ---- all words ---- */

static bool is_separator(char c)
{
    return c == ':' || c == ',' || isspace((unsigned char)c);
}

/* The word at `*at` into `word`, which is large enough; a quoted part keeps separators. */
static void take_word(const char **at, bool has_escapes, char *word)
{
    char quote = 0;
    for (; **at && (quote || !is_separator(**at)); ++*at) {
        if (has_escapes && **at == '\\' && (*at)[1])
            *word++ = *++*at;
        else if (has_escapes
                 || (**at != quote && (quote || (**at != '"' && **at != '\''))))
            *word++ = **at;
        else
            quote = quote ? 0 : **at;
    }
    *word = '\0';
}

static int apply_all(struct hs_check_options *options, const char *text, bool has_escapes,
                     struct hs_error *err)
{
    char *word = text ? malloc(strlen(text) + 1) : NULL;
    bool is_good = !text || word;
    for (const char *at = text; is_good && at && *at;) {
        if (is_separator(*at)) {
            at++;
            continue;
        }
        take_word(&at, has_escapes, word);
        char *equals = strchr(word, '=');
        if (!equals)
            continue;
        *equals = '\0';
        is_good = apply(options, word, equals + 1);
    }
    free(word);
    return is_good ? 0 : hs_error_set(err, ENOMEM, "no memory for the options");
}

int hs_check_options_read(struct hs_check_options *ret, struct hs_error *err)
{
    static const struct {
        const char *name;
        bool has_escapes;
    } sources[] = {
        {HS_ENV_CHECK_OPTIONS, false}, {"LSAN_OPTIONS", false}, {HS_ENV_CHECK, true}};
    int result = 0;
    *ret = (struct hs_check_options){.status = HS_CHECK_STATUS, .kinds = DEFAULT_KINDS};
    for (size_t i = 0; i < 3 && result == 0; i++)
        result = apply_all(ret, getenv(sources[i].name), sources[i].has_escapes, err);
    return result;
}

void hs_check_options_deinit(struct hs_check_options *options)
{
    for (size_t i = 0; i < options->suppressions.count; i++)
        free(options->suppressions.at[i]);
    free(options->suppressions.at);
    free(options->report);
}
