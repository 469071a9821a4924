// SPDX-License-Identifier: MIT

/*
 * A program that is looked at from outside and must not notice: threads that wait in every
 * usual way and threads that compute, each of which knows what it must see. Says "ready" on
 * stdout; a line on stdin makes it say "fine", or what went wrong, and end.
 *
 *   subject [MEGABYTES]
 */

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic(const char *) fault;
static atomic_uint n_signals, n_interrupted;
static atomic_ulong n_rounds;
static int pipe_fds[2], event_fd;

static void blame(const char *what)
{
    const char *none = NULL;
    atomic_compare_exchange_strong(&fault, &none, what);
}

static void on_signal(int number)
{
    (void)number;
    n_signals++;
}

static void *wait_in_read(void *unused)
{
    char byte;
    read(pipe_fds[0], &byte, 1);
    blame("read() returned");
    return unused;
}

static void *wait_in_poll(void *unused)
{
    struct pollfd entry = {.fd = pipe_fds[0], .events = POLLIN};
    while (poll(&entry, 1, 3600 * 1000) < 0 && errno == EINTR)
        n_interrupted++;
    blame("poll() returned");
    return unused;
}

static void *wait_in_epoll(void *unused)
{
    int fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(fd, EPOLL_CTL_ADD, event_fd, &event);
    while (epoll_wait(fd, &event, 1, -1) < 0 && errno == EINTR)
        ;
    blame("epoll_wait() returned");
    return unused;
}

static void *wait_in_futex(void *unused)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_cond_wait(&never, &lock);
    blame("pthread_cond_wait() returned");
    return unused;
}

static void *wait_in_sleep(void *unused)
{
    struct timespec hour = {.tv_sec = 3600};
    while (nanosleep(&hour, &hour) != 0)
        n_interrupted++;
    blame("nanosleep() returned");
    return unused;
}

static void *wait_without_signals(void *unused)
{
    sigset_t all, now;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (;;) {
        struct timespec moment = {.tv_nsec = 1000 * 1000};
        nanosleep(&moment, NULL);
        pthread_sigmask(SIG_SETMASK, NULL, &now);
        if (!sigismember(&now, SIGUSR1) || !sigismember(&now, SIGTERM))
            blame("a signal mask changed");
    }
    return unused;
}

/* Integers, vectors and flags in registers only: a wrong one shows at once. */
static void *compute(void *unused)
{
    for (;;) {
        uint64_t a = 1, b = 2;
        double x = 0.5, y = 0.25;
        for (int i = 0; i < 100000; i++) {
            __asm__ volatile("" : "+r"(a), "+r"(b), "+x"(x), "+x"(y));
            a += b;
            b = a - b;
            x = y + x - y;
        }
        uint64_t c = 1, d = 2;
        for (int i = 0; i < 100000; i++) {
            c += d;
            d = c - d;
        }
        if (a != c || b != d || x != 0.5 || y != 0.25)
            blame("a computation went wrong");
        n_rounds++;
    }
    return unused;
}

static void *call_often(void *unused)
{
    for (;;) {
        if (getppid() <= 0)
            blame("getppid() returned nonsense");
        char byte = 'x';
        if (write(pipe_fds[1], &byte, 0) != 0)
            blame("write() returned nonsense");
        void *memory = malloc(100000);
        if (!memory)
            blame("malloc() returned nothing");
        free(memory);
        n_rounds++;
    }
    return unused;
}

static size_t count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void fill(size_t megabytes)
{
    for (size_t i = 0; i < megabytes * 16; i++) {
        char *block = malloc(65536);
        if (block)
            memset(block, (int)i | 1, 65536);
    }
}

int main(int count, char **arguments)
{
    static void *(*const threads[])(void *) = {
        wait_in_read,  wait_in_poll,         wait_in_epoll, wait_in_futex,
        wait_in_sleep, wait_without_signals, compute,       call_often,
    };
    for (int number = 1; number < 32; number++)
        if (number != SIGSEGV && number != SIGTERM && number != SIGTTIN)
            signal(number, on_signal);
    if (pipe(pipe_fds) != 0 || (event_fd = eventfd(0, 0)) < 0)
        return 1;
    fill(count > 1 ? strtoul(arguments[1], NULL, 10) : 0);
    for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, threads[i], NULL);
    }
    usleep(20000);
    size_t n_fds = count_fds();
    unsigned long rounds = n_rounds;
    puts("ready");
    fflush(stdout);

    char line[16];
    ssize_t length = read(0, line, sizeof(line));
    if (length != 1)
        blame("the main thread's read() failed");
    if (n_signals > 0)
        blame("a signal came");
    if (n_interrupted > 0)
        blame("a call that begins anew was interrupted");
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        blame("there is a child");
    if (count_fds() != n_fds)
        blame("the descriptors changed");
    for (int i = 0; i < 1000 && n_rounds == rounds; i++)
        usleep(1000);
    if (n_rounds == rounds)
        blame("no thread computes any more");
    puts(fault ? fault : "fine");
    return fault != NULL;
}
