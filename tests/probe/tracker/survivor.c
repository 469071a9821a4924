// SPDX-License-Identifier: MIT

/*
 * What programs do to a preloaded allocator, one thing a run: survivor NAME.
 *
 * survive.sh runs each bare and preloaded; output and exit status must be the same.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *early_block;

__attribute__((constructor)) static void allocate_early(void)
{
    early_block = calloc(100, 7);
}

static int run_early(void)
{
    char zero = 1;
    for (int i = 0; i < 700; i++)
        zero &= ((char *)early_block)[i] == 0;
    early_block = realloc(early_block, 100000);
    free(early_block);
    printf("zeroed %d\n", zero);
    return 7;
}

/* An allocation between a failed dlsym and dlerror must not lose the message. */
static int run_dlerror(void)
{
    dlopen("/nonexistent/library.so", RTLD_NOW);
    free(aligned_alloc(64, 64));
    free(reallocarray(NULL, 3, 3));
    printf("%s\n", dlerror());
    return 0;
}

static pthread_key_t key;
static volatile int stop;

static void allocate_at_thread_exit(void *value)
{
    static __thread int again;
    free(value);
    for (int i = 0; i < 10; i++)
        free(malloc(100));
    if (again++ < 3)
        pthread_setspecific(key, malloc(32));
}

static void *allocate_for_ever(void *context)
{
    (void)context;
    pthread_setspecific(key, malloc(64));
    while (!stop) {
        void *blocks[50];
        for (size_t i = 0; i < 50; i++)
            blocks[i] = malloc(i * 10);
        for (size_t i = 0; i < 50; i++)
            free(blocks[i]);
    }
    return malloc(5);
}

static void *allocate_once(void *context)
{
    (void)context;
    pthread_setspecific(key, malloc(64));
    return malloc(5);
}

static void run_and_join(void)
{
    pthread_t thread;
    void *block = NULL;
    pthread_create(&thread, NULL, allocate_once, NULL);
    pthread_join(thread, &block);
    free(block);
}

static int run_threads(void)
{
    pthread_key_create(&key, allocate_at_thread_exit);
    for (int i = 0; i < 300; i++)
        run_and_join();
    puts("joined");
    return 0;
}

/* Children of a threaded process allocate and start threads of their own. */
static int run_fork(void)
{
    pthread_t threads[4];
    int bad = 0;
    pthread_key_create(&key, allocate_at_thread_exit);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, allocate_for_ever, NULL);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (size_t j = 0; j < 100; j++)
                free(malloc(j));
            run_and_join();
            _exit(i);
        }
        int status = 0;
        waitpid(child, &status, 0);
        bad += !WIFEXITED(status) || WEXITSTATUS(status) != i;
    }
    stop = 1;
    for (int i = 0; i < 4; i++) {
        void *block = NULL;
        pthread_join(threads[i], &block);
        free(block);
    }
    printf("bad %d\n", bad);
    return bad;
}

static int run_vfork(void)
{
    for (volatile int i = 0; i < 20; i++) {
        pid_t child = vfork();
        if (child == 0) {
            if (i & 1)
                _exit(3);
            execl("/bin/true", "true", (char *)NULL);
            _exit(9);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WEXITSTATUS(status) != (i & 1 ? 3 : 0))
            return 1;
    }
    char *arguments[] = {"false", NULL};
    pid_t child;
    int status = 0;
    if (posix_spawn(&child, "/bin/false", NULL, NULL, arguments, environ) != 0)
        return 2;
    waitpid(child, &status, 0);
    printf("%d %d\n", WEXITSTATUS(status), WEXITSTATUS(system("exit 4")));
    return 0;
}

static int run_huge(void)
{
    volatile size_t too_much = (size_t)1 << 62;
    char *block = malloc((size_t)300 << 20);
    block = realloc(block, (size_t)400 << 20);
    block[0] = 1;
    void *none = realloc(block, too_much);
    printf("%d %d %d\n", block != NULL, none != NULL, block[0]);
    free(block);
    return 0;
}

static int run_quick_exit(void)
{
    puts("quick");
    fflush(stdout);
    quick_exit(6);
}

/* A daemon closes what it does not know, and uses the numbers for its own files. */
static int run_descriptors(void)
{
    int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int fd = 3; fd < 2000; fd++)
        close(fd);
    char path[] = "/tmp/survivor-XXXXXX";
    int file = mkstemp(path);
    for (int i = 4; i < 40; i++)
        dup2(file, i);
    run_and_join();
    for (size_t i = 0; i < 1000; i++)
        free(malloc(i * 100));
    long size = lseek(file, 0, SEEK_END);
    unlink(path);
    printf("first %d, then %d, %ld bytes\n", first, file, size);
    return 0;
}

/* The C++ library is in no scope but the plugin's own. */
static int run_plugin(const char *path)
{
    for (int i = 0; i < 3; i++) {
        void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        int (*run)(void) = plugin ? (int (*)(void))dlsym(plugin, "plugin_run") : NULL;
        if (!run) {
            printf("%s\n", dlerror());
            return 1;
        }
        printf("%d\n", run());
        dlclose(plugin);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } cases[] = {
        {"early", run_early},           {"dlerror", run_dlerror},
        {"threads", run_threads},       {"fork", run_fork},
        {"vfork", run_vfork},           {"huge", run_huge},
        {"quick_exit", run_quick_exit}, {"descriptors", run_descriptors},
    };
    if (argc == 3 && strcmp(argv[1], "plugin") == 0)
        return run_plugin(argv[2]);
    for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(argv[1], cases[i].name) == 0)
            return cases[i].run();
    return 64;
}
