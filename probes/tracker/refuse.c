// SPDX-License-Identifier: MIT

/*
 * Two memory checkers in one process fight over the allocator; the one that came with
 * the program wins. Checked once, before anything is set up.
 */

#include "probes/tracker/refuse.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probes/abi.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

const char *hs_environment_find(char **environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

bool hs_refuse_silently(void)
{
    return getauxval(AT_SECURE) != 0;
}

static void replace(char **entries, const char *old, char *new)
{
    for (; entries && *entries; entries++)
        if (*entries == old)
            *entries = new;
}

/* Only a pointer in the program's array changes, to a string that stays; in front of the
 * options, because a backslash at their end would take what comes after. */
static void claim(char **environment)
{
    const char *value = hs_environment_find(environment, HS_ENV_OPTIONS);
    size_t size = value ? strlen(value) + 64 : 0;
    char *text = value ? hs_raw_map(size) : NULL;
    if (!text)
        return;
    hs_format(text, size, HS_ENV_OPTIONS "=pid=%d:%s", (int64_t)hs_raw(SYS_getpid),
              value);
    const char *old = value - sizeof(HS_ENV_OPTIONS);
    replace(environment, old, text);
    if (environ != environment)
        replace(environ, old, text);
}

bool hs_refuse_is_chosen(char **environment)
{
    const char *text = hs_environment_find(environment, HS_ENV_PID);
    long pid = hs_options.only_pid;
    if (!text && !pid) {
        claim(environment);
        return true;
    }
    if (text)
        for (pid = 0; *text >= '0' && *text <= '9' && pid < INT32_MAX; text++)
            pid = pid * 10 + (*text - '0');
    return (!text || *text == '\0') && pid == hs_raw(SYS_getpid);
}

/* The tables reserve a hundred megabytes; the program shall have most of what it may. */
#define ROOM_LEAST ((rlim_t)512 << 20)

static bool is_cramped(void)
{
    static const int kinds[] = {RLIMIT_AS, RLIMIT_DATA};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        hs_raw(SYS_prlimit64, 0, kinds[i], NULL, &limit);
        if (limit.rlim_cur < ROOM_LEAST)
            return true;
    }
    return false;
}

/* Its tools preload a library into whatever they run. */
static bool is_under_valgrind(void)
{
    for (const struct link_map *map = hs_loader_modules(); map; map = map->l_next)
        if (strstr(map->l_name, "/vgpreload_"))
            return true;
    return false;
}

const char *hs_refuse_reason(void)
{
    static const struct {
        const char *symbol, *reason;
    } checkers[] = {
        {"__asan_init", "the program is built with AddressSanitizer"},
        {"__hwasan_init", "the program is built with HWAddressSanitizer"},
        {"__tsan_init", "the program is built with ThreadSanitizer"},
        {"__msan_init", "the program is built with MemorySanitizer"},
        {"__lsan_init", "the program is built with LeakSanitizer"},
    };
    for (size_t i = 0; i < sizeof(checkers) / sizeof(checkers[0]); i++)
        if (hs_next_find_first(checkers[i].symbol))
            return checkers[i].reason;
    if (is_under_valgrind())
        return "the program runs under valgrind";
    if (is_cramped())
        return "its limit on memory (ulimit -v, -d) leaves too little for the tables; "
               "512 MB are enough";
    return NULL;
}
