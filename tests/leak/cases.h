// SPDX-License-Identifier: MIT

/*
 * Small programs that lose memory in one way each. A file is a program, its first argument
 * names the case; every case is run under LeakSanitizer, Valgrind and heapsnap, which must
 * say the same of it or be listed in deviations.tsv.
 *
 * Compiled without optimization, so that what is written here is what happens. Slots of
 * the stack and registers that were used on the way are cleaned by whoever is called
 * through run(): a case is about the holder it names and about no other.
 */

#ifndef HEAPSNAP_TESTS_LEAK_CASES_H
#define HEAPSNAP_TESTS_LEAK_CASES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct leak_case {
    const char *name;
    void (*run)(void);
};

/* Write over the stack below the caller, where dead frames lie. */
__attribute__((noinline, unused)) static void clean_stack(void)
{
    volatile char dirt[8192];
    memset((void *)(uintptr_t)dirt, 0, sizeof(dirt));
}

/* Nothing of what `function` did stays in a register or on the stack. */
__attribute__((noinline, unused)) static void run_cleanly(void (*function)(void))
{
    function();
    clean_stack();
    __asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx;"
                     "xor %%esi, %%esi; xor %%edi, %%edi; xor %%r8d, %%r8d;"
                     "xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d;"
                     "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2;"
                     "pxor %%xmm3, %%xmm3; pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5"
                     :
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5");
}

__attribute__((unused)) static int run_case(const struct leak_case *cases, int argc,
                                            char **argv)
{
    for (; cases->name; cases++) {
        if (argc < 2) {
            puts(cases->name);
        } else if (strcmp(cases->name, argv[1]) == 0) {
            run_cleanly(cases->run);
            return 0;
        }
    }
    return argc < 2 ? 0 : 99;
}

#endif
