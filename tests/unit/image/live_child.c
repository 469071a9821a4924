// SPDX-License-Identifier: MIT

/* See live_child.h. */

#include "tests/unit/image/live_child.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct live_child *live_child;

pid_t live_child_start(void (*body)(void))
{
    live_child =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(live_child != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        for (;;)
            pause();
    }
    for (int i = 0; i < 10000 && !live_child->is_ready; i++)
        usleep(1000);
    cr_assert(live_child->is_ready);
    return pid;
}

void live_child_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

struct hs_memory *live_child_look(pid_t pid, bool wants_image)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    int result = wants_image ? hs_memory_open_process(pid, &memory, &err)
                             : hs_memory_open_stopped(pid, &memory, &err);
    cr_assert(eq(int, result, 0), "%s", err.text);
    return memory;
}

char live_child_state(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d %*s %c", &state) != 1)
        state = '?';
    if (file)
        fclose(file);
    return state;
}

pid_t live_child_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file)
        fclose(file);
    return child;
}

static uint8_t secret[3 * 4096];

void live_child_hold_secret(void)
{
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)(i * 11 + i / 512);
    live_child->is_ready = 1;
}

void live_child_expect_secret(const struct hs_memory *memory)
{
    uint8_t copy[sizeof(secret)];
    uint64_t address = (uint64_t)(uintptr_t)secret;
    cr_assert(eq(sz, hs_memory_read(memory, address, copy, sizeof(copy)), sizeof(copy)));
    live_child_hold_secret(); /* the same here */
    cr_expect(eq(int, memcmp(copy, secret, sizeof(copy)), 0));
    cr_expect(hs_memory_is_whole(memory));
}
