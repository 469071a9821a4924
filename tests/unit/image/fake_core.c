// SPDX-License-Identifier: MIT

/* See fake_core.h. */

#include "tests/unit/image/fake_core.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

#define CONTENT_AT 0x8000 /* headers and notes lie before it */

void fake_core_init(struct fake_core *core)
{
    *core = (struct fake_core){0};
    memcpy(core->elf.e_ident, ELFMAG, SELFMAG);
    core->elf.e_ident[EI_CLASS] = ELFCLASS64;
    core->elf.e_ident[EI_DATA] = ELFDATA2LSB;
    core->elf.e_ident[EI_VERSION] = EV_CURRENT;
    core->elf.e_type = ET_CORE;
#if defined(__aarch64__)
    core->elf.e_machine = EM_AARCH64;
#else
    core->elf.e_machine = EM_X86_64;
#endif
    core->elf.e_phentsize = sizeof(Elf64_Phdr);
    core->elf.e_phoff = sizeof(Elf64_Ehdr);
}

void fake_core_add(struct fake_core *core, uint64_t address, uint64_t size,
                   uint32_t flags, const void *content, uint64_t filled)
{
    core->contents[core->n_loads] = content;
    core->loads[core->n_loads++] = (Elf64_Phdr){.p_type = PT_LOAD,
                                                .p_flags = flags,
                                                .p_vaddr = address,
                                                .p_memsz = size,
                                                .p_filesz = filled};
}

void fake_core_note(struct fake_core *core, const char *owner, uint32_t type,
                    const void *data, size_t size)
{
    Elf64_Nhdr note = {.n_namesz = (uint32_t)strlen(owner) + 1,
                       .n_descsz = (uint32_t)size,
                       .n_type = type};
    uint8_t *at = core->notes + core->n_notes;
    memcpy(at, &note, sizeof(note));
    memcpy(at + sizeof(note), owner, note.n_namesz);
    at += sizeof(note) + ((note.n_namesz + 3) & ~3u);
    memcpy(at, data, size);
    core->n_notes = (size_t)(at - core->notes) + ((size + 3) & ~(size_t)3);
}

void fake_core_thread(struct fake_core *core, int tid, uint64_t stack_pointer)
{
    struct elf_prstatus status = {.pr_pid = tid};
    struct user_regs_struct registers = {0};
#if defined(__aarch64__)
    registers.sp = stack_pointer;
#else
    registers.rsp = stack_pointer;
    registers.fs_base = 0x1234000;
#endif
    memcpy(status.pr_reg, &registers, sizeof(registers));
    fake_core_note(core, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

void fake_core_process(struct fake_core *core, int pid, const char *name,
                       const char *arguments)
{
    struct elf_prpsinfo info = {.pr_pid = pid};
    memcpy(info.pr_fname, name, strnlen(name, sizeof(info.pr_fname)));
    memcpy(info.pr_psargs, arguments, strnlen(arguments, sizeof(info.pr_psargs)));
    fake_core_note(core, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

void fake_core_file(struct fake_core *core, uint64_t start, uint64_t end, uint64_t page,
                    const char *path)
{
    uint8_t data[512] = {0};
    const uint64_t words[] = {1, 4096, start, end, page};
    memcpy(data, words, sizeof(words));
    memcpy(data + sizeof(words), path, strlen(path) + 1);
    fake_core_note(core, "CORE", NT_FILE, data, sizeof(words) + strlen(path) + 1);
}

static void write_at(FILE *file, uint64_t offset, const void *data, size_t size)
{
    cr_assert(fseek(file, (long)offset, SEEK_SET) == 0
              && fwrite(data, 1, size, file) == size);
}

const char *fake_core_write(struct fake_core *core, size_t size)
{
    strcpy(core->path, "/tmp/heapsnap-core-XXXXXX");
    FILE *file = fdopen(mkstemp(core->path), "w");
    cr_assert(file != NULL);
    core->elf.e_phnum = (uint16_t)(core->n_loads + 1);
    uint64_t headers_end = core->elf.e_phoff + (core->n_loads + 1) * sizeof(Elf64_Phdr);
    if (core->has_many) {
        Elf64_Shdr section = {.sh_info = core->elf.e_phnum};
        core->elf.e_phnum = PN_XNUM;
        core->elf.e_shoff = headers_end;
        write_at(file, headers_end, &section, sizeof(section));
        headers_end += sizeof(section);
    }
    Elf64_Phdr note = {
        .p_type = PT_NOTE, .p_offset = headers_end, .p_filesz = core->n_notes};
    write_at(file, 0, &core->elf, sizeof(core->elf));
    write_at(file, core->elf.e_phoff, &note, sizeof(note));
    write_at(file, headers_end, core->notes, core->n_notes);
    uint64_t offset = CONTENT_AT;
    for (size_t i = 0; i < core->n_loads; i++) {
        Elf64_Phdr *load = &core->loads[i];
        load->p_offset = offset;
        write_at(file, core->elf.e_phoff + (i + 1) * sizeof(*load), load, sizeof(*load));
        write_at(file, offset, core->contents[i], load->p_filesz);
        offset += (load->p_filesz + 4095) & ~(uint64_t)4095;
    }
    cr_assert(fflush(file) == 0);
    if (size != SIZE_MAX)
        cr_assert(ftruncate(fileno(file), (off_t)size) == 0);
    fclose(file);
    return core->path;
}

void fake_core_remove(struct fake_core *core)
{
    unlink(core->path);
}
