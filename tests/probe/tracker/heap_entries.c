// SPDX-License-Identifier: MIT

/*
 * Every function that allocates, called from outside the shim: each must show up in the
 * control page, and its free must make it go away again. Run under LD_PRELOAD.
 *
 * The totals are flushed in batches of 256 blocks a thread, hence the tolerance. Prints
 * the functions that failed; exit status 1 then.
 */

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/abi.h"

#define COUNT 2000
#define BATCH 300

static const struct hs_control *control;
static int failures;
static void *blocks[COUNT];

static void expect(bool holds, const char *function, const char *what)
{
    if (holds)
        return;
    printf("%s: %s\n", function, what);
    failures++;
}

static bool find_control_page(void)
{
    for (int fd = 3; fd < 20000; fd++) {
        char path[64], name[128] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof(name) - 1) < 0 || !strstr(name, HS_CONTROL_NAME))
            continue;
        control = mmap(NULL, HS_CONTROL_SIZE, PROT_READ, MAP_SHARED, fd, 0);
        return control != MAP_FAILED && control->magic == HS_CONTROL_MAGIC;
    }
    return false;
}

/* The compiler must neither know nor drop these calls. */
#define CALL(type, name) ((type)dlsym(RTLD_DEFAULT, name))
typedef void *take_size(size_t);
typedef void *take_two(size_t, size_t);
typedef void take_block(void *);
typedef void take_block_size(void *, size_t);
typedef void take_block_two(void *, size_t, size_t);

static void *make(const char *name, size_t size)
{
    void *block = NULL;
    if (strcmp(name, "calloc") == 0)
        return CALL(take_two *, name)(size, 1);
    if (strcmp(name, "memalign") == 0 || strcmp(name, "aligned_alloc") == 0
        || strstr(name, "align_val_t"))
        return CALL(take_two *, name)(strstr(name, "_Zn") ? size : 64,
                                      strstr(name, "_Zn") ? 64 : size);
    if (strcmp(name, "posix_memalign") == 0)
        return posix_memalign(&block, 64, size) == 0 ? block : NULL;
    if (strcmp(name, "realloc") == 0)
        return realloc(malloc(1), size);
    if (strcmp(name, "realloc of NULL") == 0)
        return realloc(NULL, size);
    if (strcmp(name, "reallocarray") == 0)
        return reallocarray(malloc(1), size, 1);
    if (strstr(name, "nothrow"))
        return CALL(take_two *, name)(size, 0);
    return CALL(take_size *, name)(size);
}

static void drop(const char *name, void *block)
{
    if (strcmp(name, "realloc to 0") == 0)
        blocks[0] = realloc(block, 0);
    else if (strcmp(name, "free_sized") == 0)
        CALL(take_block_size *, name)(block, 64);
    else if (strcmp(name, "free_aligned_sized") == 0)
        CALL(take_block_two *, name)(block, 64, 64);
    else if (strstr(name, "mSt11align"))
        CALL(take_block_two *, name)(block, 64, 64);
    else if (strstr(name, "Pvm") || strstr(name, "align_val_t"))
        CALL(take_block_size *, name)(block, 64);
    else
        CALL(take_block *, name)(block);
}

static void check(const char *maker, const char *dropper)
{
    int64_t before = control->live_blocks, bytes = control->live_bytes;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = make(maker, 64);
        expect(blocks[i] != NULL, maker, "returned NULL");
    }
    int64_t between = control->live_blocks;
    expect(labs(between - before - COUNT) <= BATCH, maker, "is not counted");
    expect(labs(control->live_bytes - bytes - COUNT * 64) <= BATCH * 64, maker,
           "is counted with another size");
    for (int i = 0; i < COUNT; i++)
        drop(dropper, blocks[i]);
    expect(labs(control->live_blocks - before) <= BATCH, dropper, "is not counted");
}

static void check_failures(void)
{
    volatile size_t too_much = SIZE_MAX / 2;
    void *block = malloc(100);
    memset(block, 7, 100);

    errno = 0;
    expect(malloc(too_much) == NULL && errno == ENOMEM, "malloc",
           "must fail with ENOMEM");
    expect(calloc(too_much, 4) == NULL, "calloc", "must notice the overflow");
    expect(realloc(block, too_much) == NULL, "realloc", "must fail");
    expect(reallocarray(block, too_much, 4) == NULL, "reallocarray",
           "must notice the overflow");
    expect(((char *)block)[99] == 7, "realloc",
           "must leave the block alone when it fails");
    expect(malloc_usable_size(block) >= 100, "malloc_usable_size", "is too small");
    expect(posix_memalign(&block, 3, 8) == EINVAL, "posix_memalign", "must refuse 3");
    errno = 55;
    free(block);
    free(malloc(10));
    expect(errno == 55, "free", "must keep errno");
}

int main(int argc, char **argv)
{
    /* jemalloc has no pvalloc: glibc's block, given to its free, crashes without us, too. */
    bool without_pvalloc = argc > 1 && strcmp(argv[1], "--without-pvalloc") == 0;
    if (!find_control_page()) {
        printf("no control page: is the shim preloaded?\n");
        return 1;
    }
    static const char *const c_makers[] = {
        "malloc",   "calloc",         "realloc", "realloc of NULL", "reallocarray",
        "memalign", "posix_memalign", "valloc",  "pvalloc",         "aligned_alloc",
    };
    for (size_t i = 0; i < sizeof(c_makers) / sizeof(c_makers[0]); i++)
        if (!without_pvalloc || strcmp(c_makers[i], "pvalloc") != 0)
            check(c_makers[i], "free");
    static const char *const c_droppers[] = {"cfree", "realloc to 0", "free_sized",
                                             "free_aligned_sized"};
    for (size_t i = 0; i < sizeof(c_droppers) / sizeof(c_droppers[0]); i++)
        check("aligned_alloc", c_droppers[i]);

    static const char *const operators[][2] = {
        {"_Znwm", "_ZdlPv"},
        {"_Znam", "_ZdaPv"},
        {"_Znwm", "_ZdlPvm"},
        {"_Znam", "_ZdaPvm"},
        {"_ZnwmRKSt9nothrow_t", "_ZdlPvRKSt9nothrow_t"},
        {"_ZnamRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t"},
        {"_ZnwmSt11align_val_t", "_ZdlPvSt11align_val_t"},
        {"_ZnamSt11align_val_t", "_ZdaPvSt11align_val_t"},
        {"_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZdlPvmSt11align_val_t"},
        {"_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdaPvmSt11align_val_t"},
        {"_ZnwmSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t"},
        {"_ZnamSt11align_val_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t"},
    };
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        check(operators[i][0], operators[i][1]);
    check_failures();
    return failures > 0;
}
