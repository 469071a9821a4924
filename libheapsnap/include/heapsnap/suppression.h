// SPDX-License-Identifier: MIT

/*
 * Which leaks are known and nobody's business today.
 *
 * Rules come from files that other tools left behind, and both formats may stand in one
 * file: LeakSanitizer's lines "leak:PATTERN", and Valgrind's "{ … }" for Memcheck:Leak
 * (those for other errors are skipped). A rule is asked about a whole stack, and counts
 * what it has matched.
 */

#ifndef HEAPSNAP_SUPPRESSION_H
#define HEAPSNAP_SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

/* Kinds of leaks a rule is for: 1 << enum hs_leak_kind. */
#define HS_SUPPRESSION_REACHABLE 1u
#define HS_SUPPRESSION_POSSIBLE 2u
#define HS_SUPPRESSION_INDIRECT 4u
#define HS_SUPPRESSION_DEFINITE 8u
#define HS_SUPPRESSION_ALL 15u

/* One frame of the stack that is asked about; NULL where something is not known. */
struct hs_suppression_frame {
    const char *function;    /* readable */
    const char *signature;   /* readable with parameters */
    const char *linker_name; /* what Valgrind's fun: is compared with; else `function` */
    const char *file;        /* full path of the source */
    const char *module;      /* full path */
    uint32_t line;           /* 0: unknown */
};

struct hs_suppression {
    const char *text; /* the pattern, or the name of a Valgrind rule */
    const char *file; /* where it was read */
    uint32_t line;
    uint64_t count, bytes; /* matched so far */
};

struct hs_suppressions;

HS_API int hs_suppressions_create(struct hs_suppressions **ret, struct hs_error *err);
HS_API void hs_suppressions_destroy(struct hs_suppressions *suppressions);

/*
 * Add the rules of the file `path`, or those in `text`, which came from `name`.
 * Nothing is added on failure: -EINVAL names file, line and what is wrong with it; -EFBIG;
 * or the errno of reading.
 */
HS_API int hs_suppressions_load(struct hs_suppressions *suppressions, const char *path,
                                struct hs_error *err);
HS_API int hs_suppressions_parse(struct hs_suppressions *suppressions, const char *text,
                                 size_t size, const char *name, struct hs_error *err);

/*
 * Is a leak of one of `kinds` with this stack (innermost frame first; the allocating
 * function itself is left out) suppressed? Then `count` and `bytes` are added to the rule.
 */
HS_API bool hs_suppressions_match(struct hs_suppressions *suppressions,
                                  const struct hs_suppression_frame *frames,
                                  size_t n_frames, uint32_t kinds, uint64_t count,
                                  uint64_t bytes);

/* The rule at `index` in the order they were added, or NULL behind the last. Borrowed. */
HS_API const struct hs_suppression *
hs_suppressions_get(const struct hs_suppressions *suppressions, size_t index);

#endif
