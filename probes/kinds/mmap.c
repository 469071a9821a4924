// SPDX-License-Identifier: MIT

/*
 * Memory the program maps itself.
 *
 * What the allocator maps is not the program's: a call that comes while the guard is held
 * (from inside the real malloc) is recorded as the allocator's, and so is one whose caller
 * lies in the allocator's own module (its constructor, its background threads). The table
 * needs no guard.
 *
 * A range is forgotten before the real munmap or mremap, and a new one recorded after the
 * real call, because in between the addresses may be given to another thread.
 */

#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/modules.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"

HS_NEXT(void *, mmap,
        (void *hint, size_t size, int protection, int flags, int fd, off_t offset))
#ifdef __GLIBC__
HS_NEXT(void *, mmap64,
        (void *hint, size_t size, int protection, int flags, int fd, __off64_t offset))
#endif
HS_NEXT(int, munmap, (void *address, size_t size))
HS_NEXT(void *, mremap,
        (void *address, size_t old_size, size_t size, int flags, void *target))
HS_NEXT(void *, shmat, (int id, const void *hint, int flags))
HS_NEXT(int, shmdt, (const void *address))
HS_NEXT(void *, malloc, (size_t size))

static uint64_t page_size;
static uint32_t allocator_module = UINT32_MAX;

/* These may be called where the loader must not be asked. */
__attribute__((constructor)) static void resolve_all(void)
{
    (void)hs_next_mmap();
#ifdef __GLIBC__
    (void)hs_next_mmap64();
#endif
    (void)hs_next_munmap();
    (void)hs_next_mremap();
    (void)hs_next_shmat();
    (void)hs_next_shmdt();
    page_size = getauxval(AT_PAGESZ);
    if (hs_switch_is_armed())
        allocator_module = hs_module_find((uint64_t)(uintptr_t)hs_next_malloc());
}

/* Enter the guard when mappings are tracked and it is this process that calls. */
static bool begin(void)
{
    if (!hs_options.track_mmap || page_size == 0 || !hs_guard_enter())
        return false;
    if (hs_tracker_is_this_process())
        return true;
    hs_guard_leave();
    return false;
}

/* After begin() said no: because this thread is inside the real malloc, or a hook? */
static bool is_inside(void)
{
    return hs_options.track_mmap && page_size != 0 && hs_guard_word != 0
           && hs_tracker_is_on() && hs_tracker_is_this_process();
}

static bool is_allocator(void *caller)
{
    return allocator_module != UINT32_MAX
           && hs_module_find((uint64_t)(uintptr_t)caller) == allocator_module;
}

static uint64_t whole_pages(size_t size)
{
    return (size + page_size - 1) & ~(page_size - 1);
}

/* Record [address, +size), which `caller` got from the kernel; keeps errno. */
static void record(void *address, size_t size, uint32_t flags, void *caller,
                   void *hook_frame)
{
    int saved_errno = errno;
    uint64_t start = (uint64_t)(uintptr_t)address;
    if (begin()) {
        if (is_allocator(caller))
            hs_mapping_add(start, whole_pages(size), HS_MAPPING_OF_ALLOCATOR,
                           HS_STACK_UNKNOWN);
        else
            hs_mapping_add(start, whole_pages(size), flags, hs_stack_capture(hook_frame));
        hs_guard_leave();
    } else if (is_inside()) {
        hs_mapping_add(start, whole_pages(size), HS_MAPPING_OF_ALLOCATOR,
                       HS_STACK_UNKNOWN);
    }
    errno = saved_errno;
}

/* Forget a range; true: `ret` can be put back. What the kernel refuses is not touched. */
static bool forget(void *address, size_t size, struct hs_mapping *ret)
{
    uint64_t start = (uint64_t)(uintptr_t)address;
    int saved_errno = errno;
    bool known = false;
    if (size > 0 && begin()) {
        if ((start & (page_size - 1)) == 0)
            known = hs_mapping_remove(start, whole_pages(size), ret);
        hs_guard_leave();
    } else if (size > 0 && is_inside() && (start & (page_size - 1)) == 0) {
        hs_mapping_remove(start, whole_pages(size), NULL);
    }
    errno = saved_errno;
    return known;
}

static void put_back(const struct hs_mapping *mapping)
{
    int saved_errno = errno;
    if (begin()) {
        hs_mapping_restore(mapping);
        hs_guard_leave();
    }
    errno = saved_errno;
}

static uint32_t flags_of(int flags)
{
    bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;
    return (is_private ? 0 : HS_BLOCK_SHARED)
           | (flags & MAP_ANONYMOUS ? 0 : HS_BLOCK_FILE);
}

static void replace(void *hint, size_t size, int flags)
{
    if (flags & MAP_FIXED)
        hs_rules_unmap((uint64_t)(uintptr_t)hint, size);
}

HS_EXPORT void *mmap(void *hint, size_t size, int protection, int flags, int fd,
                     off_t offset)
{
    replace(hint, size, flags);
    void *address = hs_next_mmap()(hint, size, protection, flags, fd, offset);
    if (address != MAP_FAILED)
        record(address, size, flags_of(flags), __builtin_return_address(0),
               __builtin_frame_address(0));
    return address;
}

#ifdef __GLIBC__
HS_EXPORT void *mmap64(void *hint, size_t size, int protection, int flags, int fd,
                       __off64_t offset)
{
    replace(hint, size, flags);
    void *address = hs_next_mmap64()(hint, size, protection, flags, fd, offset);
    if (address != MAP_FAILED)
        record(address, size, flags_of(flags), __builtin_return_address(0),
               __builtin_frame_address(0));
    return address;
}
#endif

HS_EXPORT int munmap(void *address, size_t size)
{
    struct hs_mapping gone;
    bool known = forget(address, size, &gone);
    hs_rules_unmap((uint64_t)(uintptr_t)address, size);
    int result = hs_next_munmap()(address, size);
    if (result < 0 && known) /* no room to split the kernel's own entry */
        put_back(&gone);
    return result;
}

/* With an old size of zero the old range stays as a second view of the same memory, with
 * MREMAP_DONTUNMAP as an empty one. */
static bool leaves_old(size_t old_size, int flags)
{
    return old_size == 0 || flags & MREMAP_DONTUNMAP;
}

static uint32_t flags_at(void *address)
{
    struct hs_mapping mapping;
    bool known = hs_mapping_find((uint64_t)(uintptr_t)address, &mapping);
    return known ? mapping.flags & ~HS_MAPPING_OF_ALLOCATOR : 0;
}

HS_EXPORT void *mremap(void *address, size_t old_size, size_t size, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    void *target =
        va_arg(rest, void *); /* looked at only with MREMAP_FIXED or DONTUNMAP */
    va_end(rest);

    hs_rules_unmap((uint64_t)(uintptr_t)address, old_size);
    uint32_t kind = flags_at(address);
    struct hs_mapping gone;
    bool known = !leaves_old(old_size, flags) && forget(address, old_size, &gone);
    void *result = hs_next_mremap()(address, old_size, size, flags, target);
    if (result != MAP_FAILED)
        record(result, size, kind, __builtin_return_address(0),
               __builtin_frame_address(0));
    else if (known)
        put_back(&gone);
    return result;
}

/* The kernel knows the size of a segment; asking for it may be forbidden. */
HS_EXPORT void *shmat(int id, const void *hint, int flags)
{
    void *address = hs_next_shmat()(id, hint, flags);
    int saved_errno = errno;
    struct shmid_ds segment;
    if (address != (void *)-1 && shmctl(id, IPC_STAT, &segment) == 0)
        record(address, segment.shm_segsz, HS_BLOCK_SHARED, __builtin_return_address(0),
               __builtin_frame_address(0));
    errno = saved_errno;
    return address;
}

HS_EXPORT int shmdt(const void *address)
{
    struct hs_mapping segment, gone;
    bool known = hs_mapping_find((uint64_t)(uintptr_t)address, &segment)
                 && segment.address == (uint64_t)(uintptr_t)address
                 && forget((void *)(uintptr_t)address, segment.size, &gone);
    int result = hs_next_shmdt()(address);
    if (result < 0 && known)
        put_back(&gone);
    return result;
}
