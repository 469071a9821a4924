// SPDX-License-Identifier: MIT

/*
 * Look at a process from outside and read all of it, as often as asked; says which way it
 * was, what could not be read, how much of the process is its own (and not shared with an
 * image), and whether everything was of one moment.
 *
 *   look PID image|stopped [TIMES [HOLD_MS]]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heapsnap/memory.h"

static char buffer[1 << 20];

/* Returns how many bytes were missing. */
static uint64_t read_all(const struct hs_memory *memory)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        uint64_t at = range->start, start, end;
        while (hs_memory_present(memory, at, range->end, &start, &end)) {
            for (; start < end; start += sizeof(buffer)) {
                size_t size = end - start < sizeof(buffer) ? end - start : sizeof(buffer);
                missing += size - hs_memory_read(memory, start, buffer, size);
            }
            at = end;
        }
    }
    return missing;
}

/* Of what the process has in memory: percent that nobody shares. */
static int percent_private(pid_t pid)
{
    char path[64], line[256];
    unsigned long resident = 1, own = 0, value;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Rss: %lu", &value) == 1)
            resident = value;
        if (sscanf(line, "Private_Dirty: %lu", &value) == 1
            || sscanf(line, "Private_Clean: %lu", &value) == 1)
            own += value;
    }
    if (file)
        fclose(file);
    return (int)(own * 100 / resident);
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    int times = count > 3 ? atoi(arguments[3]) : 1;
    int hold_ms = count > 4 ? atoi(arguments[4]) : 0;
    for (int i = 0; i < times; i++) {
        struct hs_memory *memory;
        struct hs_error err = {0};
        int result = strcmp(arguments[2], "image") == 0
                         ? hs_memory_open_process(atoi(arguments[1]), &memory, &err)
                         : hs_memory_open_stopped(atoi(arguments[1]), &memory, &err);
        if (result != 0) {
            fprintf(stderr, "look: %s\n", err.text);
            return 1;
        }
        uint64_t missing = read_all(memory);
        int private = percent_private(memory->pid);
        usleep((useconds_t)hold_ms * 1000);
        printf("%s threads=%zu missing=%llu private=%d whole=%d pause_us=%llu %s\n",
               memory->way == HS_MEMORY_IMAGE ? "image" : "stopped", memory->n_threads,
               (unsigned long long)missing, private, hs_memory_is_whole(memory),
               (unsigned long long)memory->pause_ns / 1000, memory->way_reason);
        fflush(stdout);
        hs_memory_close(memory);
    }
    return 0;
}
