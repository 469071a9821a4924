// SPDX-License-Identifier: MIT

/*
 * Which of a stopped thread's registers may hold a pointer.
 *
 * The vector registers of a thread that waits in the kernel are stale: no function has to
 * preserve them on x86-64, so whoever called libc has given up what was in them, and a
 * pointer left behind there would hide a leak for as long as the thread sleeps. The
 * registers of a thread that computes may hold the only copy of one (memcpy).
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"

#define VECTOR_NUMBER 64 /* vector state is named as registers from here on */

static int add(const struct hs_slot *slot, uint32_t owner, uint64_t offset, uint64_t size)
{
    struct hs_root_range *root = hs_vector_push(&hs_image.roots, 1);
    if (!root)
        return -ENOMEM;
    *root = (struct hs_root_range){
        .start = VECTOR_NUMBER * 8 + offset,
        .end = VECTOR_NUMBER * 8 + offset + size,
        .memory = (const char *)slot->vector + offset,
        .kind = HS_ROOT_REGISTERS,
        .owner = owner,
    };
    return 0;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Intel SDM 1, 13.4: the legacy region, the header, the components beyond. The kernel
 * keeps words of its own in the legacy region's last bytes. */
#define X87_OFFSET 32
#define X87_SIZE 128
#define SSE_OFFSET 160
#define SSE_SIZE 256
#define LEGACY_SIZE 512
#define HEADER_SIZE 64
#define FIRST_EXTENDED 2
#define PROTECTION_KEYS 9
#define COMPONENTS 63

/* Is libc or the loader mapped at `address`? */
static bool is_of_libc(uint64_t address)
{
    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    uint64_t libc = (uint64_t)(uintptr_t)hs_known.libc;
    for (uint64_t i = 0; i < hs_image.modules.count; i++) {
        const struct hs_capture_module *module = &modules[i];
        if (module->flags & HS_MODULE_UNLOADED || address < module->start
            || address >= module->end)
            continue;
        return module->flags & HS_MODULE_LOADER
               || (libc >= module->start && libc < module->end);
    }
    return false;
}

static bool is_syscall_of_libc(uint64_t at)
{
    static const uint8_t instruction[] = {0x0f, 0x05};
    const struct hs_range *range = hs_maps_find(&hs_image.maps, at);
    return range && range->start <= at && at + sizeof(instruction) <= range->end
           && range->flags & HS_BLOCK_READ && is_of_libc(at)
           && memcmp((const void *)(uintptr_t)at, instruction, sizeof(instruction)) == 0;
}

/* Behind the instruction, or at it when the call is to be made again after the signal. */
static bool is_in_system_call(const struct hs_slot *slot)
{
    uint64_t ip = slot->registers[HS_MACHINE_IP];
    return is_syscall_of_libc(ip - 2) || is_syscall_of_libc(ip);
}

/* What is not in use is not written either: the frame has old stack there. */
static int add_vector(const struct hs_slot *slot, uint32_t owner)
{
    uint64_t in_use = 3;
    if (is_in_system_call(slot))
        return 0;
    if (slot->vector_size >= LEGACY_SIZE + HEADER_SIZE)
        memcpy(&in_use, (const char *)slot->vector + LEGACY_SIZE, sizeof(in_use));

    int err = in_use & 1 ? add(slot, owner, X87_OFFSET, X87_SIZE) : 0;
    if (err == 0 && in_use & 2)
        err = add(slot, owner, SSE_OFFSET, SSE_SIZE);
    for (unsigned i = FIRST_EXTENDED; err == 0 && i < COMPONENTS && in_use >> i; i++) {
        unsigned size, offset, unused;
        if (!(in_use >> i & 1) || i == PROTECTION_KEYS)
            continue;
        __cpuid_count(0xd, i, size, offset, unused, unused);
        if (offset >= LEGACY_SIZE + HEADER_SIZE
            && (uint64_t)offset + size <= slot->vector_size)
            err = add(slot, owner, offset, size);
    }
    return err;
}
#else
/* Here the low halves of some vector registers survive a call. */
static int add_vector(const struct hs_slot *slot, uint32_t owner)
{
    return add(slot, owner, 0, slot->vector_size);
}
#endif

int hs_registers_add(const struct hs_slot *slot, uint32_t owner)
{
    struct hs_root_range *root = hs_vector_push(&hs_image.roots, 1);
    if (!root)
        return -ENOMEM;
    *root = (struct hs_root_range){.end = HS_MACHINE_REGISTERS * 8,
                                   .memory = slot->registers,
                                   .kind = HS_ROOT_REGISTERS,
                                   .owner = owner};
    return slot->vector && slot->vector_size ? add_vector(slot, owner) : 0;
}
