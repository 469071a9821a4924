// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/patch/symtab.h"

/* A file with one symbol table, its names right behind it. */
struct image {
    Elf64_Ehdr header;
    Elf64_Shdr sections[3];
    Elf64_Sym symbols[8];
    char names[128];
};

/* je_malloc, je_free, xmalloc; a malloc that is only asked for. */
static struct image whole_image(void)
{
    struct image image = {
        .header = {.e_shoff = offsetof(struct image, sections),
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = 3},
        .sections = {[1] = {.sh_type = SHT_SYMTAB,
                            .sh_offset = offsetof(struct image, symbols),
                            .sh_size = sizeof(image.symbols),
                            .sh_entsize = sizeof(Elf64_Sym),
                            .sh_link = 2},
                     [2] = {.sh_type = SHT_STRTAB,
                            .sh_offset = offsetof(struct image, names),
                            .sh_size = sizeof(image.names)}},
    };
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] = ELFDATA2LSB;
    static const char names[] = "\0je_malloc\0je_free\0xmalloc";
    memcpy(image.names, names, sizeof(names));
    unsigned char function = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
    image.symbols[1] = (Elf64_Sym){1, function, 0, 12, 0x1000, 0x40};
    image.symbols[2] = (Elf64_Sym){11, function, 0, 12, 0x2000, 0x50};
    image.symbols[3] = (Elf64_Sym){19, function, 0, 12, 0x3000, 0x60};
    image.symbols[4] = (Elf64_Sym){4, function, 0, SHN_UNDEF, 0, 0};
    return image;
}

struct seen {
    size_t count;
    enum hs_family family;
    struct hs_found_function functions[8];
};

static void see(enum hs_family family, const struct hs_found_function *function,
                void *context)
{
    struct seen *seen = context;
    seen->family = family;
    if (seen->count < 8)
        seen->functions[seen->count] = *function;
    seen->count++;
}

static struct seen visit(const struct image *image, const void *loaded)
{
    struct seen seen = {0};
    int fd = memfd_create("program", MFD_CLOEXEC);
    cr_assert(eq(int, (int)write(fd, image, sizeof(*image)), (int)sizeof(*image)));
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    hs_symtab_each(path, loaded, 0x10000, see, &seen);
    close(fd);
    return seen;
}

Test(symtab, finds_the_functions_of_an_allocator_with_their_sizes)
{
    struct image image = whole_image();

    struct seen seen = visit(&image, &image.header);

    cr_assert(eq(sz, seen.count, 2));
    cr_expect(eq(int, seen.family, HS_FAMILY_JE));
    cr_expect(eq(u64, seen.functions[0].address, 0x11000));
    cr_expect(eq(u64, seen.functions[0].size, 0x40));
    cr_expect(eq(int, seen.functions[0].shape, HS_SHAPE_SIZE_A));
    cr_expect(eq(int, seen.functions[1].shape, HS_SHAPE_FREE));
}

Test(symtab, a_name_that_only_ends_like_one_is_none)
{
    struct image image = whole_image();
    memcpy(image.names + 1, "qq_malloc", 9);

    cr_expect(eq(sz, visit(&image, &image.header).count, 0));
}

Test(symtab, a_hidden_malloc_is_found_in_the_tail_of_another_name)
{
    struct image image = whole_image();
    image.symbols[3].st_name = 20; /* "malloc" of "xmalloc" */

    struct seen seen = visit(&image, &image.header);

    cr_expect(eq(sz, seen.count, 3));
}

Test(symtab, another_file_than_the_one_loaded_is_left_alone)
{
    struct image image = whole_image();
    Elf64_Ehdr other = image.header;
    other.e_entry++;

    cr_expect(eq(sz, visit(&image, &other).count, 0));
    cr_expect(not(hs_symtab_each("/proc/self/exe", &other, 0, see, NULL)));
}

Test(symtab, broken_offsets_and_sizes_are_no_harm)
{
    for (int broken = 0; broken < 9; broken++) {
        struct image image = whole_image();
        Elf64_Shdr *symbols = &image.sections[1], *names = &image.sections[2];
        switch (broken) {
        case 0:
            image.header.e_shoff = UINT64_MAX - 7;
            break;
        case 1:
            image.header.e_shnum = 65535;
            break;
        case 2:
            symbols->sh_offset = UINT64_MAX - 15;
            break;
        case 3:
            symbols->sh_size = UINT64_MAX;
            break;
        case 4:
            symbols->sh_link = 3;
            break;
        case 5:
            names->sh_offset = sizeof(image) + 1;
            break;
        case 6:
            names->sh_size = 0;
            break;
        case 7:
            memset(image.names, 'm', sizeof(image.names)); /* no end */
            break;
        case 8:
            symbols->sh_entsize = 0;
            break;
        }
        cr_expect(eq(sz, visit(&image, &image.header).count, 0), "case %d", broken);
    }
}

Test(symtab, a_name_outside_of_the_names_is_skipped)
{
    struct image image = whole_image();
    image.symbols[2].st_name = UINT32_MAX;

    cr_expect(eq(sz, visit(&image, &image.header).count, 1));
}
