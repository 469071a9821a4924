// SPDX-License-Identifier: MIT

/*
 * What is known of code and of handles, asked for by many threads while it changes. Run
 * under ThreadSanitizer, too.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/modules.h"
#include "probes/tracker/rules.h"

/* ---- rules ---- */

enum { PLACES = 400 };
static uint64_t places[PLACES], expected[PLACES];

static bool are_right(void)
{
    uint32_t generation = 0;
    if (!hs_rules_begin(&generation))
        return true;
    for (int i = 0; i < PLACES; i++) {
        uint64_t word = hs_rules_find(places[i], hs_rules_hash(places[i]), generation);
        if ((word ^ expected[i]) & ~HS_RULE_KEY)
            return false;
    }
    return true;
}

static void *find_rules(void *context)
{
    (void)context;
    pthread_barrier_wait(&gate);
    while (!atomic_load(&is_over))
        if (!are_right())
            return &gate;
    return are_right() ? NULL : &gate;
}

/* The generation wraps around every 256 unloadings. */
static void *unload_again_and_again(void *context)
{
    (void)context;
    for (int i = 0; i < 800; i++) {
        hs_rules_unload_begin();
        hs_rules_unload_end();
        usleep(50);
    }
    atomic_store(&is_over, true);
    return NULL;
}

Test(race_code, rules_are_right_while_libraries_are_unloaded)
{
    struct crew crew;
    pthread_t unloading;
    uint32_t generation = 0;
    hs_modules_init();
    cr_assert(hs_rules_init());
    cr_assert(hs_rules_begin(&generation));
    for (int i = 0; i < PLACES; i++) {
        places[i] = (uint64_t)(uintptr_t)qsort + 5u * (uint64_t)i;
        expected[i] = hs_rules_find(places[i], hs_rules_hash(places[i]), generation);
    }

    crew_start(&crew, THREADS, find_rules);
    pthread_create(&unloading, NULL, unload_again_and_again, NULL);
    int failed = crew_join(&crew, THREADS);
    pthread_join(unloading, NULL);

    cr_expect(eq(int, failed, 0));
}

/* ---- modules and handles ---- */

static uint32_t modules[THREADS][3];

static void *find_modules(void *context)
{
    uintptr_t thread = (uintptr_t)context;
    pthread_barrier_wait(&gate);
    modules[thread][0] = hs_module_find((uint64_t)(uintptr_t)qsort);
    modules[thread][1] = hs_module_find((uint64_t)(uintptr_t)find_modules);
    modules[thread][2] = hs_module_find((uint64_t)(uintptr_t)&gate);
    return NULL;
}

Test(race_code, a_module_is_the_same_entry_for_all_who_meet_it)
{
    struct crew crew;
    hs_modules_init();

    crew_start(&crew, THREADS, find_modules);
    crew_join(&crew, THREADS);

    for (int thread = 0; thread < THREADS; thread++) {
        cr_expect(eq(u32, modules[thread][0], modules[0][0]));
        cr_expect(eq(u32, modules[thread][1], modules[0][1]));
        cr_expect(eq(u32, modules[thread][2], modules[0][1]));
    }
    cr_expect(ne(u32, modules[0][0], modules[0][1]));
}

static void *open_and_close(void *context)
{
    int32_t first = (int32_t)(uintptr_t)context;
    pthread_barrier_wait(&gate);
    for (int round = 0; round < 50; round++)
        for (int32_t number = first; number < 2000; number += THREADS) {
            struct hs_handle handle;
            hs_handle_opened(HS_HANDLE_FD, number, "open", (uint32_t)number + 2);
            if (!hs_handle_closed(HS_HANDLE_FD, number, &handle)
                || handle.stack != (uint32_t)number + 2)
                return &gate;
        }
    return NULL;
}

static bool look_at_handle(const struct hs_handle *handle, void *context)
{
    *(uint32_t *)context += handle->stack != (uint32_t)handle->number + 2;
    return true;
}

static void *look_at_handles(void *context)
{
    while (!atomic_load(&is_over))
        hs_handle_each(look_at_handle, context);
    return NULL;
}

Test(race_code, handles_are_seen_whole_or_not_at_all)
{
    struct crew crew;
    pthread_t looking;
    uint32_t wrong = 0;

    pthread_create(&looking, NULL, look_at_handles, &wrong);
    crew_start(&crew, THREADS, open_and_close);
    int failed = crew_join(&crew, THREADS);
    atomic_store(&is_over, true);
    pthread_join(looking, NULL);

    cr_expect(eq(int, failed, 0));
    cr_expect(eq(u32, wrong, 0));
}
