// SPDX-License-Identifier: MIT

/*
 * Everything that can go wrong goes wrong before the first byte is written: code is made
 * beside the program's, and pages are asked for as writable and executable at once. Where
 * rules forbid that (SELinux, seccomp), asking for it later would fail, too, with the
 * page no longer executable.
 */

#include "probes/patch/entry.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "probes/patch/extent.h"
#include "probes/patch/move.h"
#include "probes/tracker/raw.h"

#define STUB_SIZE 24
#define SLOT_SIZE (STUB_SIZE + HS_MOVE_MAX)
#define PAGE_SIZE ((uint64_t)4096)
#define ENTRIES_MAX 128

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

/* mov r9, entry; jmp [rip]; the hook's address */
static void stub_write(uint8_t *stub, const struct hs_entry *entry)
{
    memcpy(stub, "\x49\xb9", 2);
    memcpy(stub + 2, &entry, sizeof(entry));
    memcpy(stub + 10, "\xff\x25\x00\x00\x00\x00", 6);
    memcpy(stub + 16, &entry->hook, sizeof(entry->hook));
}

/* An entry that indirect branches must find keeps its mark; the jump goes behind it. */
static const char *entry_prepare(struct hs_entry *entry, uint8_t *slot)
{
    struct hs_extent extent;
    const uint8_t *code = (const uint8_t *)entry->function;
    if (!hs_extent_find(entry->function, entry->size, &extent))
        return "its functions' bounds are not known";
    size_t skip =
        extent.size > sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0
            ? sizeof(endbr64)
            : 0;
    entry->site.address = entry->function + skip;
    if (extent.room < skip + HS_MOVE_JUMP || hs_code_enters(code, extent.size, skip))
        return "its code is not understood";
    uint8_t *moved = slot + STUB_SIZE;
    if (!hs_code_move(code + skip, extent.room - skip, entry->site.address,
                      (uint64_t)moved, moved))
        return "its code cannot be moved";
    stub_write(slot, entry);
    entry->real = (hs_entry_function *)(uintptr_t)moved;
    int64_t distance = (int64_t)((uint64_t)slot - (entry->site.address + HS_MOVE_JUMP));
    int32_t value = (int32_t)distance;
    if (distance != value)
        return "its functions are too far apart";
    entry->jump[0] = 0xe9;
    memcpy(entry->jump + 1, &value, sizeof(value));
    return NULL;
}

static long protect(const struct hs_entry *entry, int protection)
{
    uint64_t start = entry->site.address & ~(PAGE_SIZE - 1);
    uint64_t end =
        (entry->site.address + HS_MOVE_JUMP + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    return hs_raw(SYS_mprotect, start, end - start, protection);
}

static const char *pages_open(const struct hs_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].site.protection < 0)
            return "its code is shared, or /proc cannot be read";
    for (size_t i = 0; i < count; i++)
        if (protect(&entries[i], PROT_READ | PROT_WRITE | PROT_EXEC) < 0) {
            while (i-- > 0)
                protect(&entries[i], entries[i].site.protection);
            return "its code must not be changed here";
        }
    return NULL;
}

static void pages_close(const struct hs_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        protect(&entries[i], entries[i].site.protection);
}

static const char *patch_all(struct hs_entry *entries, size_t count, uint8_t *slots,
                             size_t size)
{
    struct hs_near_site *sites[ENTRIES_MAX];
    for (size_t i = 0; i < count; i++) {
        const char *why = entry_prepare(&entries[i], slots + i * SLOT_SIZE);
        if (why)
            return why;
        sites[i] = &entries[i].site;
    }
    hs_near_protections(sites, count);
    if (hs_raw(SYS_mprotect, slots, size, PROT_READ | PROT_EXEC) < 0)
        return "code must not be made here";
    const char *why = pages_open(entries, count);
    if (why)
        return why;
    for (size_t i = 0; i < count; i++)
        memcpy((void *)entries[i].site.address, entries[i].jump, HS_MOVE_JUMP);
    pages_close(entries, count);
    return NULL;
}

const char *hs_entries_patch(struct hs_entry *entries, size_t count)
{
    if (count == 0 || count > ENTRIES_MAX)
        return "it has too many functions";
    size_t size = (count * SLOT_SIZE + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    uint8_t *slots = hs_near_map(entries[0].function, size);
    if (!slots)
        return "no memory is free near its code";
    const char *why = patch_all(entries, count, slots, size);
    if (why)
        hs_near_unmap(slots, size);
    return why;
}
