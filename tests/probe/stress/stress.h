// SPDX-License-Identifier: MIT

/*
 * What the parts of the stress program share.
 */

#ifndef HEAPSNAP_TESTS_STRESS_STRESS_H
#define HEAPSNAP_TESTS_STRESS_STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

/* Functions below which everything allocated is on account; see ledger.h. */
#define ON_ACCOUNT __attribute__((noinline, section("stress_account")))
#define DESCENDING __attribute__((noinline, section("stress_descend")))

enum { STRESS_WORKERS = 8, STRESS_STORMS = 4 };

/* Seen by whoever watches for progress: one counter a thread, in a file of one page. */
extern volatile uint64_t *stress_progress;
extern volatile bool stress_ends;

struct stress_random {
    uint64_t state;
};
uint32_t stress_random(struct stress_random *random, uint32_t below);

/* ---- pool.c ---- */

void pool_create(void);

/* Take a slot that nobody is at: fill it when it is empty, else change or free what is
 * in it, whoever allocated that. */
void pool_step(struct stress_random *random, enum ledger_who who, uint32_t depth);

/* Put a block of somebody else on account, in place of another; frees it when there is
 * no slot. */
void pool_adopt(struct stress_random *random, void *block, uint64_t size,
                enum ledger_who who);

/* In a forked child: free some of the parent's blocks. */
void pool_disown(struct stress_random *random);

/* Every other thread has ended. False, with a line on stderr, when it cannot be written. */
bool pool_write(const char *path);

/* ---- work.c ---- */

void *worker_run(void *number);  /* (uintptr_t) 0 … STRESS_WORKERS - 1 */
void *pester_run(void *workers); /* signals for pthread_t workers[STRESS_WORKERS] */
void work_step(struct stress_random *random, enum ledger_who who, uint32_t deepest);

/* ---- storms.c: each takes its progress counter's number ---- */

void *fork_storm_run(void *number);
void *load_storm_run(void *number);
void *thread_storm_run(void *number);
extern const char *storm_plugins[2];

#endif
