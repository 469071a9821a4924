// SPDX-License-Identifier: MIT

/*
 * The programs that the tests freeze, one a mode. Each says "ready" when it stands as
 * described, does a step and answers with a line for every line it reads, and ends with
 * status 7 at the end of its input.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heapsnap/heapsnap.h"
#include "target.h"

static void *volatile kept[2000];
static volatile int signals_seen;
static int last_signal;
static const char *program;

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

static void hold_chain(void)
{
    for (int i = 0; i < 1000; i++)
        kept[i] = allocate(64);
    for (int i = 0; i < 999; i++)
        *(void **)kept[i] = kept[i + 1];
}

static __attribute__((noinline)) void lose_pairs(void)
{
    for (int i = 0; i < 100; i++) {
        void **one = allocate(48), **other = allocate(48);
        *one = other;
        *other = one;
    }
}

/* ---- threads that wait in every way ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static __thread void *volatile own;

static void *wait_in_read(void *context)
{
    char byte;
    int ends[2];
    (void)context;
    own = allocate(1111); /* only thread-local memory holds it */
    if (pipe(ends) == 0)
        while (read(ends[0], &byte, 1) < 0)
            ;
    return NULL;
}

static void *wait_in_epoll(void *context)
{
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    void *volatile memory = allocate(2222);
    (void)context;
    while (epoll_wait(fd, &event, 1, -1) >= 0 || errno == EINTR)
        ;
    return memory;
}

static void *wait_in_condition(void *context)
{
    void *volatile memory = allocate(3333);
    (void)context;
    pthread_mutex_lock(&mutex);
    for (;;)
        pthread_cond_wait(&never, &mutex);
    return memory;
}

static void *spin(void *context)
{
    (void)context;
    for (;;)
        free(allocate(100));
    return NULL;
}

void start_thread(void *(*body)(void *), void *context)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, context) != 0)
        exit(1);
}

static void start_waiting_threads(void)
{
    for (int i = 0; i < 3; i++) {
        start_thread(wait_in_read, NULL);
        start_thread(wait_in_epoll, NULL);
        start_thread(wait_in_condition, NULL);
    }
    usleep(100000);
}

/* Past every hook: as a thread of a runtime with its own system calls does it. */
static void *block_everything(void *context)
{
    uint64_t all = ~0ull;
    void *volatile memory = allocate(4444);
    (void)context;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    for (;;) {
        struct timespec long_time = {1000, 0};
        nanosleep(&long_time, NULL);
    }
    return memory;
}

static void *wait_for_signals(void *context)
{
    sigset_t all;
    int got;
    (void)context;
    sigfillset(&all);
    while (sigwait(&all, &got) == 0) {
        printf("sigwait got %d\n", got);
        fflush(stdout);
    }
    return NULL;
}

static void *block_politely(void *context)
{
    sigset_t all;
    void *volatile memory = allocate(5555);
    (void)context;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (;;)
        pause();
    return memory;
}

/* ---- what a program could notice ---- */

void count_signal(int number)
{
    signals_seen++;
    last_signal = number;
}

static void report_surroundings(void)
{
    int lowest = open("/dev/null", O_RDONLY);
    int status;
    pid_t child = waitpid(-1, &status, WNOHANG);
    printf("signals %d child %d errno %d lowest %d\n", signals_seen, (int)child,
           child < 0 ? errno : 0, lowest);
    close(lowest);
}

static void reserve(void)
{
    size_t size = 100ull << 30;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        exit(1);
    kept[0] = memory;
    *(void **)(memory + size / 2) = allocate(6666);
}

/* A mapping whose file shrank: reading its second page is a bus error. */
static void map_truncated(void)
{
    int fd = (int)syscall(SYS_memfd_create, "short", 0);
    if (ftruncate(fd, 8192) != 0)
        exit(1);
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED || ftruncate(fd, 4096) != 0)
        exit(1);
    kept[0] = memory;
    *(void **)memory = allocate(7777);
}

static void take_over_number(const char *number)
{
    struct sigaction action = {.sa_handler = count_signal}, old;
    sigaction(atoi(number), NULL, &old);
    sigaction(atoi(number), &action, NULL);
    printf("was %s\n", old.sa_handler == SIG_DFL ? "default" : "not default");
}

static void fork_child(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    printf("%d\n", (int)child);
}

static void count_mappings(void)
{
    char line[4096];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps))
        count++;
    if (maps)
        fclose(maps);
    printf("mappings %d\n", count);
}

/* One line of input, one of output. */
static void step(const char *line)
{
    if (strcmp(line, "grow") == 0) {
        kept[1999] = allocate(5000);
        puts("grown");
    } else if (strcmp(line, "count") == 0) {
        count_mappings();
    } else if (strcmp(line, "look") == 0) {
        report_surroundings();
    } else if (strncmp(line, "number ", 7) == 0) {
        take_over_number(line + 7);
    } else if (strncmp(line, "raise ", 6) == 0) {
        raise(atoi(line + 6));
        printf("signals %d last %d\n", signals_seen, last_signal);
    } else if (strncmp(line, "wait ", 5) == 0) {
        sleep_for(line + 5);
    } else if (strcmp(line, "exec nothing") == 0) {
        execl("/no/such/program", "program", (char *)NULL);
        printf("failed %d\n", errno);
    } else if (strncmp(line, "exec ", 5) == 0) {
        execute_again(program, atoi(line + 5));
    } else if (strncmp(line, "load ", 5) == 0) {
        puts(dlopen(line + 5, RTLD_NOW | RTLD_LOCAL) ? "loaded" : dlerror());
    } else if (strcmp(line, "run") == 0) {
        run_child();
    } else if (strcmp(line, "fork") == 0) {
        fork_child();
    } else if (strncmp(line, "take ", 5) == 0) {
        errno = 99;
        int result = heapsnap_take(line + 5);
        printf("took %d errno %d\n", result, errno);
    } else {
        puts("alive");
    }
    fflush(stdout);
}

/* The last block of the heap: glibc's record of the free memory behind it points to its
 * very end. */
static __attribute__((noinline)) void lose_last(void)
{
    allocate(40000);
    allocate(32);
}

static void *end_at_once(void *argument)
{
    return argument;
}

/* glibc puts the stacks of joined threads aside, and their thread vectors with them. */
static void join_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, end_at_once, NULL) != 0)
            exit(1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void set_up(const char *mode)
{
    if (strcmp(mode, "chain") == 0)
        hold_chain();
    else if (strcmp(mode, "ten") == 0)
        for (int i = 0; i < 10; i++)
            kept[i] = allocate(1000);
    else if (strcmp(mode, "last") == 0)
        lose_last();
    else if (strcmp(mode, "joined") == 0)
        join_threads();
    else if (strcmp(mode, "lost") == 0) {
        hold_chain();
        lose_pairs();
    } else if (strcmp(mode, "threads") == 0)
        start_waiting_threads();
    else if (strcmp(mode, "churn") == 0) {
        hold_chain();
        for (int i = 0; i < 3; i++)
            start_thread(spin, NULL);
    } else if (strcmp(mode, "blocked") == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        start_thread(block_everything, NULL);
        start_thread(block_politely, NULL);
        start_thread(wait_for_signals, NULL);
        usleep(100000);
    } else if (strcmp(mode, "watchful") == 0)
        signal(SIGCHLD, count_signal);
    else if (strcmp(mode, "subreaper") == 0) {
        signal(SIGCHLD, count_signal);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    } else if (strcmp(mode, "vector") == 0)
        hold_in_vectors();
    else if (strcmp(mode, "reservation") == 0)
        reserve();
    else if (strcmp(mode, "truncated") == 0)
        map_truncated();
    else if (strcmp(mode, "large") == 0)
        for (int i = 0; i < 256; i++)
            memset(kept[i] = allocate(1 << 20), 1, 1 << 20);
    else if (strncmp(mode, "clone fails", 11) == 0) {
        hold_chain();
        lose_pairs();
        start_waiting_threads();
        make_clones_fail(mode + 11);
    } else if (strcmp(mode, "million") == 0)
        for (int i = 0; i < 1000000; i++) {
            void **memory = allocate(64);
            *memory = kept[0];
            kept[0] = memory;
        }
}

int main(int argc, char **argv)
{
    static char output[BUFSIZ]; /* not in the heap, whose last block a test looks at */
    char line[4096];
    if (argc < 2)
        return 1;
    program = argv[0];
    if (strcmp(argv[1], "again") == 0)
        execute_again(program, argc > 2 ? atoi(argv[2]) : 0);
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    setvbuf(stdin, NULL, _IONBF, 0);
    set_up(argv[1]);
    wipe_stack(20);
    puts("ready");
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        step(line);
    }
    return 7;
}
