// SPDX-License-Identifier: MIT

/* Captures of what never loaded the shim: a running process, or a core file. */

#ifndef HEAPSNAP_TOOLS_EXTERNAL_H
#define HEAPSNAP_TOOLS_EXTERNAL_H

#include <sys/types.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

/*
 * Walk the heap of `pid`. One line on stderr says what such a capture does not know, more
 * lines what is wrong with the heap. Errors: as hs_memory_open_process(), hs_heap_capture().
 */
int hs_external_process(pid_t pid, struct hs_capture *ret, struct hs_error *err);

/* The same of the core file `core`; `executable`, if not NULL, is the program it is of. */
int hs_external_core(const char *core, const char *executable, struct hs_capture *ret,
                     struct hs_error *err);

#endif
