// SPDX-License-Identifier: MIT

/*
 * Finding the loader's counters in glibc's _rtld_global: the second word of its first
 * namespace counts the modules that are loaded, and some later word all that ever were.
 */

#include "probes/tracker/loads.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

#include "probes/tracker/loader.h"
#include "probes/tracker/next.h"

static const uint64_t zero;
const uint64_t *hs_loads_ever = &zero;
const uint32_t *hs_loads_present = (const uint32_t *)&zero;

#if defined(__GLIBC__)

#define WORDS_MAX 1024
static uint8_t is_candidate[WORDS_MAX / 8];

static int read_ever(struct dl_phdr_info *info, size_t size, void *context)
{
    uint64_t *ret = context;
    if (size >= offsetof(struct dl_phdr_info, dlpi_subs))
        *ret = info->dlpi_adds;
    return 1; /* the first says it */
}

static uint64_t count_ever(void)
{
    uint64_t ever = 0;
    dl_iterate_phdr(read_ever, &ever);
    return ever;
}

static uint32_t count_present(void)
{
    uint32_t count = 0;
    for (const struct link_map *map = hs_loader_modules(); map; map = map->l_next)
        count++;
    return count;
}

/* The variable and its size in words; NULL where it is not what we know. */
static const uint64_t *find_variable(size_t *ret_words)
{
    const uint64_t *variable = hs_next_find_first("_rtld_global");
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;
    if (!variable || !dladdr1(variable, &info, (void **)&symbol, RTLD_DL_SYMENT)
        || !symbol || info.dli_saddr != (void *)(uintptr_t)variable
        || *(const void *const *)variable != hs_loader_modules())
        return NULL;
    *ret_words = symbol->st_size / 8 < WORDS_MAX ? symbol->st_size / 8 : WORDS_MAX;
    return variable;
}

void hs_loads_look(void)
{
    size_t words = 0;
    const uint64_t *variable = find_variable(&words);
    uint64_t ever = count_ever();
    if (!variable || (uint32_t)variable[1] != count_present())
        return;
    for (size_t i = 2; i < words; i++)
        if (variable[i] == ever)
            is_candidate[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Of several the last: it comes behind the namespaces, which hold smaller counts. */
void hs_loads_look_again(void)
{
    size_t words = 0;
    const uint64_t *variable = find_variable(&words), *found = NULL;
    uint64_t ever = count_ever();
    if (!variable || (uint32_t)variable[1] != count_present())
        return;
    for (size_t i = 2; i < words; i++)
        if (is_candidate[i / 8] >> i % 8 & 1 && variable[i] == ever)
            found = &variable[i];
    if (!found)
        return;
    hs_loads_ever = found;
    hs_loads_present = (const uint32_t *)&variable[1];
}

#else

void hs_loads_look(void)
{
}

void hs_loads_look_again(void)
{
}

#endif
