// SPDX-License-Identifier: MIT

/*
 * Programs that hold blocks in one way each, and in no other: blocks are told by their
 * sizes. Each says "ready" when it stands as described, answers to every line it reads, and
 * ends with status 7 at the end of its input.
 */

#include "target.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *volatile kept[64];

void *allocate(size_t size)
{
    void *memory = malloc(size);
    memset(memory, 0, size);
    __asm__ volatile("" : "+r"(memory) : : "memory");
    return memory;
}

int wipe_stack(int depth)
{
    volatile char room[1024];
    memset((char *)room, 0, sizeof(room));
    return depth ? wipe_stack(depth - 1) + room[1] : room[2];
}

pthread_t start_thread(void *(*body)(void *), void *context)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, context) != 0)
        exit(1);
    return thread;
}

static const struct mode {
    const char *name;
    void (*set_up)(void);
} modes[] = {
    {"contents", hold_contents},
    {"keys", hold_by_keys},
    {"tls", hold_by_tls},
    {"coroutine", hold_by_coroutine},
    {"far stack", hold_by_far_stack},
    {"signal stack", hold_by_signal_stack},
    {"dead frames", hold_by_dead_frames},
    {"dead threads", hold_by_dead_threads},
    {"register", hold_by_register},
    {"unknown memory", hold_by_unknown_memory},
    {"free memory", hold_by_free_memory},
    {"odd", hold_in_odd_ways},
    {"protected page", hold_behind_protected_page},
    {"region", hold_by_region},
    {"large block", hold_by_large_block},
    {"deaf thread", hold_by_deaf_thread},
    {"starting threads", hold_by_starting_threads},
    {"ended threads", hold_nothing_after_threads},
    {"signals", count_signals},
};

int main(int argc, char **argv)
{
    static char output[BUFSIZ]; /* not in the heap */
    char line[256];
    if (argc < 2)
        return 1;
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    setvbuf(stdin, NULL, _IONBF, 0);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            modes[i].set_up();
    wipe_stack(20);
    puts("ready");
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "fork\n") == 0)
            fork_in_thread();
        else if (strcmp(line, "signals\n") == 0)
            tell_signals();
        else
            puts("alive");
    }
    return 7;
}
