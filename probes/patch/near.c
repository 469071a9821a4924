// SPDX-License-Identifier: MIT

/*
 * Address space is tried out: a mapping that replaces nothing either gets its place or
 * does not. Below the module first, because brk's heap grows above an executable.
 */

#include "probes/patch/near.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "probes/tracker/control.h"
#include "probes/tracker/own.h"
#include "probes/tracker/raw.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define STEP ((uint64_t)1 << 16)
#define REACH ((uint64_t)1 << 30)
#define BRK_ROOM ((uint64_t)256 << 20)

static void *map_at(uint64_t address, size_t size)
{
    long result =
        hs_raw(SYS_mmap, address, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (result < 0 && result > -4096)
        return NULL;
    if ((uint64_t)result != address) { /* a kernel before 4.17 takes it as a wish */
        hs_raw(SYS_munmap, result, size);
        return NULL;
    }
    hs_own_note(address, size);
    __atomic_fetch_add(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
    return (void *)result;
}

void *hs_near_map(uint64_t address, size_t size)
{
    uint64_t base = address & ~(STEP - 1);
    void *memory = NULL;
    for (uint64_t distance = STEP; !memory && distance < REACH;
         distance += distance / 8) {
        distance &= ~(STEP - 1);
        if (base > distance + STEP)
            memory = map_at(base - distance, size);
        distance += STEP;
    }
    for (uint64_t distance = BRK_ROOM; !memory && distance < REACH; distance += BRK_ROOM)
        memory = map_at(base + distance, size);
    return memory;
}

void hs_near_unmap(void *memory, size_t size)
{
    if (!memory)
        return;
    hs_own_forget((uint64_t)(uintptr_t)memory);
    hs_raw(SYS_munmap, memory, size);
    __atomic_fetch_sub(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
}

/* "start-end rwxp …" */
struct line {
    uint64_t start, end;
    int protection;
    unsigned field; /* 0: start, 1: end, 2 to 5: the letters, 6: the rest */
};

static void line_read(struct line *line, char c)
{
    static const int bits[] = {PROT_READ, PROT_WRITE, PROT_EXEC};
    switch (line->field) {
    case 0:
    case 1: {
        uint64_t *number = line->field == 0 ? &line->start : &line->end;
        if (c == '-' || c == ' ')
            line->field++;
        else
            *number = *number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        break;
    }
    case 2:
    case 3:
    case 4:
        if (c != '-')
            line->protection |= bits[line->field - 2];
        line->field++;
        break;
    case 5:
        if (c != 'p')
            line->protection = -1;
        line->field++;
        break;
    }
}

static void line_apply(const struct line *line, struct hs_near_site **sites, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sites[i]->address >= line->start && sites[i]->address < line->end)
            sites[i]->protection = line->field == 6 ? line->protection : -1;
}

void hs_near_protections(struct hs_near_site **sites, size_t count)
{
    char text[4096];
    struct line line = {0};
    for (size_t i = 0; i < count; i++)
        sites[i]->protection = -1;
    long fd = hs_raw(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    long got;
    while ((got = hs_raw(SYS_read, fd, text, sizeof(text))) > 0)
        for (long i = 0; i < got; i++) {
            if (text[i] != '\n') {
                line_read(&line, text[i]);
                continue;
            }
            line_apply(&line, sites, count);
            line = (struct line){0};
        }
    hs_raw(SYS_close, fd);
}
