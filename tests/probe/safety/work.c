// SPDX-License-Identifier: MIT

/*
 * A bit of everything the shim has a hook for, whose results are printed: whatever fails
 * inside the shim must not change a byte of it. Ends with 7. "work forever" allocates.
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t sum;

static void *allocate(void *context)
{
    uint64_t own = (uint64_t)(uintptr_t)context;
    for (size_t i = 1; i < 300; i++) {
        char *block = calloc(1, i * 3);
        block = realloc(block, i * 5);
        snprintf(block, i * 5, "%zu", i);
        own = own * 31 + strtoull(block, NULL, 10);
        free(block);
    }
    __atomic_fetch_add(&sum, own, __ATOMIC_RELAXED);
    return malloc(10);
}

static void use_descriptors(void)
{
    int pair[2], first = open("/dev/null", O_RDONLY), copy = dup(first);
    printf("descriptors %d %d pipe %d\n", first, copy, pipe(pair));
    FILE *stream = fopen("/proc/self/comm", "r");
    char text[32] = "";
    printf("read %d\n", stream && fgets(text, sizeof(text), stream));
    if (stream)
        fclose(stream);
    close(pair[0]);
    close(pair[1]);
    close(copy);
    printf("closed %d %d\n", close(first), close(first));
}

__attribute__((noinline)) static void use_mappings(void)
{
    char *memory =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[12345] = 6;
    memory = mremap(memory, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
    printf("mapped %d\n", memory[12345]);
    printf("unmapped %d\n", munmap(memory, 2 << 20));
}

static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
    handled = signal;
}

static void use_processes(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        free(allocate(NULL));
        _exit(3);
    }
    waitpid(child, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    printf("signal %d, shell %d\n", handled == SIGUSR1, WEXITSTATUS(system("exit 9")));
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    while (argc > 1 && strcmp(argv[1], "forever") == 0)
        free(allocate(NULL));
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, allocate, (void *)i);
    use_descriptors();
    use_mappings();
    for (int i = 0; i < 3; i++) {
        void *block;
        pthread_join(threads[i], &block);
        free(block);
    }
    use_processes();
    printf("sum %llu\n", (unsigned long long)sum);
    return 7;
}
