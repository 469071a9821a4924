// SPDX-License-Identifier: MIT

/*
 * stress SECONDS PROGRESS LEDGER PLUGIN PLUGIN
 *
 * Everything at once: eight allocating threads, signals, fork storms, libraries loaded
 * and unloaded, threads that come and go. PROGRESS is a file whose first words count what
 * each thread did; LEDGER gets the blocks that are left.
 */

#include "stress.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

volatile uint64_t *stress_progress;
volatile bool stress_ends;

uint32_t stress_random(struct stress_random *random, uint32_t below)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t mixed = random->state ^ random->state >> 33;
    return (uint32_t)((mixed >> 16) % below);
}

static bool map_progress(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return false;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    stress_progress = page;
    return page != MAP_FAILED;
}

static void start(pthread_t *ret, void *(*run)(void *), void *context)
{
    if (pthread_create(ret, NULL, run, context) != 0)
        abort();
}

static void run_all(unsigned seconds)
{
    static void *(*const storms[STRESS_STORMS])(void *) = {
        fork_storm_run, load_storm_run, load_storm_run, thread_storm_run};
    pthread_t workers[STRESS_WORKERS], others[STRESS_STORMS], pester;
    for (uintptr_t i = 0; i < STRESS_WORKERS; i++)
        start(&workers[i], worker_run, (void *)i);
    for (uintptr_t i = 0; i < STRESS_STORMS; i++)
        start(&others[i], storms[i], (void *)(STRESS_WORKERS + i));
    start(&pester, pester_run, workers);
    for (unsigned rest = seconds; rest > 0;)
        rest = sleep(rest);
    stress_ends = true;
    pthread_join(pester, NULL);
    for (int i = 0; i < STRESS_STORMS; i++)
        pthread_join(others[i], NULL);
    for (int i = 0; i < STRESS_WORKERS; i++)
        pthread_join(workers[i], NULL);
}

int main(int argc, char **argv)
{
    if (argc != 6 || !map_progress(argv[2])) {
        fprintf(stderr, "usage: stress SECONDS PROGRESS LEDGER PLUGIN PLUGIN\n");
        return 2;
    }
    storm_plugins[0] = argv[4];
    storm_plugins[1] = argv[5];
    pool_create();
    run_all((unsigned)strtoul(argv[1], NULL, 10));
    return pool_write(argv[3]) ? 0 : 1;
}
