// SPDX-License-Identifier: MIT

/*
 * A program that tells the truth about itself: sizes, offsets, addresses and the types of
 * what it allocates, one line each, for check_program.c to compare with its DWARF.
 *
 *   T type|size               S type|offset|what it points to|path, or "(none)"
 *   V address|name|type|size|function, "-" none        H name|type   (thread-local)
 *   F type|offset|stride      of a flexible last member
 *   D address|size            of what the variable's first pointer points to
 *   L pc|offset|name|type     of a local, counted from the canonical frame address
 *   A address …|type          return addresses of an allocation, innermost first
 */

#ifndef HEAPSNAP_TESTS_TYPES_TOLD_H
#define HEAPSNAP_TESTS_TYPES_TOLD_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTLINE __attribute__((noinline))

extern const char __executable_start[];

static inline unsigned long told_address(const volatile void *address)
{
    return (unsigned long)address - (unsigned long)__executable_start;
}

#define TELL_TYPE(type, name) printf("T %s|%zu\n", name, sizeof(type))
#define TELL_SLOT(type, name, member, target, path) \
    printf("S %s|%zu|%s|%s\n", name, offsetof(type, member), target, path)
#define TELL_VARIABLE(variable, name, type, function)                     \
    printf("V %lx|%s|%s|%zu|%s\n", told_address(&(variable)), name, type, \
           sizeof(variable), function)
#define TELL_TARGET(variable) \
    printf("D %lx|%zu\n", told_address(&(variable)), sizeof(*(variable)))

OUTLINE void tell_local(const void *variable, const void *frame, const char *name,
                        const char *type);
/* The compiler must believe that somebody looks at the variable. */
#define TELL_LOCAL(variable, name, type)                  \
    __asm__ volatile("" : : "r"(&(variable)) : "memory"); \
    tell_local(&(variable), __builtin_dwarf_cfa(), name, type)

/* malloc, telling that the caller makes a `type` of it; `outer`: who called that, or NULL. */
OUTLINE void *told_malloc(size_t size, const char *type, const void *outer)
    __attribute__((malloc));

#ifdef TOLD_HERE
void tell_local(const void *variable, const void *frame, const char *name,
                const char *type)
{
    printf("L %lx|%ld|%s|%s\n",
           told_address((const char *)__builtin_return_address(0)) - 1,
           (long)((const char *)variable - (const char *)frame), name, type);
}

void *told_malloc(size_t size, const char *type, const void *outer)
{
    printf("A %lx", told_address(__builtin_return_address(0)));
    if (outer)
        printf(" %lx", told_address(outer));
    printf("|%s\n", type);
    return malloc(size);
}
#endif

#endif
