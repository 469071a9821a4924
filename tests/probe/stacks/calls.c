// SPDX-License-Identifier: MIT

/*
 * Ways to call and to lay out a frame, as a compiler makes them.
 */

#define _GNU_SOURCE 1

#include <alloca.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/probe/stacks/shape.h"

static void run_deep(void)
{
    volatile int sum = 0;
    for (int i = 0; i < 300; i++)
        deep((int)(next_random() >> 16) % 60, &sum);
}

/* More frames than are kept: the inner ones count. */
static void run_deeper(void)
{
    volatile int sum = 0;
    for (int depth = 240; depth < 270; depth++)
        deep(depth, &sum);
    deep(1000, &sum);
    deep(3, &sum);
}

__attribute__((noinline)) static void with_alloca(int depth)
{
    char *memory = alloca(16 + next_random() % 500);
    memset(memory, 1, 16);
    if (depth > 0)
        with_alloca(depth - 1);
    allocate((size_t)memory[3] + 40);
}

static void run_alloca(void)
{
    for (int i = 0; i < 40; i++)
        with_alloca(i % 20);
}

__attribute__((noinline)) static void with_variable_array(int depth, size_t size)
{
    volatile char memory[size];
    memory[0] = memory[size - 1] = 1;
    if (depth > 0)
        with_variable_array(depth - 1, size * 3 % 211 + 8);
    allocate((size_t)memory[0] + 50);
}

static void run_variable(void)
{
    for (int i = 0; i < 40; i++)
        with_variable_array(i % 20, (size_t)i + 1);
}

__attribute__((noinline)) static void with_large_frame(int depth)
{
    volatile char memory[20000];
    memory[depth] = 1;
    if (depth > 0)
        with_large_frame(depth - 1);
    allocate((size_t)memory[depth] + 60);
}

static void run_large(void)
{
    for (int i = 0; i < 20; i++)
        with_large_frame(i % 10);
}

/* The same frames at the same places, called from elsewhere further out. */
__attribute__((noinline)) static void inner(volatile int *sum)
{
    deep(5, sum);
}

__attribute__((noinline)) static void way_one(volatile int *sum)
{
    inner(sum);
    *sum += 1;
}

__attribute__((noinline)) static void way_two(volatile int *sum)
{
    inner(sum);
    *sum += 2;
}

static void run_handoff(void)
{
    void (*volatile ways[2])(volatile int *) = {way_one, way_two};
    volatile int sum = 0;
    for (int i = 0; i < 200; i++)
        ways[next_random() >> 20 & 1](&sum);
}

/* Aligned beyond what the ABI gives: gcc keeps the CFA in memory. */
__attribute__((noinline)) static void aligned(int depth)
{
    _Alignas(64) volatile char frame[128];
    frame[0] = (char)depth;
    char *memory = alloca(16 + (size_t)depth * 8);
    memory[0] = frame[0];
    if (depth > 0)
        aligned(depth - 1);
    allocate((size_t)memory[0] + 33);
}

static void run_aligned(void)
{
    for (int i = 0; i < 20; i++)
        aligned(i % 6);
}

/* The caller of the caller of malloc is gone before. */
__attribute__((noinline)) static void *tail_last(size_t size)
{
    return malloc(size + 8);
}

__attribute__((noinline)) static void *tail_middle(size_t size)
{
    return tail_last(size * 2);
}

__attribute__((noinline)) static void *tail_first(size_t size)
{
    return tail_middle(size + 1);
}

static void run_tail(void)
{
    for (size_t i = 0; i < 50; i++)
        free(tail_first(i));
}

/* The call is the last instruction, its return address belongs to what comes behind. */
static jmp_buf way_out;

__attribute__((noinline, noreturn)) static void leave(size_t size)
{
    allocate(size);
    longjmp(way_out, 1);
}

__attribute__((noinline)) static void ends_with_a_call(volatile int *sum)
{
    *sum += 1;
    leave(70);
}

/* With another frame than the function before. */
__attribute__((noinline)) static void behind(volatile int *sum)
{
    volatile char frame[300];
    frame[*sum & 7] = 1;
    if (setjmp(way_out) == 0)
        ends_with_a_call(sum);
    *sum += frame[0];
}

static void run_noreturn(void)
{
    volatile int sum = 0;
    for (int i = 0; i < 50; i++)
        behind(&sum);
}

__attribute__((noinline)) static int many_arguments(int depth, ...)
{
    va_list arguments;
    va_start(arguments, depth);
    int sum = 0;
    for (int i = 0; i < 12; i++)
        sum += va_arg(arguments, int);
    va_end(arguments);
    allocate((size_t)sum);
    return depth > 0 ? many_arguments(depth - 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
                     : sum;
}

static void run_arguments(void)
{
    for (int i = 0; i < 20; i++)
        many_arguments(i % 5, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
}

static int compare(const void *left, const void *right)
{
    allocate(80);
    return *(const int *)left - *(const int *)right;
}

/* Out of libc and back. */
static void run_callback(void)
{
    int numbers[40];
    for (size_t i = 0; i < 40; i++)
        numbers[i] = (int)(next_random() >> 16);
    qsort(numbers, 40, sizeof(numbers[0]), compare);
}

__attribute__((noinline)) static void open_handles(int depth)
{
    if (depth > 0) {
        open_handles(depth - 1);
        __asm__ volatile("");
        return;
    }
    int ends[2], fds[] = {eventfd(0, 0), epoll_create1(0), open("/dev/null", O_RDONLY),
                          dup(0), socket(AF_UNIX, SOCK_STREAM, 0)};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    if (pipe(ends) == 0) {
        close(ends[0]);
        close(ends[1]);
    }
    closedir(opendir("/dev"));
    fclose(fopen("/dev/null", "r"));
    void *pages = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(mremap(pages, 4096, 8192, MREMAP_MAYMOVE), 8192);
    free(realloc(calloc(3, 5), 1000));
    free(aligned_alloc(64, 128));
}

/* Not only allocations have stacks. */
static void run_handles(void)
{
    for (int i = 0; i < 20; i++)
        open_handles(i % 5);
}

static const struct shape shapes[] = {
    {"deep", run_deep},
    {"deeper than what is kept", run_deeper},
    {"alloca", run_alloca},
    {"variable arrays", run_variable},
    {"large frames", run_large},
    {"the same frames from elsewhere", run_handoff},
    {"aligned frames", run_aligned},
    {"tail calls", run_tail},
    {"calls that do not return", run_noreturn},
    {"many arguments", run_arguments},
    {"callbacks from libc", run_callback},
    {"handles", run_handles},
};
SHAPE_MAIN(shapes)
