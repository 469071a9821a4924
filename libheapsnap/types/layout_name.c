// SPDX-License-Identifier: MIT

/*
 * A name is taken apart at its template arguments and put together again from the inside:
 * which arguments are the defaults is easier to say of names that are short already.
 * What is not understood (lambdas, function types) is copied as it stands.
 */

#include "libheapsnap/types/layout_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

#define DEPTH_MAX 48
#define NAME_MAX_BYTES 4096
#define ARGUMENTS_MAX 64

struct text {
    char *at;
    size_t count, room;
};

static bool add(struct text *text, const char *bytes, size_t size)
{
    if (!hs_array_reserve(text, text->count + size + 1))
        return false;
    memcpy(text->at + text->count, bytes, size);
    text->count += size;
    text->at[text->count] = '\0';
    return true;
}

static bool add_text(struct text *text, const char *string)
{
    return add(text, string, strlen(string));
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- words ---- */

/* "long unsigned int" and "unsigned long" are one type. */
static bool add_number_type(struct text *out, const char *words, size_t size)
{
    bool is_unsigned = false, is_short = false, is_number = false;
    int n_long = 0;
    for (size_t i = 0; i < size;) {
        size_t length = strcspn(words + i, " ");
        if (length > size - i)
            length = size - i;
        const char *word = words + i;
#define IS(name) (length == sizeof(name) - 1 && memcmp(word, name, length) == 0)
        if (IS("unsigned"))
            is_unsigned = is_number = true;
        else if (IS("long"))
            n_long++;
        else if (IS("short"))
            is_short = true;
        else if (!IS("int"))
            return false;
#undef IS
        i += length + 1;
    }
    is_number |= n_long > 0 || is_short;
    const char *base = is_short     ? "short"
                       : n_long > 1 ? "long long"
                       : n_long     ? "long"
                                    : "int";
    return is_number && (!is_unsigned || add_text(out, "unsigned "))
           && add_text(out, base);
}

/* "3ul" is 3. */
static size_t without_suffix(const char *word, size_t size)
{
    size_t digits = word[0] == '-' ? 1 : 0, start = digits;
    while (digits < size && isdigit((unsigned char)word[digits]))
        digits++;
    if (digits == start)
        return size;
    for (size_t i = digits; i < size; i++)
        if (!strchr("ulUL", word[i]))
            return size;
    return digits;
}

/* One finished argument: words in their usual order, "const" in front. */
static bool add_tidy(struct text *out, const char *piece)
{
    static const char *const tags[] = {"struct ", "class ", "union ", "enum "};
    size_t size = strlen(piece);
    bool is_const = has_prefix(piece, "const ");
    if (is_const)
        piece += 6, size -= 6;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (has_prefix(piece, tags[i]))
            piece += strlen(tags[i]), size -= strlen(tags[i]);
    size_t base = 0;
    for (int depth = 0; base < size && (depth > 0 || !strchr("*&", piece[base])); base++)
        depth += (piece[base] == '<' || piece[base] == '(')
                 - (piece[base] == '>' || piece[base] == ')');
    size_t rest = base;
    while (base > 0 && piece[base - 1] == ' ')
        base--;
    if (base > 6 && memcmp(piece + base - 6, " const", 6) == 0)
        is_const = true, base -= 6;
    if (is_const && !add_text(out, "const "))
        return false;
    if (!add_number_type(out, piece, base)
        && !add(out, piece, rest == size ? without_suffix(piece, base) : base))
        return false;
    return add(out, piece + rest, size - rest);
}

/* ---- templates ---- */

static bool is_library(const char *name)
{
    return has_prefix(name, "std::") || has_prefix(name, "__gnu_cxx::")
           || has_prefix(name, "alloc::") || has_prefix(name, "hashbrown::")
           || has_prefix(name, "Vec") || has_prefix(name, "Box") || has_prefix(name, "Rc")
           || has_prefix(name, "Arc") || has_prefix(name, "RawVec")
           || has_prefix(name, "VecDeque") || has_prefix(name, "BTreeMap")
           || has_prefix(name, "HashMap") || has_prefix(name, "HashSet");
}

/* "std::less<int>" where the first argument is "int". */
static bool is_of(const char *argument, const char *function, const char *first)
{
    size_t length = strlen(function), size = strlen(first);
    if (!has_prefix(argument, function))
        return false;
    argument += length;
    return strncmp(argument, first, size) == 0 && strcmp(argument + size, ">") == 0;
}

static bool is_default(const char *argument, const char *first)
{
    return has_prefix(argument, "std::allocator<")
           || strcmp(argument, "alloc::alloc::Global") == 0
           || has_prefix(argument, "std::hash::random::RandomState")
           || has_prefix(argument, "std::collections::hash::map::RandomState")
           || is_of(argument, "std::char_traits<", first)
           || is_of(argument, "std::less<", first)
           || is_of(argument, "std::equal_to<", first)
           || is_of(argument, "std::hash<", first)
           || is_of(argument, "std::default_delete<", first);
}

/* std::basic_string<char> is std::string, and so on for all that begin that way. */
static bool shorten_basic(struct text *name, const char *argument)
{
    static const char *const basics[] = {
        "string",  "string_view",   "istream",       "ostream",  "iostream", "streambuf",
        "filebuf", "stringbuf",     "istringstream", "ifstream", "ofstream", "fstream",
        "ios",     "ostringstream", "stringstream",  "regex",
    };
    bool is_wide = strcmp(argument, "wchar_t") == 0;
    if (!has_prefix(name->at, "std::basic_")
        || (!is_wide && strcmp(argument, "char") != 0))
        return false;
    for (size_t i = 0; i < sizeof(basics) / sizeof(basics[0]); i++) {
        if (strcmp(name->at + 11, basics[i]) != 0)
            continue;
        name->count = 5;
        return (!is_wide || add_text(name, "w")) && add_text(name, basics[i]);
    }
    return false;
}

struct parse {
    const char *at;
    int depth;
};

static bool parse_name(struct parse *parse, struct text *out);

static bool add_arguments(struct text *name, char *const *arguments, size_t count)
{
    if (is_library(name->at))
        while (count > 1 && is_default(arguments[count - 1], arguments[0]))
            count--;
    if (count == 1 && shorten_basic(name, arguments[0]))
        return true;
    bool is_fine = add_text(name, "<");
    for (size_t i = 0; i < count && is_fine; i++)
        is_fine = (i == 0 || add_text(name, ", ")) && add_text(name, arguments[i]);
    return is_fine && add_text(name, ">");
}

/* From "<" to the ">" that closes it. */
static bool parse_arguments(struct parse *parse, struct text *name)
{
    char *arguments[ARGUMENTS_MAX];
    size_t count = 0;
    bool is_fine = ++parse->depth < DEPTH_MAX;
    do {
        struct text argument = {0};
        parse->at++;
        is_fine = is_fine && count < ARGUMENTS_MAX && add(&argument, "", 0)
                  && parse_name(parse, &argument)
                  && (*parse->at == ',' || *parse->at == '>');
        if (!is_fine) {
            free(argument.at);
            break;
        }
        arguments[count++] = argument.at;
    } while (*parse->at == ',');
    if (is_fine) {
        parse->at++;
        is_fine = add_arguments(name, arguments, count);
    }
    while (count > 0)
        free(arguments[--count]);
    parse->depth--;
    return is_fine;
}

/* A bracketed part as it stands, whatever it is. */
static bool copy_bracketed(struct parse *parse, struct text *out)
{
    const char *start = parse->at;
    int open = 0;
    do {
        if (*parse->at == '\0')
            return false;
        open += strchr("({[", *parse->at) != NULL;
        open -= strchr(")}]", *parse->at) != NULL;
        parse->at++;
    } while (open > 0);
    return add(out, start, (size_t)(parse->at - start));
}

/* Namespaces that only the linker needs to see. */
static size_t skipped(const char *at)
{
    static const char *const inlined[] = {"__cxx11::", "__1::", "_V2::", "__debug::"};
    for (size_t i = 0; i < sizeof(inlined) / sizeof(inlined[0]); i++)
        if (has_prefix(at, inlined[i]))
            return strlen(inlined[i]);
    return 0;
}

/* Up to a "," or ">" of whoever is around, or to the end. */
static bool parse_name(struct parse *parse, struct text *out)
{
    struct text piece = {0};
    bool is_fine = add(&piece, "", 0);
    while (*parse->at == ' ')
        parse->at++;
    while (is_fine && *parse->at) {
        char at = *parse->at;
        size_t skip = piece.count >= 5 && memcmp(piece.at + piece.count - 2, "::", 2) == 0
                          ? skipped(parse->at)
                          : 0;
        if (skip > 0) {
            parse->at += skip;
        } else if (at == '<') {
            is_fine = parse_arguments(parse, &piece);
        } else if ((at == ',' || at == '>') && parse->depth > 0) {
            break;
        } else if (at == '-' && parse->at[1] == '>') {
            is_fine = add(&piece, "->", 2);
            parse->at += 2;
        } else if (strchr("({[", at)) {
            is_fine = copy_bracketed(parse, &piece);
        } else if (at == ' ' && strchr(" *&>,", parse->at[1])) {
            parse->at++; /* "char *" is "char*" inside a name */
        } else {
            is_fine = add(&piece, parse->at++, 1);
        }
    }
    while (piece.count > 0 && piece.at[piece.count - 1] == ' ')
        piece.at[--piece.count] = '\0';
    is_fine = is_fine && add_tidy(out, piece.at);
    free(piece.at);
    return is_fine;
}

char *hs_layout_name(const char *spelling)
{
    struct parse parse = {spelling, 0};
    struct text out = {0};
    if (strlen(spelling) <= NAME_MAX_BYTES && add(&out, "", 0) && parse_name(&parse, &out)
        && *parse.at == '\0')
        return out.at;
    free(out.at);
    return strndup(spelling, NAME_MAX_BYTES);
}
