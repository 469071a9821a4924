// SPDX-License-Identifier: MIT

/*
 * What goes on beside the allocating threads: children in every way there is, libraries
 * that come and go, threads that live for an instant.
 */

#include "stress.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
const char *storm_plugins[2];

static void must(bool is_fine, const char *what)
{
    if (is_fine)
        return;
    if (write(2, what, __builtin_strlen(what)) < 0)
        _exit(98);
    abort();
}

/* ---- children ---- */

static void *child_thread_run(void *context)
{
    for (int i = 0; i < 20; i++)
        free(malloc(100 + (size_t)i));
    return context;
}

static void child_run(struct stress_random *random, uint32_t kind)
{
    pthread_t thread;
    pool_disown(random);
    for (size_t i = 0; i < 200; i++)
        free(malloc(i * 3));
    if (kind == 1 && pthread_create(&thread, NULL, child_thread_run, NULL) == 0)
        pthread_join(thread, NULL);
    if (kind == 2)
        pause(); /* until it is killed */
    _exit(7);
}

static void fork_once(struct stress_random *random)
{
    uint32_t kind = stress_random(random, 3);
    pid_t child = fork();
    if (child == 0)
        child_run(random, kind);
    must(child > 0, "stress: no fork\n");
    if (kind == 2) {
        usleep(stress_random(random, 3000));
        kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    must(kind == 2 ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 7,
         "stress: a forked child ended otherwise than it should\n");
}

static void vfork_once(void)
{
    int status = 0;
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    waitpid(child, &status, 0);
    must(child > 0 && status == 0, "stress: vfork failed\n");
}

static void spawn_once(void)
{
    char *arguments[] = {"false", NULL};
    pid_t child = 0;
    int status = 0;
    must(posix_spawn(&child, "/bin/false", NULL, NULL, arguments, environ) == 0,
         "stress: posix_spawn failed\n");
    waitpid(child, &status, 0);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 1, "stress: false is not false\n");
}

void *fork_storm_run(void *context)
{
    struct stress_random random = {99};
    while (!stress_ends) {
        switch (stress_random(&random, 8)) {
        case 0:
            vfork_once();
            break;
        case 1:
            spawn_once();
            break;
        case 2:
            must(WEXITSTATUS(system("exit 4")) == 4, "stress: system failed\n");
            break;
        default:
            fork_once(&random);
        }
        stress_progress[(uintptr_t)context]++;
    }
    return NULL;
}

/* ---- libraries ---- */

ON_ACCOUNT static void use_plugin(struct stress_random *random, void *library)
{
    void *(*make)(uint64_t size, uint32_t depth) =
        (void *(*)(uint64_t, uint32_t))dlsym(library, "plugin_make");
    must(make != NULL, "stress: the plugin is not what it should be\n");
    for (int i = 0; i < 20; i++) {
        uint64_t size = 1 + stress_random(random, 1000);
        void *block = make(size, stress_random(random, 30));
        must(block != NULL, "stress: no memory in the plugin\n");
        pool_adopt(random, block, size, LEDGER_PLUGIN);
    }
}

void *load_storm_run(void *context)
{
    uintptr_t number = (uintptr_t)context;
    struct stress_random random = {number * 31 + 1};
    while (!stress_ends) {
        void *library =
            dlopen(storm_plugins[stress_random(&random, 2)], RTLD_NOW | RTLD_LOCAL);
        must(library != NULL, "stress: dlopen failed\n");
        use_plugin(&random, library);
        dlclose(library);
        stress_progress[number]++;
    }
    return NULL;
}

/* ---- threads ---- */

static pthread_key_t key;

static void at_thread_end(void *value)
{
    struct stress_random random = {(uintptr_t)value};
    for (int i = 0; i < 5; i++)
        work_step(&random, LEDGER_SHORT_LIVED, 10);
}

static void *short_lived_run(void *context)
{
    struct stress_random random = {(uintptr_t)context};
    pthread_setspecific(key, context);
    for (int i = 0; i < 30; i++)
        work_step(&random, LEDGER_SHORT_LIVED, 20);
    return NULL;
}

void *thread_storm_run(void *context)
{
    uintptr_t number = (uintptr_t)context;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    pthread_key_create(&key, at_thread_end);
    for (uintptr_t seed = 1; !stress_ends; seed += 4) {
        pthread_t threads[4];
        for (uintptr_t i = 0; i < 4; i++)
            must(pthread_create(&threads[i], &attributes, short_lived_run,
                                (void *)(seed + i))
                     == 0,
                 "stress: no thread\n");
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        stress_progress[number]++;
    }
    pthread_attr_destroy(&attributes);
    return NULL;
}
