// SPDX-License-Identifier: MIT

/*
 * glibc's loader has the end of the first stack in a variable. Under glibc a thread's
 * control block lies at the end of the stack of every other.
 */

#include "probes/tracker/stack_end.h"

#include <stdbool.h>
#include <stddef.h>

#include "probes/tracker/next.h"

void *hs_stack_end_of_main(void)
{
    static void **variable;
    static bool is_looked_up;
    if (!__atomic_load_n(&is_looked_up, __ATOMIC_ACQUIRE)) {
        variable = hs_next_find_first("__libc_stack_end");
        __atomic_store_n(&is_looked_up, true, __ATOMIC_RELEASE);
    }
    return variable ? *variable : NULL;
}

uint64_t hs_stack_end_above(uint64_t address)
{
    uint64_t block = (uint64_t)__builtin_thread_pointer();
    uint64_t end = (uint64_t)hs_stack_end_of_main();
    if (block <= address)
        return end > address ? end : 0;
    return end > address && end < block ? end : block;
}
