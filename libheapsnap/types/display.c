// SPDX-License-Identifier: MIT

/*
 * Compilers spell out every default argument and all of "long unsigned int": "std::map<int, Foo, std::less<int>,
 * std::allocator<std::pair<const int, Foo> > >". The defaults are known by their names, so
 * an argument of the standard library that begins with one of them is dropped.
 */

#include "libheapsnap/types/display.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longer names lose their template arguments. */
#define DISPLAY_LENGTH 160

static const struct {
    const char *spelled, *shown;
} renamed[] = {
    {"std::__cxx11::", "std::"},
    {"std::__1::", "std::"},
    {"std::__debug::", "std::"},
    {"long long unsigned int", "unsigned long long"},
    {"long unsigned int", "unsigned long"},
    {"short unsigned int", "unsigned short"},
    {"long long int", "long long"},
    {"long int", "long"},
    {"short int", "short"},
};

/* Arguments that are there by default. */
static const char *const defaults[] = {
    "std::allocator<",      "std::char_traits<",
    "std::less<",           "std::equal_to<",
    "std::hash<",           "std::default_delete<",
    "alloc::alloc::Global", "(__gnu_cxx::_Lock_policy)",
};

static size_t begins_with(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? length : 0;
}

/* Behind the argument that begins at `at`: at its comma or closing bracket. */
static const char *skip_argument(const char *at)
{
    int depth = 0;
    for (; *at; at++) {
        if (*at == '<' || *at == '(')
            depth++;
        else if ((*at == '>' || *at == ')') && depth-- == 0)
            return at;
        else if (*at == ',' && depth == 0)
            return at;
    }
    return at;
}

/* Does `argument` begin with a default, in LLVM's library or in gcc's? */
static bool is_default(const char *argument)
{
    static const char space[] = "std::", version[] = "std::__1::";
    size_t skip = begins_with(argument, version);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (begins_with(argument, defaults[i])
            || (skip && begins_with(defaults[i], space)
                && begins_with(argument + skip, defaults[i] + sizeof(space) - 1)))
            return true;
    return false;
}

static const char *skip_default(const char *comma)
{
    const char *argument = comma + 1 + strspn(comma + 1, " ");
    if (!is_default(argument))
        return NULL;
    const char *end = skip_argument(argument);
    return end + strspn(end, " ");
}

static bool is_word(char character)
{
    return isalnum((unsigned char)character) || character == '_' || character == ':';
}

/* "int const" at the end of what is written so far becomes "const int". */
static bool move_const(char *start, char *out)
{
    static const char word[] = "const ";
    char *first = out;
    while (first > start && (is_word(first[-1]) || first[-1] == ' '))
        first--;
    first += strspn(first, " ");
    if (first >= out || !is_word(out[-1]))
        return false;
    memmove(first + sizeof(word) - 1, first, (size_t)(out - first));
    memcpy(first, word, sizeof(word) - 1);
    return true;
}

/* At " const" that ends an argument or stands before a star? */
static bool is_late_const(const char *name)
{
    static const char word[] = " const";
    size_t length = sizeof(word) - 1;
    return strncmp(name, word, length) == 0 && name[length]
           && strchr(",>*& ", name[length]);
}

/* The spelled name that `name` begins with, as a whole word; copies what is shown. */
static size_t rename_word(const char *start, const char *name, char **out)
{
    if (name > start && is_word(name[-1]) && name[-1] != ':')
        return 0;
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
        size_t length = begins_with(name, renamed[i].spelled);
        if (!length || (name[length - 1] != ':' && is_word(name[length])))
            continue;
        size_t shown = strlen(renamed[i].shown);
        memcpy(*out, renamed[i].shown, shown);
        *out += shown;
        return length;
    }
    return 0;
}

/* Into `out`, which is as large as `name`. */
static void simplify(const char *name, char *out)
{
    const char *whole = name;
    char *start = out;
    while (*name) {
        const char *after = *name == ',' ? skip_default(name) : NULL;
        if (after) {
            name = after;
            continue;
        }
        size_t skip = rename_word(whole, name, &out);
        if (skip == 0 && is_late_const(name)) {
            *out = '\0';
            skip = move_const(start, out) ? 6 : 0;
            out += skip;
        }
        name += skip;
        if (skip)
            continue;
        if (*name == '>' && out > start && out[-1] == ' ')
            out--;
        *out++ = *name++;
    }
    *out = '\0';
}

/* "std::basic_string<char>" has a better name; both are found at any depth. */
static void name_strings(char *name)
{
    static const char spelled[] = "std::basic_string<char>", plain[] = "std::string";
    char *at = name;
    while ((at = strstr(at, spelled)) != NULL) {
        memcpy(at, plain, sizeof(plain) - 1);
        char *rest = at + sizeof(spelled) - 1;
        at += sizeof(plain) - 1;
        memmove(at, rest, strlen(rest) + 1);
    }
}

static void shorten(char *name, size_t size)
{
    static const char ellipsis[] = "<…>";
    char *open = strchr(name, '<'), *close = strrchr(name, '>');
    if (!open || !close || open == name || (size_t)(close - open) < sizeof(ellipsis))
        return;
    char tail[64] = "";
    if (strlen(close + 1) < sizeof(tail))
        strcpy(tail, close + 1);
    size_t used = (size_t)(open - name);
    if (used + sizeof(ellipsis) + strlen(tail) > size)
        return;
    memcpy(name + used, ellipsis, sizeof(ellipsis));
    strcat(name, tail);
}

const char *hs_type_display(struct hs_text *text, const char *name)
{
    bool is_short = !strchr(name, '<') && !strstr(name, "std::__");
    if (is_short && !strstr(name, " int"))
        return name;
    size_t size = strlen(name) + 1;
    char *out = hs_text_allocate(text, size);
    if (!out)
        return NULL;
    simplify(name, out);
    name_strings(out);
    if (strlen(out) > DISPLAY_LENGTH)
        shorten(out, size);
    return out;
}
