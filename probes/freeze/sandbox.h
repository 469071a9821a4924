// SPDX-License-Identifier: MIT

/*
 * The system calls that the shim makes in the program's own process, by what for.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_SANDBOX_H
#define HEAPSNAP_PROBES_FREEZE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HS_CALL_START = 1,    /* once, in the constructor */
    HS_CALL_TRACK = 2,    /* at any time */
    HS_CALL_SNAPSHOT = 4, /* a snapshot, all threads, the image */
    HS_CALL_REPORT = 8,   /* a line on stderr */
    HS_CALL_CLOSE = 16,   /* to leave everything to the program, in a child of fork */
    HS_CALL_GRANTED = 32, /* an error for a result would not do either */
    HS_CALL_UNTRIED = 64, /* cannot be tried out harmlessly */
};

/* Such arguments stand for the caller's. */
#define HS_CALL_PID 0x6865617073706964ull
#define HS_CALL_TID 0x6865617073746964ull

struct hs_call {
    const char *name;
    int32_t number;
    uint32_t what_for;
    /* As we make it, as far as a filter could tell; harmless when really made. */
    uint64_t arguments[6];
};
extern const struct hs_call hs_calls[];
extern const size_t hs_calls_count;

/* `call` is death from now on: no calls of the kind `what_for`. Not in force yet. */
void hs_sandbox_note(uint32_t what_for, const char *call);

/* The program installs `filter` (struct sock_fprog in its memory; NULL: strict mode) as
 * soon as this returns. */
void hs_sandbox_closes(const void *filter, bool is_strict);

#endif
