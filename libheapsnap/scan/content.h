// SPDX-License-Identifier: MIT

/*
 * What kind of memory is this block? – answered from its bytes alone, because whoever
 * names types later has the capture and not the memory.
 *
 * Freestanding, like scan.h. Two questions: which of the first words point into a module
 * (a C++ object begins with the address of its class's table), and is it text. No zero
 * byte is in the middle of a text, and bytes 6 and 7 of an address are zero; so only the
 * word in which a text ends can be an address at all, and the other words of a text need
 * not be looked up.
 */

#ifndef HEAPSNAP_SCAN_CONTENT_H
#define HEAPSNAP_SCAN_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- words that point into modules ---- */

#define HS_CONTENT_WORDS 32u
#define HS_CONTENT_ISLANDS 4u

struct hs_content_range {
    uint64_t start, end;
};

/* Ranges, and the few stretches of addresses they all lie in: most words are outside. */
struct hs_content_modules {
    const struct hs_content_range *ranges;
    size_t count;
    uint64_t low, span; /* all of them */
    struct hs_content_range islands[HS_CONTENT_ISLANDS];
};

/* `ranges`: ascending and disjoint, borrowed; they must stay. */
void hs_content_modules_init(struct hs_content_modules *modules,
                             const struct hs_content_range *ranges, size_t count);

/*
 * Bit i: word i of the first HS_CONTENT_WORDS words of [memory, +size) points into a
 * module. `memory` is 8-aligned or the answer is 0.
 */
uint32_t hs_content_module_words(const struct hs_content_modules *modules,
                                 const void *memory, size_t size);

/* ---- text ---- */

/* No more than this of a block is looked at: what has gone well so far is text. */
#define HS_CONTENT_TEXT_LIMIT 65536u

/*
 * Bytes of text at the beginning of a block of `size` bytes, without a NUL; 0 when it is
 * no text. Text is valid UTF-8 without control characters (but blanks, line ends and
 * escape), up to a NUL or the end of the block, and enough of it that numbers do not look
 * like it: one character when a NUL follows as the last byte, four when nothing does, five
 * when bytes follow the NUL (four when they are fewer than eight), and then the rest is
 * text or zero, too, or smaller.
 *
 * A caller that finds a pointer in the block must not call it text.
 */
size_t hs_content_text(const void *memory, size_t size);

/*
 * Where the words of such a block begin that may be addresses (8-aligned offset): behind
 * the text, or at the word it ends in when that has zeros where an address has them. A
 * rest of up to four characters is believed to be text once a whole word of text came
 * before it: only programs at fixed addresses have pointers that short.
 */
static inline size_t hs_content_text_end(size_t length)
{
    size_t rest = length & 7;
    bool may_be_address = rest == 5 || rest == 6 || (length < 8 && rest != 7);
    return may_be_address ? length - rest : (length + 7) & ~(size_t)7;
}

#endif
