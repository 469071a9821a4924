// SPDX-License-Identifier: MIT

/* What verbs share of a command line: numbers as people write them, and the one PID.
   Strict: "12x" is no number. */

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

bool hs_tool_parse_int(const char *text, int *ret)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > INT_MAX)
        return false;
    *ret = (int)value;
    return true;
}

bool hs_tool_parse_pid(const char *text, pid_t *ret)
{
    int value;
    if (!hs_tool_parse_int(text, &value) || value == 0)
        return false;
    *ret = (pid_t)value;
    return true;
}

error_t hs_tool_pid_argument(int key, const char *argument, struct argp_state *state,
                             pid_t *ret)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one PID at a time");
        if (!hs_tool_parse_pid(argument, ret))
            argp_error(state, "'%s' is no process id; 'heapsnap ls' lists them",
                       argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which process? 'heapsnap ls' lists them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t hs_tool_file_argument(int key, const char *argument, struct argp_state *state,
                              const char *hint, const char **ret)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*ret)
            argp_error(state, "one file at a time%s", hint);
        *ret = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

bool hs_tool_parse_ms(const char *text, int *ret)
{
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (errno || end == text || *end || !isfinite(seconds) || seconds < 0.001
        || seconds > INT_MAX / 1000)
        return false;
    *ret = (int)(seconds * 1000);
    return true;
}

bool hs_tool_parse_size(const char *text, uint64_t *ret)
{
    static const char suffixes[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *text == '-' || *text == '+')
        return false;
    const char *suffix = *end ? strchr(suffixes, *end & ~0x20) : NULL;
    unsigned int shift = 0;
    if (suffix) {
        shift = 10 * (unsigned int)(suffix - suffixes + 1);
        end++;
        end += *end == 'i' && (end[1] & ~0x20) == 'B' ? 2 : (*end & ~0x20) == 'B';
    }
    if (*end || value == 0 || value > UINT64_MAX >> shift)
        return false;
    *ret = (uint64_t)value << shift;
    return true;
}
