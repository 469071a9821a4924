// SPDX-License-Identifier: MIT

/*
 * Names are read in tables a line wide, so they are cut to what tells functions apart:
 * no parameters, no hashes, no template arguments where those would fill the screen.
 */

#include "libheapsnap/symbols/name.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longer names lose their template arguments. */
#define READABLE_LENGTH 100

static const char ELLIPSIS[] = "…";

const char *hs_name_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* Cut "name.part.0.cold" where the compiler's words begin. */
static void cut_clone_suffix(char *name)
{
    static const char *const words[] = {".part.",     ".isra.", ".constprop.", ".cold",
                                        ".lto_priv.", ".llvm.", " [clone"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char *at = strstr(name, words[i]);
        if (at && at != name)
            *at = '\0';
    }
}

/* "f[abi:cxx11]" → "f" */
static void cut_abi_tags(char *name)
{
    char *at;
    while ((at = strstr(name, "[abi:")) != NULL) {
        char *end = strchr(at, ']');
        if (!end)
            return;
        memmove(at, end + 1, strlen(end + 1) + 1);
    }
}

/* What everybody calls std::string, in the three ways the demangler spells it. */
static void name_strings(char *name)
{
    static const char *const spellings[] = {
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        "std::__cxx11::basic_string<char>",
    };
    static const char plain[] = "std::string";
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        size_t length = strlen(spellings[i]);
        char *at = name;
        while ((at = strstr(at, spellings[i])) != NULL) {
            memcpy(at, plain, sizeof(plain) - 1);
            at += sizeof(plain) - 1;
            const char *rest = at - (sizeof(plain) - 1) + length;
            memmove(at, rest, strlen(rest) + 1);
        }
    }
}

/* The length of an operator's name at `at` when it contains angle brackets ("operator<<",
 * "operator->"), else 0. */
static size_t operator_length(const char *name, const char *at)
{
    static const char word[] = "operator";
    size_t length = sizeof(word) - 1;
    if (at > name && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
        return 0;
    if (strncmp(at, word, length) != 0)
        return 0;
    size_t end = length + strspn(at + length, "<>=-");
    return end > length ? end : 0;
}

/*
 * Replace the outermost template arguments by an ellipsis. Angle brackets that open the
 * name, as Rust's "<T as Trait>::f", are the name itself and stay.
 */
static void shorten(char *name)
{
    size_t length = strlen(name);
    /* "<T>" grows to "<…>": never to more than twice its length. */
    char *shorter = malloc(2 * length + 1);
    if (!shorter)
        return;
    size_t out = 0;
    int depth = 0, kept = 0;
    for (const char *at = name; *at; at++) {
        size_t skip = operator_length(name, at);
        if (skip > 0) {
            if (depth == 0) {
                memcpy(shorter + out, at, skip);
                out += skip;
            }
            at += skip - 1;
            continue;
        }
        bool is_arrow = *at == '>' && at > name && at[-1] == '-';
        if (*at == '<' && at == name + kept && depth == 0)
            kept++;
        else if (*at == '<' && depth++ == 0) {
            shorter[out++] = '<';
            memcpy(shorter + out, ELLIPSIS, sizeof(ELLIPSIS) - 1);
            out += sizeof(ELLIPSIS) - 1;
        }
        if (*at == '>' && !is_arrow && depth > 0 && --depth == 0) {
            shorter[out++] = '>';
            continue;
        }
        if (depth == 0)
            shorter[out++] = *at;
    }
    shorter[out] = '\0';
    if (out < length)
        memcpy(name, shorter, out + 1);
    free(shorter);
}

char *hs_name_readable(const char *linker_name)
{
    char *name = NULL;
    if (linker_name[0] == '_')
        name = cplus_demangle(linker_name, DMGL_AUTO);
    if (!name)
        name = strdup(linker_name);
    if (!name)
        return NULL;
    char *version = strchr(name, '@');
    if (version && version != name)
        *version = '\0';
    cut_clone_suffix(name);
    cut_abi_tags(name);
    name_strings(name);
    if (strlen(name) > READABLE_LENGTH)
        shorten(name);
    return name;
}

char *hs_name_signature(const char *linker_name)
{
    return linker_name[0] == '_'
               ? cplus_demangle(linker_name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI)
               : NULL;
}

char *hs_name_readable_variable(const char *linker_name)
{
    char *name = hs_name_readable(linker_name);
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot != name && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == '\0')
        *dot = '\0';
    return name;
}
