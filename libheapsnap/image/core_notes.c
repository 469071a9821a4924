// SPDX-License-Identifier: MIT

/*
 * The notes of a core file. The kernel writes for each thread NT_PRSTATUS and then its
 * other registers, with the notes of the whole process among those of the first thread
 * (fs/binfmt_elf.c, fill_note_info); gcore does alike. Names and descriptions are padded
 * to four bytes.
 */

#include "libheapsnap/image/core.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>

#include "libheapsnap/image/memory_machine.h"

static uint64_t padded(uint64_t size)
{
    return (size + 3) & ~(uint64_t)3;
}

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

static void take_process(struct hs_core *core, const uint8_t *data, uint64_t size)
{
    struct elf_prpsinfo info;
    if (size < sizeof(info))
        return;
    memcpy(&info, data, sizeof(info));
    core->memory.pid = info.pr_pid;
    snprintf(core->name, sizeof(core->name), "%.16s", info.pr_fname);
    snprintf(core->arguments, sizeof(core->arguments), "%.80s", info.pr_psargs);
    for (size_t end = strlen(core->arguments);
         end > 0 && core->arguments[end - 1] == ' ';)
        core->arguments[--end] = '\0';
}

/* Two words, number of entries and unit of the offsets; then the entries, three words
 * each; then as many strings. */
static bool take_files(struct hs_core *core, const uint8_t *data, uint64_t size,
                       bool (*each)(struct hs_core *core,
                                    const struct hs_core_mapping *mapping))
{
    if (size < 16)
        return true;
    uint64_t count = word_at(data), unit = word_at(data + 8);
    if (count > (size - 16) / 24)
        return true;
    const uint8_t *name = data + 16 + count * 24, *end = data + size;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *entry = data + 16 + i * 24;
        const uint8_t *name_end =
            name < end ? memchr(name, '\0', (size_t)(end - name)) : NULL;
        struct hs_core_mapping mapping = {.start = word_at(entry),
                                          .end = word_at(entry + 8),
                                          .path = (const char *)name};
        if (!name_end)
            return true;
        name = name_end + 1;
        if (!__builtin_mul_overflow(word_at(entry + 16), unit, &mapping.file_offset)
            && mapping.start < mapping.end && !each(core, &mapping))
            return false;
    }
    return true;
}

static bool take_registers(struct hs_core *core, uint32_t type, const uint8_t *data,
                           uint64_t size)
{
    if (type == NT_PRSTATUS) {
        if (!hs_array_reserve(&core->tables.threads, core->tables.threads.count + 1))
            return false;
        core->tables.threads.at[core->tables.threads.count++] =
            (struct hs_memory_thread){0};
    }
    if (core->tables.threads.count > 0)
        hs_machine_take_note(type, data, size,
                             &core->tables.threads.at[core->tables.threads.count - 1]);
    return true;
}

bool hs_core_read_notes(struct hs_core *core, const uint8_t *notes, uint64_t size,
                        bool (*each)(struct hs_core *core,
                                     const struct hs_core_mapping *mapping))
{
    Elf64_Nhdr note;
    while (size >= sizeof(note)) {
        memcpy(&note, notes, sizeof(note));
        uint64_t at = sizeof(note) + padded(note.n_namesz);
        if (at + note.n_descsz > size)
            return true;
        const uint8_t *data = notes + at;
        bool is_core = note.n_namesz >= 4 && memcmp(notes + sizeof(note), "CORE", 4) == 0;
        bool is_linux =
            note.n_namesz >= 5 && memcmp(notes + sizeof(note), "LINUX", 5) == 0;
        if (is_core && note.n_type == NT_PRPSINFO)
            take_process(core, data, note.n_descsz);
        else if (is_core && note.n_type == NT_AUXV)
            hs_auxv_parse(data, note.n_descsz, &core->auxv);
        else if (is_core && note.n_type == NT_FILE) {
            if (!take_files(core, data, note.n_descsz, each))
                return false;
        } else if ((is_core || is_linux)
                   && !take_registers(core, note.n_type, data, note.n_descsz))
            return false;
        uint64_t whole = at + padded(note.n_descsz);
        if (whole >= size)
            return true;
        notes += whole;
        size -= whole;
    }
    return true;
}
