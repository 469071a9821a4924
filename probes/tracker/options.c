// SPDX-License-Identifier: MIT

/*
 * The option words. The comma separates words and the values of one word alike
 * ("track=mmap,fd"), so a word without "=" is another value of the word before it.
 */

#include "probes/tracker/options.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

struct hs_options hs_options = {
    .follow = true, .track_fd = true, .track_mmap = true, .patch = true};

/* So that all that is computed from it fits in 64 bits. */
#define SAMPLE_RATE_MAX ((uint64_t)1 << 40)

/* One value parser per key: false means the value is bad. */
struct option {
    const char *key;
    bool (*set)(const char *value);
};

static bool parse_digits(const char **text, uint64_t *ret)
{
    const char *c = *text;
    uint64_t value = 0;
    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return false;
    *text = c;
    *ret = value;
    return true;
}

/* "512M" and the like, in bytes. */
static bool parse_size(const char *text, uint64_t *ret)
{
    uint64_t value;
    unsigned shift = 0;
    if (!parse_digits(&text, &value))
        return false;
    switch (*text) {
    case 'k':
    case 'K':
        shift = 10;
        text++;
        break;
    case 'm':
    case 'M':
        shift = 20;
        text++;
        break;
    case 'g':
    case 'G':
        shift = 30;
        text++;
        break;
    }
    if (*text || value > UINT64_MAX >> shift)
        return false;
    *ret = value << shift;
    return true;
}

/* "10" or "0.5", in milliseconds. */
static bool parse_seconds(const char *text, uint64_t *ret_ms)
{
    uint64_t seconds, ms = 0;
    if (!parse_digits(&text, &seconds) || seconds > 1000000000)
        return false;
    if (*text == '.') {
        text++;
        for (uint64_t unit = 100; *text >= '0' && *text <= '9'; text++, unit /= 10)
            ms += unit * (uint64_t)(*text - '0');
    }
    if (*text || seconds * 1000 + ms == 0)
        return false;
    *ret_ms = seconds * 1000 + ms;
    return true;
}

static bool parse_bool(const char *text, bool *ret)
{
    if ((text[0] != '0' && text[0] != '1') || text[1])
        return false;
    *ret = text[0] == '1';
    return true;
}

static bool parse_signal(const char *text, int *ret)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"HUP", SIGHUP},     {"QUIT", SIGQUIT},
        {"ALRM", SIGALRM}, {"PWR", SIGPWR},   {"WINCH", SIGWINCH}, {"URG", SIGURG},
    };
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].name) == 0) {
            *ret = names[i].number;
            return true;
        }
    uint64_t number;
    if (!parse_digits(&text, &number) || *text || number < 1 || number > 64
        || number == SIGKILL || number == SIGSTOP)
        return false;
    *ret = (int)number;
    return true;
}

/* An absolute path: the program may change its directory later. */
static bool set_path(const char *value, char *ret, size_t size)
{
    char path[1024];
    size_t used = 0;
    if (value[0] == '\0')
        return false;
    if (value[0] != '/') {
        long length = hs_raw(SYS_getcwd, path, sizeof(path) - 1);
        if (length <= 1)
            return false;
        used = (size_t)length - 1;
        if (path[used - 1] != '/')
            path[used++] = '/';
    }
    size_t length = strlen(value);
    if (used + length + 1 > size)
        return false;
    memcpy(ret, path, used);
    memcpy(ret + used, value, length + 1);
    return true;
}

static bool set_snapshot(const char *value)
{
    if (strcmp(value, "exit") == 0)
        return hs_options.snapshot_at_exit = true;
    if (strncmp(value, "every/", 6) == 0)
        return parse_seconds(value + 6, &hs_options.interval_ms);
    return false;
}

static bool set_every(const char *value)
{
    return parse_seconds(value, &hs_options.interval_ms);
}

static bool set_over(const char *value)
{
    return parse_size(value, &hs_options.over_bytes);
}

static bool set_signal(const char *value)
{
    return parse_signal(value, &hs_options.trigger_signal);
}

static bool set_switch(const char *value)
{
    return parse_signal(value, &hs_options.switch_signal);
}

static bool set_sample(const char *value)
{
    uint64_t rate;
    if (!parse_size(value, &rate) || rate == 0 || rate > SAMPLE_RATE_MAX)
        return false;
    hs_options.sample_rate = rate;
    return true;
}

static bool set_check(const char *value)
{
    return parse_bool(value, &hs_options.checks);
}

static bool set_dormant(const char *value)
{
    return parse_bool(value, &hs_options.is_dormant);
}

static bool set_totals(const char *value)
{
    return parse_bool(value, &hs_options.with_totals);
}

static bool set_strings(const char *value)
{
    return parse_bool(value, &hs_options.with_strings);
}

static bool set_memory(const char *value)
{
    return parse_size(value, &hs_options.memory_limit);
}

static bool set_freeze_signal(const char *value)
{
    return parse_signal(value, &hs_options.freeze_signal);
}

static bool set_follow(const char *value)
{
    return parse_bool(value, &hs_options.follow);
}

static bool set_pid(const char *value)
{
    uint64_t pid;
    if (!parse_digits(&value, &pid) || *value || pid < 1 || pid > INT32_MAX)
        return false;
    hs_options.only_pid = (int)pid;
    return true;
}

static bool set_patch(const char *value)
{
    return parse_bool(value, &hs_options.patch);
}

static bool set_verbose(const char *value)
{
    return parse_bool(value, &hs_options.verbose);
}

static bool set_unwind(const char *value)
{
    hs_options.library_unwinds = strcmp(value, "library") == 0;
    return hs_options.library_unwinds || strcmp(value, "own") == 0;
}

static bool set_modules(const char *value)
{
    hs_options.lists_modules = strcmp(value, "list") == 0;
    return hs_options.lists_modules || strcmp(value, "loader") == 0;
}

static bool set_verify(const char *value)
{
    uint64_t every = 1;
    if (strncmp(value, "stacks", 6) != 0)
        return false;
    value += 6;
    if (*value == '/') {
        value++;
        if (!parse_digits(&value, &every) || every < 1 || every > UINT32_MAX)
            return false;
    }
    if (*value)
        return false;
    hs_options.verify_every = (uint32_t)every;
    return true;
}

static bool set_directory(const char *value)
{
    return set_path(value, hs_options.directory, sizeof(hs_options.directory));
}

static bool set_output(const char *value)
{
    return set_path(value, hs_options.output, sizeof(hs_options.output));
}

static bool set_helper(const char *value)
{
    return set_path(value, hs_options.helper, sizeof(hs_options.helper));
}

static bool set_track(const char *value)
{
    if (strcmp(value, "fd") == 0)
        return hs_options.track_fd = true;
    if (strcmp(value, "mmap") == 0)
        return hs_options.track_mmap = true;
    return strcmp(value, "heap") == 0;
}

/* hs_sandbox_look() has acted upon it already: the rest here may be forbidden. */
static bool set_seccomp(const char *value)
{
    return strcmp(value, "try") == 0 || strcmp(value, "trust") == 0
           || strcmp(value, "off") == 0;
}

static const struct option options[] = {
    {"snapshot", set_snapshot}, {"every", set_every},
    {"over", set_over},         {"signal", set_signal},
    {"track", set_track},       {"freeze-signal", set_freeze_signal},
    {"follow", set_follow},     {"verbose", set_verbose},
    {"dir", set_directory},     {"file", set_output},
    {"helper", set_helper},     {"pid", set_pid},
    {"patch", set_patch},       {"unwind", set_unwind},
    {"verify", set_verify},     {"modules", set_modules},
    {"sample", set_sample},     {"dormant", set_dormant},
    {"switch", set_switch},     {"totals", set_totals},
    {"memory", set_memory},     {"seccomp", set_seccomp},
    {"strings", set_strings},   {"check", set_check},
};

static const struct option *option_find(const char *key, size_t length)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strlen(options[i].key) == length && memcmp(options[i].key, key, length) == 0)
            return &options[i];
    return NULL;
}

/* `previous`: whose value a word without "=" is. Returns it for the next word. */
static const struct option *apply(const char *word, const struct option *previous)
{
    const char *equals = strchr(word, '=');
    const struct option *option =
        equals ? option_find(word, (size_t)(equals - word)) : previous;
    if (!option) {
        hs_report("HEAPSNAP_OPTIONS: unknown option \"%s\" ignored", word);
        return NULL;
    }
    if (equals && option->set == set_track)
        hs_options.track_fd = hs_options.track_mmap = false;
    if (!option->set(equals ? equals + 1 : word))
        hs_report("HEAPSNAP_OPTIONS: bad value \"%s\" for %s ignored",
                  equals ? equals + 1 : word, option->key);
    return option;
}

/* Copy one word without its backslashes; returns where the next one starts. */
static const char *next_word(const char *text, char *word, size_t size, bool *ret_fits)
{
    size_t used = 0;
    for (; *text && *text != ':' && *text != ','; text++) {
        if (*text == '\\' && text[1])
            text++;
        if (used + 1 < size)
            word[used] = *text;
        used++;
    }
    *ret_fits = used < size;
    word[used < size ? used : size - 1] = '\0';
    return *text ? text + 1 : text;
}

void hs_options_parse(const char *text)
{
    set_path(".", hs_options.directory, sizeof(hs_options.directory));
    size_t length = strlen(hs_options.directory);
    if (length > 2)
        hs_options.directory[length - 2] = '\0'; /* "/." */

    const struct option *option = NULL;
    while (text && *text) {
        char word[1100];
        bool fits;
        text = next_word(text, word, sizeof(word), &fits);
        if (!fits)
            hs_report("HEAPSNAP_OPTIONS: a word of more than %u bytes ignored",
                      (uint64_t)sizeof(word) - 1);
        else if (word[0])
            option = apply(word, option);
    }
}
