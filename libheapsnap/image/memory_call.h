// SPDX-License-Identifier: MIT

/* Private to image/: making a stopped thread of another process do a system call. */

#ifndef HEAPSNAP_IMAGE_MEMORY_CALL_H
#define HEAPSNAP_IMAGE_MEMORY_CALL_H

#include <stdint.h>
#include <sys/types.h>

#include "libheapsnap/image/memory_backend.h"
#include "libheapsnap/image/memory_machine.h"
#include "libheapsnap/image/memory_stop.h"

/* Where code can lie, in the program that the process was running then. */
struct hs_place {
    uint64_t address; /* 0: there is no room */
    uint64_t program; /* as in struct hs_memory_auxv */
};

/*
 * Where the code of a call can lie for a moment: the padding behind the code of the loader,
 * the executable or the C library, which nothing else uses. `memory` shows the process's
 * mappings, and need not be stopped.
 */
struct hs_place hs_call_place(const struct hs_memory *memory,
                              const struct hs_memory_auxv *auxv);

/* Is it still the same program? Stays true as long as a thread of it is stopped. */
bool hs_place_is_valid(const struct hs_place *place, pid_t pid);

/* May code lie here: is it padding, or what a tool left that was killed? */
bool hs_call_is_free(const uint8_t *bytes, size_t size);

/*
 * Let the stopped thread `thread` do `call` and stop again where it was. Sets `ret_result`
 * to what the call returned, negative errno included, and `ret_child` to the process it
 * made, in this namespace, or 0. Returns -errno when the call could not be done.
 */
int hs_call(struct hs_stopped_thread *thread, uint64_t place,
            const struct hs_machine_call *call, int64_t *ret_result, pid_t *ret_child);

/* How well a thread suits: the higher the better; 0: not at all. `ret_reason` then tells
 * why, a constant. */
unsigned int hs_call_suits(const struct hs_stopped_thread *thread,
                           const char **ret_reason);

/* Does a stopped thread stand in the code of a call, because its tool has just died? */
bool hs_call_is_running(const struct hs_stopped_thread *thread, uint64_t place);

#endif
