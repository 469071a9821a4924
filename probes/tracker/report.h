// SPDX-License-Identifier: MIT

/*
 * The shim's one way to speak: one line "heapsnap: …" on the stderr the program started
 * with. Written with one raw write(2), and only while descriptor 2 is still that same
 * file, so that nothing of ours ever lands in a data file the program opened there.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_REPORT_H
#define HEAPSNAP_PROBES_TRACKER_REPORT_H

#include <stddef.h>
#include <stdint.h>

/* Remember which file stderr is. Call once, in the constructor. */
void hs_report_init(void);

/*
 * The program closes stderr because it ends, and what we have to say comes after that:
 * keep a copy. Not at any other time, for who reads from a pipe waits for its end.
 */
void hs_report_keep(void);
int hs_report_kept(void); /* -1: none */

/*
 * Text building without stdio: %s (NULL prints "(null)"), %d, %u (both 64 bit wide:
 * cast to int64_t / uint64_t), %x, %%. Always NUL-terminated; returns the length written.
 * Async-signal-safe.
 */
size_t hs_format(char *buffer, size_t size, const char *format, ...);

/* "what: why", with the words for an errno (of either sign). Async-signal-safe. */
size_t hs_explain(char *buffer, size_t size, const char *what, int error);

/* One line on stderr; the prefix and the newline are added. Async-signal-safe. */
void hs_report(const char *format, ...);

#endif
