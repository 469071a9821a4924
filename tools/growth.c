// SPDX-License-Identifier: MIT

/*
 * Stack ids never change their meaning while a process is tracked (the trie only grows), so
 * per-stack numbers of different captures may be subtracted, and the name found for a
 * stack stays true.
 */

#include "tools/growth.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/symbols.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "probes/abi.h"

/* As in hs_threshold: less growth than this never crosses a percentage. */
#define PERCENT_LEAST_GROWTH 4096

HS_DEFINE_GUARD(guard_symbols, struct hs_symbols *, hs_symbols_destroy)

struct site {
    char *name;
    struct hs_growth growth;
    uint32_t stack; /* that grew most */
    uint64_t stack_growth;
};

struct stack {
    uint64_t base_bytes, base_count; /* compared against */
    uint64_t bytes, count;           /* now */
    struct site *site;               /* NULL: not named yet */
};

struct hs_site_growth {
    HS_ARRAY(struct stack) stacks; /* by stack id */
    HS_ARRAY(struct site *) sites;
    void *by_name;       /* the same sites, a tree of search.h */
    uint64_t start_time; /* of tracking: stack ids mean something since then */
};

static int no_memory(struct hs_error *err)
{
    return hs_error_set(err, ENOMEM, "no memory to compare sites");
}

/* Tracking has just begun, or was turned off and on again. */
static void compare_with_now(struct hs_site_growth *growth)
{
    for (size_t i = 0; i < growth->stacks.count; i++) {
        struct stack *stack = &growth->stacks.at[i];
        stack->base_bytes = stack->bytes;
        stack->base_count = stack->count;
        stack->site = NULL;
    }
}

/* The totals of `capture` into bytes and count of each stack. */
static int take_totals(struct hs_site_growth *growth, const struct hs_capture *capture,
                       struct hs_error *err)
{
    while (growth->stacks.count < capture->n_frames)
        if (!hs_array_push(&growth->stacks, (struct stack){0}))
            return no_memory(err);
    for (size_t i = 0; i < growth->stacks.count; i++)
        growth->stacks.at[i].bytes = growth->stacks.at[i].count = 0;
    for (size_t i = 0; i < capture->n_totals; i++) {
        struct stack *stack = &growth->stacks.at[capture->totals[i].stack];
        stack->bytes += capture->totals[i].bytes;
        stack->count += capture->totals[i].count;
    }
    if (growth->start_time != capture->header->start_time)
        compare_with_now(growth);
    growth->start_time = capture->header->start_time;
    return 0;
}

int hs_site_growth_create(const struct hs_capture *capture, struct hs_site_growth **ret,
                          struct hs_error *err)
{
    struct hs_site_growth *growth = calloc(1, sizeof(*growth));
    if (!growth)
        return no_memory(err);
    int result = take_totals(growth, capture, err);
    if (result != 0) {
        hs_site_growth_destroy(growth);
        return result;
    }
    *ret = growth;
    return 0;
}

static void forget_node(void *node)
{
    (void)node; /* the array owns the site */
}

void hs_site_growth_destroy(struct hs_site_growth *growth)
{
    if (!growth)
        return;
    tdestroy(growth->by_name, forget_node);
    for (size_t i = 0; i < growth->sites.count; i++) {
        free(growth->sites.at[i]->name);
        free(growth->sites.at[i]);
    }
    free(growth->sites.at);
    free(growth->stacks.at);
    free(growth);
}

/* Could any site have crossed? All growth together is the most that one can have. */
static bool is_worth_naming(const struct hs_site_growth *growth,
                            const struct hs_threshold *threshold)
{
    uint64_t bytes = 0, count = 0;
    for (size_t i = 0; i < growth->stacks.count; i++) {
        const struct stack *stack = &growth->stacks.at[i];
        if (stack->bytes > stack->base_bytes)
            bytes += stack->bytes - stack->base_bytes;
        if (stack->count > stack->base_count)
            count += stack->count - stack->base_count;
    }
    return (threshold->has_bytes && bytes >= threshold->bytes)
           || (threshold->has_objects && count >= threshold->objects)
           || (threshold->has_percent && bytes >= PERCENT_LEAST_GROWTH);
}

static int by_name(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* The site called `name`, made on first sight; NULL without memory. */
static struct site *site_named(struct hs_site_growth *growth, const char *name)
{
    struct site wanted = {.name = (char *)name};
    struct site **found = tfind(&wanted, &growth->by_name, by_name);
    if (found)
        return *found;
    struct site *site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    site->name = strdup(name);
    if (!site->name || !hs_array_push(&growth->sites, site)) {
        free(site->name);
        free(site);
        return NULL;
    }
    return tsearch(site, &growth->by_name, by_name) ? site : NULL;
}

static int name_stacks(struct hs_site_growth *growth, struct hs_symbols *symbols,
                       struct hs_error *err)
{
    for (size_t i = 0; i < growth->stacks.count; i++) {
        struct stack *stack = &growth->stacks.at[i];
        if (stack->site || (stack->count == 0 && stack->base_count == 0))
            continue;
        stack->site = site_named(growth, hs_symbols_site(symbols, (uint32_t)i));
        if (!stack->site)
            return no_memory(err);
    }
    return 0;
}

static void add_up(struct hs_site_growth *growth)
{
    for (size_t i = 0; i < growth->sites.count; i++) {
        struct site *site = growth->sites.at[i];
        site->growth = (struct hs_growth){.name = site->name};
        site->stack_growth = 0;
        site->stack = HS_STACK_UNKNOWN;
    }
    for (size_t i = 0; i < growth->stacks.count; i++) {
        const struct stack *stack = &growth->stacks.at[i];
        struct site *site = stack->site;
        if (!site)
            continue;
        site->growth.bytes_before += stack->base_bytes;
        site->growth.count_before += stack->base_count;
        site->growth.bytes_after += stack->bytes;
        site->growth.count_after += stack->count;
        if (stack->bytes > stack->base_bytes
            && stack->bytes - stack->base_bytes > site->stack_growth) {
            site->stack_growth = stack->bytes - stack->base_bytes;
            site->stack = (uint32_t)i;
        }
    }
}

static int by_growth(const void *left, const void *right)
{
    const struct site *a = *(struct site *const *)left, *b = *(struct site *const *)right;
    int64_t a_grew = (int64_t)(a->growth.bytes_after - a->growth.bytes_before);
    int64_t b_grew = (int64_t)(b->growth.bytes_after - b->growth.bytes_before);
    return (a_grew < b_grew) - (a_grew > b_grew);
}

static void start_again(struct hs_site_growth *growth, const struct site *site)
{
    for (size_t i = 0; i < growth->stacks.count; i++) {
        struct stack *stack = &growth->stacks.at[i];
        if (stack->site != site)
            continue;
        stack->base_bytes = stack->bytes;
        stack->base_count = stack->count;
    }
}

int hs_site_growth_check(struct hs_site_growth *growth, const struct hs_capture *capture,
                         const struct hs_threshold *threshold, hs_site_report report,
                         void *context, struct hs_error *err)
{
    int result = take_totals(growth, capture, err);
    if (result != 0 || !is_worth_naming(growth, threshold))
        return result;
    hs_auto(guard_symbols) struct hs_symbols *symbols = NULL;
    result = hs_symbols_create(capture, &symbols, err);
    if (result == 0)
        result = name_stacks(growth, symbols, err);
    if (result != 0)
        return result;
    add_up(growth);
    if (growth->sites.count > 0)
        qsort(growth->sites.at, growth->sites.count, sizeof(*growth->sites.at),
              by_growth);
    for (size_t i = 0; i < growth->sites.count; i++) {
        struct site *site = growth->sites.at[i];
        char reason[256];
        if (!hs_threshold_crossed(threshold, &site->growth, reason, sizeof(reason)))
            continue;
        site->growth.stack = hs_symbols_stack_text(symbols, site->stack);
        start_again(growth, site);
        if (!report(&site->growth, reason, context))
            break;
    }
    return 0;
}
