// SPDX-License-Identifier: MIT

/*
 * The dynamic symbols of a loaded module: where its tables are. Lock-free, allocates
 * nothing; they are the loader's own, and valid as long as the module is loaded.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_SYMBOLS_H
#define HEAPSNAP_PROBES_TRACKER_SYMBOLS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct hs_dynamic_symbols {
    const ElfW(Sym) * table;
    const char *names;
    const ElfW(Half) * versions; /* NULL: without versions */
    const uint32_t *gnu_hash;    /* one of these may be NULL */
    const uint32_t *hash; /* buckets, chains (as many as symbols); then both arrays */
};

/* False: it has no symbols that could be looked up. */
bool hs_dynamic_symbols_read(const struct link_map *map, struct hs_dynamic_symbols *ret);

/* A bucket names the first symbol of its chain, 0: none. The chain word of symbol i is
 * chains[i - first]; its bit 0 ends the chain. */
struct hs_gnu_hash {
    uint32_t n_buckets;
    uint32_t first; /* the first hashed symbol; those before are undefined */
    const uint32_t *buckets, *chains;
};
struct hs_gnu_hash hs_gnu_hash_read(const uint32_t *table);

#endif
