// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "heapsnap/memory.h"
#include "probes/abi.h"
#include "tests/unit/image/fake_core.h"

static uint8_t content[2 * 4096];

/* Two pages at 0x10000, of which the core has both; then one at 0x20000 that it lacks. */
static void usual_core(struct fake_core *core)
{
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    fake_core_init(core);
    fake_core_process(core, 42, "server", "server --port 1 ");
    fake_core_thread(core, 43, 0x11000);
    fake_core_thread(core, 42, 0x12000);
    fake_core_add(core, 0x10000, 8192, PF_R | PF_W, content, 8192);
    fake_core_add(core, 0x20000, 4096, PF_R, content, 0);
}

static struct hs_memory *open_written(struct fake_core *core, size_t size)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    int result = hs_memory_open_core(fake_core_write(core, size), NULL, &memory, &err);
    fake_core_remove(core);
    cr_assert(eq(int, result, 0), "%s", err.text);
    return memory;
}

Test(core, memory_of_a_core_is_read_with_and_without_a_copy)
{
    struct fake_core core;
    uint8_t copy[4096];
    usual_core(&core);

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_expect(eq(sz, hs_memory_read(memory, 0x10800, copy, sizeof(copy)), sizeof(copy)));
    cr_expect(eq(int, memcmp(copy, content + 0x800, sizeof(copy)), 0));
    const void *direct = hs_memory_direct(memory, 0x10000, 8192);
    cr_assert(direct != NULL);
    cr_expect(eq(int, memcmp(direct, content, 8192), 0));
    cr_expect(hs_memory_direct(memory, 0x10000, 8193) == NULL);
    cr_expect(hs_memory_is_whole(memory));
    cr_expect(eq(int, hs_memory_resume(memory, 1, NULL), -EOPNOTSUPP));
    hs_memory_close(memory);
}

Test(core, what_the_core_left_out_is_missing_not_zero)
{
    struct fake_core core;
    uint8_t copy[64];
    uint64_t start, end;
    usual_core(&core);
    fake_core_add(&core, 0x30000, 12288, PF_R | PF_W, content, 4096);

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_expect(eq(sz, hs_memory_read(memory, 0x20000, copy, sizeof(copy)), 0));
    cr_expect(eq(sz, hs_memory_read(memory, 0x30000 + 4096 - 16, copy, 64), 16));
    cr_expect(hs_memory_present(memory, 0x12000, 0x40000, &start, &end));
    cr_expect(eq(u64, start, 0x30000));
    cr_expect(eq(u64, end, 0x31000));
    cr_expect(not(hs_memory_present(memory, 0x31000, 0x40000, &start, &end)));
    hs_memory_close(memory);
}

Test(core, pages_behind_the_end_of_a_cut_core_are_missing)
{
    struct fake_core core;
    uint8_t copy[8192];
    usual_core(&core);

    struct hs_memory *memory = open_written(&core, 0x8000 + 4096 + 100);

    cr_expect(eq(sz, hs_memory_read(memory, 0x10000, copy, 8192), 4096 + 100));
    cr_expect(hs_memory_direct(memory, 0x11000, 101) == NULL);
    cr_expect(eq(sz, memory->n_ranges, 2));
    cr_expect(eq(sz, memory->n_threads, 2));
    hs_memory_close(memory);
}

Test(core, threads_and_names_come_from_the_notes_and_the_main_one_is_first)
{
    struct fake_core core;
    usual_core(&core);

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_expect(eq(int, memory->pid, 42));
    cr_expect(eq(str, (char *)memory->command, "server --port 1"));
    cr_assert(eq(sz, memory->n_threads, 2));
    cr_expect(eq(int, memory->threads[0].tid, 42));
    cr_expect(eq(int, memory->threads[1].tid, 43));
    cr_expect(memory->threads[0].is_stopped);
#ifdef __x86_64__
    cr_expect(eq(u64, memory->threads[0].registers[7], 0x12000));
    cr_expect(eq(u64, memory->threads[0].thread_pointer, 0x1234000));
#endif
    hs_memory_close(memory);
}

Test(core, mapped_files_have_their_names_and_offsets)
{
    struct fake_core core;
    usual_core(&core);
    fake_core_file(&core, 0x20000, 0x21000, 3, "/srv/a file");

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    const struct hs_memory_range *range = hs_memory_find(memory, 0x20800);
    cr_assert(range != NULL);
    cr_expect(eq(str, (char *)range->path, "/srv/a file"));
    cr_expect(eq(u64, range->file_offset, 3 * 4096));
    cr_expect(eq(u32, range->flags, HS_BLOCK_READ | HS_BLOCK_FILE));
    cr_expect(eq(str, (char *)hs_memory_find(memory, 0x10000)->path, ""));
    cr_expect(hs_memory_find(memory, 0x15000) == NULL);
    hs_memory_close(memory);
}

Test(core, more_headers_than_the_header_can_count_are_found)
{
    struct fake_core core;
    usual_core(&core);
    core.has_many = true;

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_expect(eq(sz, memory->n_ranges, 2));
    hs_memory_close(memory);
}

Test(core, overlapping_mappings_are_disjoint_afterwards)
{
    struct fake_core core;
    usual_core(&core);
    fake_core_add(&core, 0x11000, 8192, PF_R, content, 8192);
    fake_core_add(&core, 0x7ffffffffffff000, 1ull << 62, PF_R, content, 16);
    fake_core_add(&core, UINT64_MAX - 4095, 4096, PF_R, content, 16);

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_assert(eq(sz, memory->n_ranges, 2));
    cr_expect(eq(u64, memory->ranges[0].end, 0x12000));
    cr_expect(eq(u64, memory->ranges[1].start, 0x20000));
    hs_memory_close(memory);
}

struct code_of_libc {
    uint64_t start, end; /* of the segment of code */
    uint64_t base;
    char path[256];
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *context)
{
    struct code_of_libc *ret = context;
    (void)size;
    if (!strstr(info->dlpi_name, "libc.so"))
        return 0;
    ret->base = info->dlpi_addr;
    strncpy(ret->path, info->dlpi_name, sizeof(ret->path) - 1);
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            ret->start = info->dlpi_phdr[i].p_vaddr & ~(uint64_t)4095;
            ret->end = (ret->start + info->dlpi_phdr[i].p_memsz) & ~(uint64_t)4095;
        }
    return 1;
}

/* libc as the kernel dumps it: its first page, and of its code nothing but the place. */
static void add_libc(struct fake_core *core, const struct code_of_libc *libc)
{
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)libc->base;
    const Elf64_Phdr *headers = (const Elf64_Phdr *)(libc->base + elf->e_phoff);
    for (int i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type != PT_LOAD)
            continue;
        uint64_t page = headers[i].p_vaddr & ~(uint64_t)4095;
        uint64_t end = (headers[i].p_vaddr + headers[i].p_memsz + 4095) & ~(uint64_t)4095;
        fake_core_add(core, libc->base + page, end - page, headers[i].p_flags,
                      (const void *)libc->base, i == 0 || page == 0 ? 4096 : 0);
        fake_core_file(core, libc->base + page, end - page + libc->base + page,
                       (headers[i].p_offset & ~(uint64_t)4095) / 4096, libc->path);
    }
}

Test(core, left_out_pages_of_a_module_come_from_its_file)
{
    struct fake_core core;
    struct code_of_libc libc = {0};
    uint8_t copy[65536];
    dl_iterate_phdr(find_libc, &libc);
    usual_core(&core);
    add_libc(&core, &libc);

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_assert(eq(sz, memory->n_modules, 1));
    cr_expect(eq(u64, memory->modules[0].start, libc.base));
    cr_expect(eq(u64, memory->modules[0].bias, libc.base));
    cr_expect(eq(u8, memory->modules[0].build_id_size, 20));
    uint64_t code = libc.base + libc.start;
    cr_expect(eq(sz, hs_memory_read(memory, code, copy, sizeof(copy)), sizeof(copy)));
    cr_expect(eq(int, memcmp(copy, (const void *)code, sizeof(copy)), 0));
    hs_memory_close(memory);
}

Test(core, a_file_with_another_build_id_gives_no_pages)
{
    static uint8_t page[4096];
    struct fake_core core;
    struct code_of_libc libc = {0};
    uint8_t copy[64];
    dl_iterate_phdr(find_libc, &libc);
    usual_core(&core);
    add_libc(&core, &libc);
    memcpy(page, (const void *)libc.base, sizeof(page));
    uint8_t *note = memmem(page, sizeof(page), "GNU\0", 4);
    while (note && memcmp(note - 4, "\3\0\0\0", 4) != 0)
        note = memmem(note + 4, (size_t)(page + sizeof(page) - note - 4), "GNU\0", 4);
    cr_assert(note != NULL);
    note[4] ^= 1;
    core.contents[2] = page;

    struct hs_memory *memory = open_written(&core, SIZE_MAX);

    cr_assert(eq(sz, memory->n_modules, 1));
    uint64_t code = libc.base + libc.start;
    cr_expect(eq(sz, hs_memory_read(memory, code, copy, sizeof(copy)), 0));
    hs_memory_close(memory);
}

Test(core, another_program_than_the_cores_is_refused)
{
    struct fake_core core;
    struct code_of_libc libc = {0};
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    dl_iterate_phdr(find_libc, &libc);
    usual_core(&core);
    add_libc(&core, &libc);
    const uint64_t auxv[] = {AT_PHDR, libc.base + 64, AT_NULL, 0};
    fake_core_note(&core, "CORE", NT_AUXV, auxv, sizeof(auxv));
    const char *path = fake_core_write(&core, SIZE_MAX);

    int other = hs_memory_open_core(path, "/proc/self/exe", &memory, &err);
    int same = hs_memory_open_core(path, libc.path, &memory, NULL);

    cr_expect(eq(int, other, -EINVAL));
    cr_expect(strstr(err.text, "is not the program that the core is of") != NULL);
    cr_expect(eq(int, same, 0));
    cr_expect(memory->modules[0].is_executable);
    cr_expect(eq(str, (char *)memory->executable, libc.path));
    hs_memory_close(memory);
    fake_core_remove(&core);
}

static int open_changed(struct fake_core *core, size_t size, struct hs_error *err)
{
    struct hs_memory *memory = NULL;
    int result = hs_memory_open_core(fake_core_write(core, size), NULL, &memory, err);
    fake_core_remove(core);
    hs_memory_close(memory);
    return result;
}

Test(core, what_is_no_core_is_refused_by_name)
{
    struct fake_core core;
    struct hs_error program = {0}, machine = {0}, packed = {0}, cut = {0}, empty = {0};
    struct hs_error missing = {0}, unnamed = {0};
    struct hs_memory *memory = NULL;
    usual_core(&core);

    core.elf.e_type = ET_DYN;
    cr_expect(eq(int, open_changed(&core, SIZE_MAX, &program), -ENOEXEC));
    cr_expect(strstr(program.text, "no core file but a program") != NULL);
    core.elf.e_type = ET_CORE;
    core.elf.e_machine = EM_S390;
    cr_expect(eq(int, open_changed(&core, SIZE_MAX, &machine), -ENOEXEC));
    cr_expect(strstr(machine.text, "another kind of machine") != NULL);
    memcpy(core.elf.e_ident, "\x28\xb5\x2f\xfd", 4);
    cr_expect(eq(int, open_changed(&core, SIZE_MAX, &packed), -ENOEXEC));
    cr_expect(strstr(packed.text, "unpack it with zstd") != NULL);
    usual_core(&core);
    cr_expect(eq(int, open_changed(&core, 40, &cut), -EINVAL));
    cr_expect(eq(int, open_changed(&core, 100, &empty), -EINVAL));
    size_t headers = sizeof(Elf64_Ehdr) + (core.n_loads + 1) * sizeof(Elf64_Phdr);
    cr_expect(eq(int, open_changed(&core, headers, &unnamed), -EINVAL));
    cr_expect(strstr(unnamed.text, "cut off before its end") != NULL);
    cr_expect(eq(int, hs_memory_open_core("/dev/null", NULL, &memory, NULL), -ENOEXEC));
    cr_expect(eq(int, hs_memory_open_core("/nowhere", NULL, &memory, &missing), -ENOENT));
    cr_expect(strstr(missing.text, "/nowhere") != NULL);
}
