// SPDX-License-Identifier: MIT

/*
 * Why something failed, in a sentence the user can act on.
 *
 * Functions that can fail for several reasons return 0 or -errno and describe the
 * failure in a `struct hs_error` that the caller owns (usually on its stack, zeroed)
 * and may pass as NULL. The first message wins: an outer function may add nothing to
 * what the innermost one knew best. The library itself never prints.
 */

#ifndef HEAPSNAP_ERROR_H
#define HEAPSNAP_ERROR_H

#if defined(__GNUC__)
#define HS_API __attribute__((visibility("default")))
#else
#define HS_API
#endif

struct hs_error {
    int code;       /* positive errno, 0 = nothing went wrong */
    char text[512]; /* one line, no newline, names the object and what to do */
};

/*
 * Record `code` (positive errno) and a printf-formatted line unless `err` holds one
 * already. `err` may be NULL. Returns -code, so that callers can `return` it.
 */
HS_API int hs_error_set(struct hs_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
