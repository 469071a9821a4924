// SPDX-License-Identifier: MIT

/*
 * Types in the making: claims on blocks, and the worklist that follows them.
 *
 * A claim says that a block is of some shape. How well its size fits ranks the claim; a
 * better one replaces a worse one, of two equally good ones the larger or the earlier is
 * kept. Claims of the best rank are followed first, so that guesses meet blocks that are
 * known already.
 */

#ifndef HEAPSNAP_TYPES_PROPAGATE_H
#define HEAPSNAP_TYPES_PROPAGATE_H

#include "libheapsnap/types/types.h"
#include "libheapsnap/types/vtable.h"
#include "probes/abi.h"

/* From worst to best. */
enum hs_rank {
    HS_RANK_NONE,
    HS_RANK_HEAD,  /* the block is longer: a header, or a base of what it is */
    HS_RANK_GUESS, /* nothing confirms it */
    HS_RANK_ROW,   /* the size is a multiple */
    HS_RANK_FITS,  /* the size is exact */
    HS_RANK_SITE,  /* the compiler said so */
    HS_RANK_TABLE, /* the object says so */
    HS_RANK_COUNT
};

/* Who asks for "offsetof(struct entry, key) + length" may leave out so much of it. */
#define HS_PADDING_MAX 7

/* What is known of one block. */
struct hs_typed {
    uint32_t shape;
    uint8_t rank;     /* of the claim that is held */
    uint8_t followed; /* rank when its pointers were last followed */
    uint8_t origin;   /* enum hs_origin */
    bool is_contested;
};

/* A pointer to a part of a block. */
struct hs_embedded {
    uint32_t block, type, inside;
};

/* A block that its code keeps as a structure which is shorter. */
struct hs_longer {
    uint64_t call; /* address of the innermost call */
    uint64_t size;
    uint32_t shape, block;
    bool is_weak; /* to be confirmed by a pointer of that type */
};

struct hs_types {
    const struct hs_capture *capture;
    const struct hs_graph *graph;
    struct hs_symbols *symbols;
    struct hs_layouts *layouts;
    struct hs_shapes shapes;
    struct hs_vtables *vtables;
    struct hs_typed *blocks;
    uint8_t *headers; /* bytes of an allocator's own before a block's data; NULL: none */
    HS_ARRAY(uint32_t) pending[HS_RANK_COUNT]; /* blocks to be followed */
    HS_ARRAY(struct hs_embedded) embedded;
    HS_ARRAY(struct hs_longer) longer;
    uint64_t conflicts;
    bool has_failed; /* no memory */
};

/* Bytes before each block's data; NULL when there are none at all. header.c */
uint8_t *hs_headers_find(const struct hs_capture *capture);

static inline uint32_t hs_types_header(const struct hs_types *types, uint32_t block)
{
    return types->headers ? types->headers[block] : 0;
}

/* A block without what an allocator has put in front. */
static inline struct hs_capture_block hs_types_block(const struct hs_types *types,
                                                     uint32_t block)
{
    struct hs_capture_block info = types->capture->blocks[block];
    info.size -= hs_types_header(types, block);
    return info;
}

/* Where the pointer of an edge lies in the data of its block; false: before it. */
static inline bool hs_types_offset(const struct hs_types *types,
                                   const struct hs_capture_edge *edge, uint64_t *ret)
{
    uint32_t header = hs_types_header(types, edge->from);
    uint64_t offset = (uint64_t)edge->word * 8;
    *ret = offset - header;
    return offset >= header;
}

/* Is the block what one asks for to get `size` bytes, or some times as many? */
bool hs_block_is_exact(const struct hs_capture_block *block, uint64_t size);
bool hs_block_fits(const struct hs_capture_block *block, uint64_t size);

/* Does a block of this shape hold a row of it? */
bool hs_block_is_row(const struct hs_capture_block *block, const struct hs_shape *shape);

/* Somebody says that `block` is of `shape`; never ranked above `limit`. */
void hs_types_claim(struct hs_types *types, uint32_t block, uint32_t shape,
                    enum hs_rank limit, enum hs_origin origin);

/* The same by a pointer to `inside` of it. */
void hs_types_claim_by_pointer(struct hs_types *types, uint32_t block, uint32_t inside,
                               uint32_t shape, enum hs_rank limit, enum hs_origin origin);

/* Follow all pending blocks' pointers until nothing is left to do. */
void hs_types_follow(struct hs_types *types);

/* The first claims: seed.c. */
void hs_types_seed_vtables(struct hs_types *types);
void hs_types_seed_variables(struct hs_types *types);
void hs_types_seed_sites(struct hs_types *types);

/* Collect longer blocks; then tell which are a structure with bytes behind it. tail.c */
void hs_types_note_longer(struct hs_types *types, uint32_t block, uint32_t shape,
                          bool is_weak);
void hs_types_settle_tails(struct hs_types *types);

/* Guess what has the parts that pointers lead to; false: nothing new. embedded.c */
bool hs_types_find_wholes(struct hs_types *types);

/* Name what is still unknown after the parts that pointers lead to; to be followed. */
void hs_types_name_parts(struct hs_types *types);

/* Give blocks what most of one origin are; false: nothing new. consensus.c */
struct hs_consensus;
struct hs_consensus *hs_consensus_create(const struct hs_capture *capture);
void hs_consensus_destroy(struct hs_consensus *consensus);
bool hs_types_agree(struct hs_types *types, struct hs_consensus *consensus);

#endif
