// SPDX-License-Identifier: MIT

/*
 * The blocks and the account of them: slots that any thread takes for a moment, so that a
 * block is rarely freed by who allocated it. The memory is private: a forked child has
 * the account of its own copy of the heap.
 */

#include "stress.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 12000u
#define HUGE_SLOTS 4u /* the first ones may hold blocks of 128 MiB and more */

struct slot {
    uint32_t is_taken;
    uint32_t who, depth;
    uint64_t size;
    unsigned char *block; /* NULL: empty; a block of no bytes is no empty slot */
};

static struct slot *slots;

void pool_create(void)
{
    slots = mmap(NULL, SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED)
        abort();
}

static struct slot *slot_take(struct stress_random *random)
{
    for (int tries = 0; tries < 8; tries++) {
        struct slot *slot = &slots[stress_random(random, SLOTS)];
        if (!__atomic_exchange_n(&slot->is_taken, 1, __ATOMIC_ACQUIRE))
            return slot;
    }
    return NULL;
}

static void slot_give(struct slot *slot)
{
    __atomic_store_n(&slot->is_taken, 0, __ATOMIC_RELEASE);
}

/* Both ends of a block say whose it is. */
static void mark(const struct slot *slot)
{
    if (slot->size > 0)
        slot->block[0] = slot->block[slot->size - 1] =
            (unsigned char)(slot->size * 7 + 1);
}

static void check(const struct slot *slot)
{
    unsigned char wanted = (unsigned char)(slot->size * 7 + 1);
    if (slot->size > 0
        && (slot->block[0] != wanted || slot->block[slot->size - 1] != wanted)) {
        static const char line[] = "stress: a block was overwritten\n";
        if (write(2, line, sizeof(line) - 1) < 0)
            _exit(98);
        abort();
    }
}

static uint64_t choose_size(struct stress_random *random, const struct slot *slot)
{
    uint32_t kind = stress_random(random, 1000);
    if (slot < slots + HUGE_SLOTS)
        return ((uint64_t)128 << 20) - 100 + stress_random(random, 64 << 20);
    if (kind < 700)
        return stress_random(random, 300);
    if (kind < 960)
        return stress_random(random, 5000);
    if (kind < 998)
        return stress_random(random, 100000);
    return stress_random(random, 2 << 20);
}

static void *text_of(uint64_t size)
{
    char text[256];
    memset(text, 'x', sizeof(text));
    return strndup(text, size - 1);
}

ON_ACCOUNT static void *allocate(struct stress_random *random, uint64_t size)
{
    void *block = NULL;
    size_t align = (size_t)16 << stress_random(random, 9);
    switch (stress_random(random, size > 100000 ? 3 : 12)) {
    case 0:
        block = calloc(1, size);
        break;
    case 1:
        block = realloc(NULL, size);
        break;
    case 3:
        block = calloc(size / 8, 8);
        block = size % 8 ? realloc(block, size) : block;
        break;
    case 4:
        block = posix_memalign(&block, align, size) == 0 ? block : NULL;
        break;
    case 5:
        block = aligned_alloc(align, size);
        break;
    case 6:
        block = memalign(align, size);
        break;
    case 7:
        block = size > 0 && size < 200 ? text_of(size) : malloc(size);
        break;
    case 8:
        block = size > 0 ? reallocarray(NULL, size, 1) : malloc(size);
        break;
    default:
        block = malloc(size);
    }
    return block;
}

ON_ACCOUNT static void resize(struct slot *slot, struct stress_random *random,
                              enum ledger_who who, uint32_t depth)
{
    volatile uint64_t too_much = UINT64_MAX / 4;
    if (stress_random(random, 20) == 0 && realloc(slot->block, too_much))
        abort();
    uint64_t size = choose_size(random, slot) + 1;
    void *block = realloc(slot->block, size);
    if (!block)
        return; /* and the old one stays, whoever allocated it */
    slot->block = block;
    slot->size = size;
    slot->who = who;
    slot->depth = depth;
    mark(slot);
}

void ON_ACCOUNT pool_step(struct stress_random *random, enum ledger_who who,
                          uint32_t depth)
{
    struct slot *slot = slot_take(random);
    if (!slot)
        return;
    if (!slot->block) {
        slot->size = choose_size(random, slot);
        slot->who = who;
        slot->depth = depth;
        slot->block = allocate(random, slot->size);
        if (slot->block)
            mark(slot);
    } else {
        check(slot);
        if (stress_random(random, 4) == 0) {
            resize(slot, random, who, depth);
        } else {
            free(slot->block);
            slot->block = NULL;
        }
    }
    slot_give(slot);
}

void pool_adopt(struct stress_random *random, void *block, uint64_t size,
                enum ledger_who who)
{
    struct slot *slot = slot_take(random);
    if (!slot || slot < slots + HUGE_SLOTS) {
        free(block);
    } else {
        free(slot->block);
        slot->block = block;
        slot->size = size;
        slot->who = who;
        slot->depth = 0;
        mark(slot);
    }
    if (slot)
        slot_give(slot);
}

void pool_disown(struct stress_random *random)
{
    for (int i = 0; i < 50; i++) {
        struct slot *slot = slot_take(random);
        if (slot && slot->block) {
            check(slot);
            free(slot->block);
            slot->block = NULL;
        }
        if (slot)
            slot_give(slot);
    }
}

/* ---- writing it down ---- */

extern char __start_stress_account[], __stop_stress_account[];
extern char __start_stress_descend[], __stop_stress_descend[];

bool pool_write(const char *path)
{
    struct ledger_header header = {
        .magic = LEDGER_MAGIC,
        .pid = getpid(),
        .account = {(uintptr_t)__start_stress_account, (uintptr_t)__stop_stress_account},
        .descend = {(uintptr_t)__start_stress_descend, (uintptr_t)__stop_stress_descend},
    };
    for (size_t i = 0; i < SLOTS; i++)
        header.n_blocks += slots[i].block != NULL;
    FILE *file = fopen(path, "w");
    bool is_fine = file && fwrite(&header, sizeof(header), 1, file) == 1;
    for (size_t i = 0; is_fine && i < SLOTS; i++) {
        const struct slot *slot = &slots[i];
        struct ledger_block block = {(uintptr_t)slot->block, slot->size, slot->who,
                                     slot->depth};
        if (slot->block)
            is_fine = fwrite(&block, sizeof(block), 1, file) == 1;
    }
    if (file && fclose(file) != 0)
        is_fine = false;
    if (!is_fine)
        fprintf(stderr, "stress: cannot write the ledger %s\n", path);
    return is_fine;
}
