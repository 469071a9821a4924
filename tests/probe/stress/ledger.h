// SPDX-License-Identifier: MIT

/*
 * The program's own account of its memory, as it writes it down before it ends: a header,
 * then the blocks that are allocated. The judge compares it with the capture of the exit.
 */

#ifndef HEAPSNAP_TESTS_STRESS_LEDGER_H
#define HEAPSNAP_TESTS_STRESS_LEDGER_H

#include <stdint.h>

#define LEDGER_MAGIC 0x3152454744454cull

enum ledger_who {
    LEDGER_WORKER = 1,
    LEDGER_SHORT_LIVED, /* a thread that starts and ends all the time, or its destructor */
    LEDGER_HANDLER,     /* a signal handler: at any depth */
    LEDGER_PLUGIN,      /* code that may be unloaded by now */
    LEDGER_WHO_COUNT
};

/* An address range of the program's text. */
struct ledger_range {
    uint64_t start, end;
};

struct ledger_header {
    uint64_t magic;
    int64_t pid;
    uint64_t n_blocks;
    struct ledger_range account; /* whatever is allocated below these is in the ledger */
    struct ledger_range
        descend; /* the recursion; `depth` frames of it are in the stack */
};

struct ledger_block {
    uint64_t address;
    uint64_t size;
    uint32_t who;
    uint32_t depth;
};

#endif
