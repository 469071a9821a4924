// SPDX-License-Identifier: MIT

/*
 * System calls without libc: no errno, no cancellation point, no interposed name.
 *
 * Everything in the shim that may run in a signal handler, in the frozen image or before
 * libc is ready goes through here. Results are the kernel's: negative errno on failure.
 * Async-signal-safe, thread-safe.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_RAW_H
#define HEAPSNAP_PROBES_TRACKER_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long hs_raw_syscall6(long number, long a, long b, long c, long d, long e,
                                   long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "heapsnap's shim knows x86-64 and aarch64"
#endif
}

#define HS_RAW_PICK_(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define HS_RAW_0_(n) hs_raw_syscall6((n), 0, 0, 0, 0, 0, 0)
#define HS_RAW_1_(n, a) hs_raw_syscall6((n), (long)(a), 0, 0, 0, 0, 0)
#define HS_RAW_2_(n, a, b) hs_raw_syscall6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define HS_RAW_3_(n, a, b, c) \
    hs_raw_syscall6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define HS_RAW_4_(n, a, b, c, d) \
    hs_raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define HS_RAW_5_(n, a, b, c, d, e) \
    hs_raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define HS_RAW_6_(n, a, b, c, d, e, f) \
    hs_raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* hs_raw(SYS_read, fd, buffer, size) */
#define hs_raw(...)                                                                  \
    HS_RAW_PICK_(__VA_ARGS__, HS_RAW_6_, HS_RAW_5_, HS_RAW_4_, HS_RAW_3_, HS_RAW_2_, \
                 HS_RAW_1_, HS_RAW_0_, )                                             \
    (__VA_ARGS__)

/*
 * Anonymous private memory of the shim's own, zeroed; NULL when there is none. Counted
 * in hs_control.tracker_bytes (what is mapped, not what is touched), never scanned.
 */
void *hs_raw_map(size_t size);
void hs_raw_unmap(void *memory, size_t size);

/*
 * For tables that grow with the program: what they touch counts against the limit of the
 * option memory=. A reservation asks before it touches a page for the first time; false
 * or NULL: that would be too much.
 */
void *hs_raw_map_used(size_t size);
void hs_raw_unmap_used(void *memory, size_t size);
bool hs_raw_use(size_t size);
void hs_raw_unuse(size_t size);

#endif
