// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/patch/entry.h"
#include "probes/tracker/module_table.h"

hs_entry_function begins_plainly, begins_with_a_mark, begins_with_data,
    begins_with_a_compare, begins_with_a_branch, begins_with_a_jump, begins_with_a_call,
    begins_with_its_end, begins_with_a_loop, begins_strangely, begins_too_late_for_a_jump;

static uint64_t hooked_calls;

/* Whatever the real function makes of it, plus 1000. */
static uint64_t hook(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                     const struct hs_entry *entry)
{
    hooked_calls++;
    return entry->real(a, b, c, d, e) + 1000;
}

static void fill(struct hs_entry *entry, hs_entry_function *function)
{
    *entry = (struct hs_entry){.function = (uint64_t)(uintptr_t)function, .hook = hook};
}

/* What /proc/self/maps says of the page of `address`. */
static void protection_of(const void *address, char ret[8])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    strcpy(ret, "none");
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        char letters[8];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, letters) == 3
            && (unsigned long)address >= start && (unsigned long)address < end)
            strcpy(ret, letters);
    }
    fclose(maps);
}

static void modules_init(void)
{
    hs_modules_init();
}

TestSuite(entry, .init = modules_init);

Test(entry, every_way_to_begin_goes_through_the_hook_and_works_as_before)
{
    static hs_entry_function *const functions[] = {
        begins_plainly,        begins_with_a_mark,   begins_with_data,
        begins_with_a_compare, begins_with_a_branch,
    };
    enum { COUNT = sizeof(functions) / sizeof(functions[0]) };
    static struct hs_entry entries[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        fill(&entries[i], functions[i]);

    const char *why = hs_entries_patch(entries, COUNT);

    cr_assert(eq(ptr, (void *)why, NULL), "%s", why);
    for (size_t i = 0; i < COUNT; i++)
        for (uint64_t value = 0; value < 3; value++)
            cr_expect(eq(u64, functions[i](value, 0, 0, 0, 0), value + 1001), "%zu", i);
    cr_expect(eq(u64, hooked_calls, 3 * COUNT));
}

Test(entry, jumps_and_calls_in_the_first_bytes_still_reach_their_target)
{
    static struct hs_entry entries[3];
    fill(&entries[0], begins_with_a_jump);
    fill(&entries[1], begins_with_a_call);
    fill(&entries[2], begins_with_its_end);

    const char *why = hs_entries_patch(entries, 3);

    cr_assert(eq(ptr, (void *)why, NULL), "%s", why);
    cr_expect(eq(u64, begins_with_a_jump(5, 0, 0, 0, 0), 1006));
    cr_expect(eq(u64, begins_with_a_call(5, 0, 0, 0, 0), 1006));
    begins_with_its_end(5, 0, 0, 0, 0);
    cr_expect(eq(u64, hooked_calls, 3));
}

Test(entry, all_arguments_arrive)
{
    static struct hs_entry entry;
    fill(&entry, begins_plainly);

    hs_entries_patch(&entry, 1);

    cr_expect(eq(u64, entry.real(41, 2, 3, 4, 5), 42));
    cr_expect(eq(u64, begins_plainly(41, 2, 3, 4, 5), 1042));
}

Test(entry, what_cannot_be_moved_leaves_all_others_alone)
{
    static hs_entry_function *const bad[] = {begins_with_a_loop, begins_strangely,
                                             begins_too_late_for_a_jump};
    uint8_t before[16];
    memcpy(before, (void *)begins_plainly, sizeof(before));

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        static struct hs_entry entries[2];
        fill(&entries[0], begins_plainly);
        fill(&entries[1], bad[i]);
        cr_expect(hs_entries_patch(entries, 2) != NULL, "%zu was changed", i);
    }

    cr_expect(eq(int, memcmp(before, (void *)begins_plainly, sizeof(before)), 0));
    cr_expect(eq(u64, begins_plainly(1, 0, 0, 0, 0), 2));
}

Test(entry, pages_are_protected_as_before)
{
    static struct hs_entry entry;
    char before[8], after[8];
    fill(&entry, begins_plainly);
    protection_of((void *)begins_plainly, before);

    hs_entries_patch(&entry, 1);
    protection_of((void *)begins_plainly, after);

    cr_expect(eq(str, after, before));
    cr_expect(eq(u64, begins_plainly(1, 0, 0, 0, 0), 1002));
}

/* As systemd's MemoryDenyWriteExecute: no mprotect that asks for execution. */
static bool forbid_making_code(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

Test(entry, where_code_must_not_be_made_nothing_changes)
{
    static struct hs_entry entry;
    char before[8], after[8];
    fill(&entry, begins_plainly);
    protection_of((void *)begins_plainly, before);
    if (!forbid_making_code())
        cr_skip_test("no seccomp here");

    const char *why = hs_entries_patch(&entry, 1);
    protection_of((void *)begins_plainly, after);

    cr_expect(why != NULL);
    cr_expect(eq(str, after, before));
    cr_expect(eq(u64, begins_plainly(1, 0, 0, 0, 0), 2));
}
