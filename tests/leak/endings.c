// SPDX-License-Identifier: MIT

/* How a program ends, and what its stack still holds then. */

#include <err.h>
#include <unistd.h>

#include "tests/leak/cases.h"

static void *keep;

/* A slot of a frame that has returned. */
__attribute__((noinline)) static void leave_in_dead_frame(void)
{
    void *volatile slots[64];
    void *block = calloc(1, 100);
    for (int i = 0; i < 64; i++)
        slots[i] = block;
    (void)slots[63];
}

static void dead_frame(void)
{
    leave_in_dead_frame();
}

static void exit_from_below(void)
{
    void *volatile held = calloc(1, 10);
    void *volatile lost = calloc(1, 20);
    lost = NULL;
    (void)held;
    clean_stack();
    exit(0);
}

static void called_at_exit(void)
{
    free(keep);
    keep = NULL;
}

static void freed_at_exit(void)
{
    keep = calloc(1, 30);
    atexit(called_at_exit);
}

static void lost_at_exit_handler(void)
{
    *(char *)malloc(31) = 0;
}

static void lost_at_exit(void)
{
    atexit(lost_at_exit_handler);
}

__attribute__((destructor)) static void destructor(void)
{
    free(keep);
}

static void freed_by_destructor(void)
{
    keep = calloc(1, 32);
}

static void libc_ends_it(void)
{
    void *volatile held = calloc(1, 11);
    *(char *)calloc(1, 21) = 1;
    clean_stack();
    (void)held;
    close(2);
    errx(0, "good bye");
}

static void without_handlers(void)
{
    *(char *)calloc(1, 40) = 1;
    _exit(0);
}

static void without_stderr(void)
{
    *(char *)calloc(1, 41) = 1;
    fclose(stderr);
}

int main(int argc, char **argv)
{
    static const struct leak_case cases[] = {
        {"dead_frame", dead_frame},
        {"exit_from_below", exit_from_below},
        {"freed_at_exit", freed_at_exit},
        {"lost_at_exit", lost_at_exit},
        {"freed_by_destructor", freed_by_destructor},
        {"libc_ends_it", libc_ends_it},
        {"without_handlers", without_handlers},
        {"without_stderr", without_stderr},
        {0},
    };
    /* The dead frame must stay as it is. */
    if (argc > 1 && strcmp(argv[1], "dead_frame") == 0) {
        dead_frame();
        return 0;
    }
    return run_case(cases, argc, argv);
}
