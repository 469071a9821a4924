// SPDX-License-Identifier: MIT

/*
 * The switch throws in an order that lets hooks run meanwhile: tables first, then the
 * words that hooks look at; and off in the opposite order. A hook looks at the words again
 * once it holds its guard, so whoever sees all guards open after hs_switch_off() knows that
 * nobody uses the tables.
 */

#include "probes/tracker/switch.h"

#include <string.h>

#include "probes/tracker/allocators.h"
#include "probes/tracker/control.h"
#include "probes/tracker/ever.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/live.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/sample.h"

uint8_t hs_heap_mode;
static bool armed;

/* glibc's smallest chunk is 32 bytes; of others we only know that they align to 8. */
static unsigned granule_shift(void)
{
    struct hs_module allocator;
    if (hs_allocators_find())
        return 3;
    void *real = hs_next_find("malloc");
    if (real && hs_module_read((uint64_t)real, &allocator)) {
        const char *slash = strrchr(allocator.path, '/');
        if (slash && strcmp(slash, "/libc.so.6") == 0)
            return 5;
    }
    return 3;
}

static void throw(enum hs_heap_mode mode)
{
    __atomic_store_n(&hs_tracking_is_on, mode != HS_HEAP_OFF, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_heap_mode, (uint8_t)mode, __ATOMIC_RELEASE);
}

bool hs_switch_is_armed(void)
{
    return __atomic_load_n(&armed, __ATOMIC_ACQUIRE);
}

void hs_switch_arm(bool is_armed)
{
    __atomic_store_n(&armed, is_armed, __ATOMIC_RELEASE);
}

bool hs_switch_on(void)
{
    bool is_sampled = hs_options.sample_rate != 0;
    hs_ever_is_on = hs_options.with_totals;
    if (!hs_intern_init())
        return false;
    if (!is_sampled && !hs_live_init(granule_shift())) {
        hs_intern_deinit();
        return false;
    }
    if (is_sampled)
        hs_sample_begin(hs_options.sample_rate);
    throw(is_sampled ? HS_HEAP_SAMPLED : HS_HEAP_EXACT);
    return true;
}

void hs_switch_off(void)
{
    throw(HS_HEAP_OFF);
}

static bool forget_stack(struct hs_thread *thread, void *context)
{
    (void)context;
    thread->memo_count = 0;
    thread->memo_is_walked = false;
    thread->bytes = thread->blocks = 0;
    return true;
}

void hs_switch_forget(void)
{
    hs_thread_each(forget_stack, NULL);
    hs_rules_renew(); /* what threads remember by node */
    hs_handle_closed_range(HS_HANDLE_FD, 0, UINT32_MAX);
    hs_mapping_remove(0, UINT64_MAX & ~(uint64_t)4095, NULL);
    hs_ever_forget();
    hs_sample_end();
    hs_live_deinit();
    hs_intern_deinit();
    hs_control->live_bytes = hs_control->live_blocks = 0;
}
