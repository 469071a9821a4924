// SPDX-License-Identifier: MIT

/*
 * Can this file be preloaded? Answered from the file alone: the ELF header and program
 * headers, the "#!" line, the mode and the capability attribute. The loader ignores
 * LD_PRELOAD in a static program (there is no loader) and in a set-id one, both in
 * silence, which is why somebody has to look before the start.
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "heapsnap/process.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/needed.h"

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

/* Program headers looked at; real programs have about a dozen. */
#define HEADERS_MAX 512

/* The interpreter's name behind "#!", without its argument. */
static void read_script_line(const char *text, size_t size, struct hs_program *program)
{
    size_t at = 2;
    while (at < size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    size_t length = 0;
    while (at < size && length + 1 < sizeof(program->interpreter) && text[at] != '\0'
           && !strchr(" \t\r\n", text[at]))
        program->interpreter[length++] = text[at++];
    program->interpreter[length] = '\0';
}

/* The loader's path from PT_INTERP into `ret`; false without one: then no loader runs,
 * and nothing can be preloaded. */
static bool read_loader(int fd, const Elf64_Ehdr *elf, char *ret, size_t size)
{
    for (unsigned int i = 0; i < elf->e_phnum && i < HEADERS_MAX; i++) {
        Elf64_Phdr header;
        uint64_t at = elf->e_phoff + (uint64_t)i * sizeof(header);
        if (at > INT64_MAX
            || pread(fd, &header, sizeof(header), (off_t)at) != (ssize_t)sizeof(header))
            return false;
        if (header.p_type != PT_INTERP)
            continue;
        size_t wanted = header.p_filesz < size ? header.p_filesz : size - 1;
        ssize_t got = header.p_offset > INT64_MAX
                          ? -1
                          : pread(fd, ret, wanted, (off_t)header.p_offset);
        ret[got > 0 ? got : 0] = '\0';
        return true;
    }
    return false;
}

/* musl ends a program when its preload wants what only glibc has. */
static bool is_of_other_libc(const char *loader)
{
#ifdef __GLIBC__
    return strstr(loader, "/ld-musl-") != NULL;
#else
    return strstr(loader, "/ld-musl-") == NULL;
#endif
}

static enum hs_program_kind elf_kind(int fd, const Elf64_Ehdr *elf, size_t size)
{
    if (size < sizeof(*elf) || elf->e_ident[EI_CLASS] != ELFCLASS64
        || elf->e_machine != OWN_MACHINE)
        return HS_PROGRAM_FOREIGN;
    char loader[256];
    if (elf->e_phentsize != sizeof(Elf64_Phdr)
        || !read_loader(fd, elf, loader, sizeof(loader)))
        return HS_PROGRAM_STATIC;
    if (is_of_other_libc(loader))
        return HS_PROGRAM_OTHER_LIBC;
    return hs_needs_no_preload(fd) ? HS_PROGRAM_SANITIZED : HS_PROGRAM_DYNAMIC;
}

int hs_program_inspect(const char *path, struct hs_program *ret, struct hs_error *err)
{
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return hs_error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return hs_error_set(err, EACCES, "'%s' is not a program", path);

    struct hs_program program = {.kind = HS_PROGRAM_UNKNOWN};
    union {
        char text[4096];
        Elf64_Ehdr elf;
    } start;
    ssize_t size = pread(fd, &start, sizeof(start), 0);
    if (size < 0)
        return hs_error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
    if (size >= 2 && memcmp(start.text, "#!", 2) == 0) {
        read_script_line(start.text, (size_t)size, &program);
        if (*program.interpreter) /* else the kernel refuses, and execvp asks the shell */
            program.kind = HS_PROGRAM_SCRIPT;
    } else if (size >= SELFMAG && memcmp(start.text, ELFMAG, SELFMAG) == 0) {
        program.kind = elf_kind(fd, &start.elf, (size_t)size);
    }
    program.is_set_id = (status.st_mode & S_ISUID)
                        || (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
    program.has_capabilities = fgetxattr(fd, "security.capability", NULL, 0) > 0;
    program.owner = status.st_uid;
    program.group = status.st_gid;
    *ret = program;
    return 0;
}
