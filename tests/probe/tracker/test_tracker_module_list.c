// SPDX-License-Identifier: MIT

/*
 * Our own list of modules against the loader's answers.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "probes/tracker/module_list.h"
#include "probes/tracker/rules.h"

/* Part of libc6, and needed by nobody. */
#define LIBRARY "libBrokenLocale.so.1"
#define FUNCTION "__ctype_get_mb_cur_max"

/* Without glibc's function there is nothing to compare with. */
static bool is_same(void *address)
{
    int (*find_object)(void *, struct hs_found_object *) =
        (int (*)(void *, struct hs_found_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
    struct hs_found_object ours = {0}, theirs = {0};
    if (!find_object)
        return true;
    return hs_module_list_find(address, &ours) == 0 && find_object(address, &theirs) == 0
           && ours.link_map == theirs.link_map && ours.eh_frame == theirs.eh_frame
           && ours.start == theirs.start && ours.end == theirs.end;
}

static bool is_found(void *address)
{
    struct hs_found_object found;
    return hs_module_list_find(address, &found) == 0;
}

static int compare_segments(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        char *start = (char *)(info->dlpi_addr + segment->p_vaddr);
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        cr_expect(is_same(start), "first byte of %s", info->dlpi_name);
        cr_expect(is_same(start + segment->p_memsz - 1), "last of %s", info->dlpi_name);
        ++*(int *)context;
    }
    return 0;
}

Test(module_list, knows_all_code_as_the_loader_does)
{
    int n_segments = 0;
    cr_assert(hs_module_list_init());

    dl_iterate_phdr(compare_segments, &n_segments);

    cr_expect(gt(int, n_segments, 5));
}

static int variable = 1;

Test(module_list, knows_nothing_but_code)
{
    void *block = malloc(100);
    cr_assert(hs_module_list_init());

    cr_expect(not(is_found(NULL)));
    cr_expect(not(is_found(block)));
    cr_expect(not(is_found(&block)));
    cr_expect(not(is_found(&variable)));
    cr_expect(not(is_found((void *)UINTPTR_MAX)));

    free(block);
}

Test(module_list, follows_libraries_that_come_and_go)
{
    cr_assert(hs_module_list_init());
    for (int i = 0; i < 3; i++) {
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        cr_assert(ne(ptr, library, NULL), "%s", dlerror());
        void *function = dlsym(library, FUNCTION);

        cr_expect(is_found(function));
        cr_expect(is_same(function));

        hs_rules_unload_begin();
        cr_expect(is_found(function));
        dlclose(library);
        hs_rules_unload_end();
        cr_expect(not(is_found(function)));
    }
}

Test(module_list, before_it_is_made_knows_nothing)
{
    cr_expect(not(is_found((void *)hs_module_list_find)));
}
