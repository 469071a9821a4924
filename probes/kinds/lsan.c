// SPDX-License-Identifier: MIT

/*
 * LeakSanitizer's interface, so that code annotated for it says the same to us. Where a
 * sanitizer is in the program after all, it gets the calls.
 *
 * A check asked for by the program happens only under check=1: to end a program because
 * of its leaks is nothing that tracking alone may do.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "probes/freeze/ending.h"
#include "probes/freeze/machine.h"
#include "probes/freeze/snapshot.h"
#include "probes/tracker/ignore.h"
#include "probes/tracker/next.h"
#include "probes/tracker/regions.h"
#include "probes/tracker/report.h"

void __lsan_disable(void);
void __lsan_enable(void);
void __lsan_ignore_object(const void *pointer);
void __lsan_register_root_region(const void *start, size_t size);
void __lsan_unregister_root_region(const void *start, size_t size);
void __lsan_do_leak_check(void);
int __lsan_do_recoverable_leak_check(void);

HS_NEXT(void, __lsan_disable, (void))
HS_NEXT(void, __lsan_enable, (void))
HS_NEXT(void, __lsan_ignore_object, (const void *))
HS_NEXT(void, __lsan_register_root_region, (const void *, size_t))
HS_NEXT(void, __lsan_unregister_root_region, (const void *, size_t))
HS_NEXT(void, __lsan_do_leak_check, (void))
HS_NEXT(int, __lsan_do_recoverable_leak_check, (void))

HS_EXPORT void __lsan_disable(void)
{
    if (hs_next___lsan_disable())
        hs_next___lsan_disable()();
    else
        hs_ignore_begin();
}

HS_EXPORT void __lsan_enable(void)
{
    if (hs_next___lsan_enable())
        hs_next___lsan_enable()();
    else if (!hs_ignore_end())
        hs_report("__lsan_enable() without __lsan_disable() ignored");
}

HS_EXPORT void __lsan_ignore_object(const void *pointer)
{
    if (hs_next___lsan_ignore_object())
        hs_next___lsan_ignore_object()(pointer);
    else
        hs_ignore_block((uint64_t)(uintptr_t)pointer);
}

HS_EXPORT void __lsan_register_root_region(const void *start, size_t size)
{
    if (hs_next___lsan_register_root_region())
        hs_next___lsan_register_root_region()(start, size);
    else if (!hs_region_add((uint64_t)(uintptr_t)start, size))
        hs_report("__lsan_register_root_region(0x%x, %u) ignored: no such region, or too "
                  "many",
                  (uint64_t)(uintptr_t)start, (uint64_t)size);
}

HS_EXPORT void __lsan_unregister_root_region(const void *start, size_t size)
{
    if (hs_next___lsan_unregister_root_region())
        hs_next___lsan_unregister_root_region()(start, size);
    else if (!hs_region_remove((uint64_t)(uintptr_t)start, size))
        hs_report(
            "__lsan_unregister_root_region(0x%x, %u) ignored: it was not registered",
            (uint64_t)(uintptr_t)start, (uint64_t)size);
}

/* From the caller's frame on; see ending.c. */
#define CHECK_NOW()                                                               \
    ({                                                                            \
        struct hs_slot own_;                                                      \
        hs_snapshot_fill_own(&own_, NULL);                                        \
        own_.registers[HS_MACHINE_SP] =                                           \
            (uint64_t)(uintptr_t)__builtin_frame_address(0) + sizeof(void *) * 2; \
        own_.registers[HS_MACHINE_IP] =                                           \
            (uint64_t)(uintptr_t)__builtin_return_address(0);                     \
        own_.is_at_call = true;                                                   \
        hs_ending_check(&own_);                                                   \
    })

HS_EXPORT void __lsan_do_leak_check(void)
{
    static bool is_done;
    if (hs_next___lsan_do_leak_check()) {
        hs_next___lsan_do_leak_check()();
        return;
    }
    if (__atomic_exchange_n(&is_done, true, __ATOMIC_ACQ_REL))
        return;
    int status = CHECK_NOW();
    hs_ending_check_no_more();
    if (status > 0)
        _exit(status);
}

HS_EXPORT int __lsan_do_recoverable_leak_check(void)
{
    if (hs_next___lsan_do_recoverable_leak_check())
        return hs_next___lsan_do_recoverable_leak_check()();
    return CHECK_NOW() > 0;
}
