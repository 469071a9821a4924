// SPDX-License-Identifier: MIT

/*
 * A capture without a process: tests say which blocks, pointers and frames there are, and
 * get a file laid out as probes/abi.h wants it. Entries go out in the order they were
 * added, right or wrong, so that broken captures can be made, too. Running out of memory
 * ends the test.
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_FAKE_CAPTURE_H
#define HEAPSNAP_TESTS_SUPPORT_FAKE_CAPTURE_H

#include <stdint.h>

#include "heapsnap/capture.h"
#include "probes/abi.h"

struct fake;

/* A capture of process 4242 with frames 0 and 1, the empty string and nothing else. */
struct fake *fake_create(void);
void fake_destroy(struct fake *fake);

/* The header to be written; sections, size and magic are filled in at the end. */
struct hs_capture_header *fake_header(struct fake *fake);

/* Each appends one entry and returns its index (strings: its offset). */
uint32_t fake_string(struct fake *fake, const char *text);
uint32_t fake_module(struct fake *fake, const char *path, uint64_t start, uint64_t end,
                     uint64_t data_size);
uint32_t fake_frame(struct fake *fake, uint32_t parent, uint64_t address,
                    uint32_t module);
uint32_t fake_block(struct fake *fake, uint64_t address, uint64_t size, uint32_t stack);
uint32_t fake_mapping(struct fake *fake, uint64_t address, uint64_t size, uint32_t flags);
void fake_edge(struct fake *fake, uint32_t from, uint32_t word, uint32_t to,
               uint32_t inside);
uint32_t fake_root(struct fake *fake, enum hs_root_kind kind, uint32_t owner,
                   uint64_t start, uint64_t end);
void fake_root_edge(struct fake *fake, uint32_t root, uint64_t address, uint32_t to,
                    uint32_t inside);
uint32_t fake_thread(struct fake *fake, int32_t tid, const char *name);
uint32_t fake_handle(struct fake *fake, int32_t number, const char *call,
                     const char *label, uint32_t stack);
void fake_total(struct fake *fake, uint32_t stack, uint64_t count, uint64_t bytes);
void fake_total_ever(struct fake *fake, uint32_t stack, uint64_t count, uint64_t bytes);
void fake_word(struct fake *fake, uint32_t block, uint32_t word, uint64_t value);
void fake_text(struct fake *fake, uint32_t block, const char *text);
void fake_epoch(struct fake *fake, uint64_t time);

/* Bytes of a thread's stack, for unwinding; sets its stack range. */
void fake_stack(struct fake *fake, uint32_t thread, uint64_t address, const void *bytes,
                uint64_t size);

/* An entry already added, to change what the functions above do not ask for. Valid until
 * the next entry of its kind is added. */
struct hs_capture_module *fake_module_at(struct fake *fake, uint32_t index);
struct hs_capture_block *fake_block_at(struct fake *fake, uint32_t index);
struct hs_capture_thread *fake_thread_at(struct fake *fake, uint32_t index);
struct hs_capture_handle *fake_handle_at(struct fake *fake, uint32_t index);

/* Lay it out in a new memfd, which is the caller's to close. */
int fake_write(struct fake *fake);

/* The same, seen as an opened capture without any check. */
struct hs_capture fake_open(struct fake *fake);
void fake_close(struct hs_capture *capture);

#endif
