// SPDX-License-Identifier: MIT

/*
 * Preloaded into the subject: a page in the way of the program break, so that the main arena
 * has to go on in mappings.
 */

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define DISTANCE 0x300000u

static void __attribute__((constructor)) block(void)
{
    uintptr_t at = ((uintptr_t)sbrk(0) + DISTANCE) & ~(uintptr_t)4095;
    if (mmap((void *)at, 4096, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
        == MAP_FAILED)
        _exit(3);
}
