// SPDX-License-Identifier: MIT

/* What kind of program a file is. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heapsnap/process.h"

/* A file with these bytes; removed again at once, its name lives on in /proc/self/fd. */
static void inspect_bytes(const void *bytes, size_t size, mode_t mode,
                          struct hs_program *ret)
{
    char path[] = "/tmp/heapsnap-program-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(eq(int, (int)write(fd, bytes, size), (int)size));
    cr_assert(eq(int, fchmod(fd, mode), 0));

    int result = hs_program_inspect(path, ret, NULL);

    unlink(path);
    close(fd);
    cr_assert(eq(int, result, 0));
}

static Elf64_Ehdr own_header(void)
{
    Elf64_Ehdr elf;
    struct hs_program program;
    cr_assert(eq(int, hs_program_inspect("/proc/self/exe", &program, NULL), 0));
    FILE *self = fopen("/proc/self/exe", "rb");
    cr_assert(eq(sz, fread(&elf, sizeof(elf), 1, self), 1));
    fclose(self);
    return elf;
}

Test(program, an_ordinary_program_can_be_preloaded)
{
    struct hs_program program;

    cr_assert(eq(int, hs_program_inspect("/bin/sh", &program, NULL), 0));

    cr_expect(eq(int, program.kind, HS_PROGRAM_DYNAMIC));
    cr_expect(not(program.is_set_id));
}

Test(program, a_program_without_an_interpreter_is_static)
{
    Elf64_Ehdr elf = own_header();
    struct hs_program program;
    elf.e_phnum = 0;

    inspect_bytes(&elf, sizeof(elf), 0755, &program);

    cr_expect(eq(int, program.kind, HS_PROGRAM_STATIC));
}

Test(program, another_machine_and_32_bits_are_foreign)
{
    Elf64_Ehdr elf = own_header();
    struct hs_program program;

    elf.e_machine = EM_S390;
    inspect_bytes(&elf, sizeof(elf), 0755, &program);
    cr_expect(eq(int, program.kind, HS_PROGRAM_FOREIGN));

    elf = own_header();
    elf.e_ident[EI_CLASS] = ELFCLASS32;
    inspect_bytes(&elf, sizeof(elf), 0755, &program);
    cr_expect(eq(int, program.kind, HS_PROGRAM_FOREIGN));

    inspect_bytes(ELFMAG, SELFMAG, 0755, &program);
    cr_expect(eq(int, program.kind, HS_PROGRAM_FOREIGN));
}

Test(program, program_headers_beyond_the_file_are_no_interpreter)
{
    Elf64_Ehdr elf = own_header();
    struct hs_program program;
    elf.e_phoff = UINT64_MAX - 8;

    inspect_bytes(&elf, sizeof(elf), 0755, &program);

    cr_expect(eq(int, program.kind, HS_PROGRAM_STATIC));
}

Test(program, a_script_names_its_interpreter)
{
    struct hs_program program;

    inspect_bytes("#! /usr/bin/env python3\nx", 25, 0755, &program);
    cr_expect(eq(int, program.kind, HS_PROGRAM_SCRIPT));
    cr_expect(eq(str, program.interpreter, "/usr/bin/env"));

    inspect_bytes("#!", 2, 0755, &program);
    cr_expect(eq(int, program.kind, HS_PROGRAM_UNKNOWN));
    cr_expect(eq(str, program.interpreter, ""));
}

Test(program, set_id_bits_are_seen)
{
    struct hs_program program;

    inspect_bytes("#!/bin/sh\n", 10, 04755, &program);
    cr_expect(program.is_set_id);
    inspect_bytes("#!/bin/sh\n", 10, 02644, &program);
    cr_expect(not(program.is_set_id));
}

Test(program, what_is_no_file_is_no_program)
{
    struct hs_program program;

    cr_expect(eq(int, hs_program_inspect("/", &program, NULL), -EACCES));
    cr_expect(eq(int, hs_program_inspect("/nowhere", &program, NULL), -ENOENT));
}
