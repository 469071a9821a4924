// SPDX-License-Identifier: MIT

/*
 * One look at a file before it is executed: the machine in its ELF header and the loader it
 * asks for. Whatever cannot be read is left as it is; the kernel will say what is wrong.
 */

#include "probes/freeze/exec_other.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "probes/abi.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/refuse.h"

#define SCRIPTS_MAX 4
#define HEADERS_MAX 64
#define OTHER_FOLDER "musl/" /* in the folder of glibc's shim lies that for musl */

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#endif

#ifdef __GLIBC__
#define IS_MUSL false
#else
#define IS_MUSL true
#endif

union start {
    char text[256];
    Elf64_Ehdr elf;
};

static enum hs_exec_kind kind_of_loader(int fd, const Elf64_Phdr *header)
{
    char loader[256] = "";
    size_t size =
        header->p_filesz < sizeof(loader) - 1 ? header->p_filesz : sizeof(loader) - 1;
    if (hs_raw(SYS_pread64, fd, loader, size, header->p_offset) <= 0)
        return HS_EXEC_SAME;
    bool is_musl = strstr(loader, "/ld-musl-") != NULL;
    return is_musl == IS_MUSL ? HS_EXEC_SAME : HS_EXEC_OTHER_LIBC;
}

static enum hs_exec_kind kind_of_elf(int fd, const Elf64_Ehdr *elf)
{
    Elf64_Phdr header;
    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != OWN_MACHINE)
        return HS_EXEC_OTHER_MACHINE;
    if (elf->e_phentsize != sizeof(header))
        return HS_EXEC_SAME;
    for (unsigned i = 0; i < elf->e_phnum && i < HEADERS_MAX; i++) {
        uint64_t at = elf->e_phoff + i * sizeof(header);
        if (hs_raw(SYS_pread64, fd, &header, sizeof(header), at) != sizeof(header))
            break;
        if (header.p_type == PT_INTERP)
            return kind_of_loader(fd, &header);
    }
    return HS_EXEC_SAME;
}

static bool read_start(int fd, union start *ret)
{
    *ret = (union start){0};
    long size = hs_raw(SYS_pread64, fd, ret, sizeof(*ret) - 1, 0);
    return size >= (long)sizeof(ret->elf) || (size > 2 && memcmp(ret, "#!", 2) == 0);
}

/* The interpreter's name behind "#!", ended, or NULL. */
static const char *interpreter_of(union start *start)
{
    char *name = start->text + 2;
    if (memcmp(start->text, "#!", 2) != 0)
        return NULL;
    name += strspn(name, " \t");
    name[strcspn(name, " \t\r\n")] = '\0';
    return *name ? name : NULL;
}

static int open_file(const char *path)
{
    return (int)hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
}

static enum hs_exec_kind kind_of_start(int fd, const union start *start)
{
    return memcmp(start->text, ELFMAG, SELFMAG) == 0 ? kind_of_elf(fd, &start->elf)
                                                     : HS_EXEC_SAME;
}

enum hs_exec_kind hs_exec_kind_of(const char *path)
{
    union start start;
    for (int i = 0; path && i < SCRIPTS_MAX; i++) {
        int fd = open_file(path);
        if (fd < 0)
            break;
        bool is_read = read_start(fd, &start);
        enum hs_exec_kind kind = is_read ? kind_of_start(fd, &start) : HS_EXEC_SAME;
        hs_raw(SYS_close, fd);
        if (kind != HS_EXEC_SAME)
            return kind;
        path = is_read ? interpreter_of(&start) : NULL;
    }
    return HS_EXEC_SAME;
}

enum hs_exec_kind hs_exec_kind_of_fd(int fd)
{
    union start start;
    if (!read_start(fd, &start))
        return HS_EXEC_SAME;
    const char *interpreter = interpreter_of(&start);
    return interpreter ? hs_exec_kind_of(interpreter) : kind_of_start(fd, &start);
}

enum hs_exec_kind hs_exec_kind_of_name(const char *file)
{
    char path[1024];
    const char *folders = hs_environment_find(environ, "PATH");
    if (strchr(file, '/'))
        return hs_exec_kind_of(file);
    for (const char *at = folders; at; at = *at ? at + 1 : NULL) {
        size_t length = strcspn(at, ":"), size = strlen(file);
        if (length + size + 2 <= sizeof(path)) {
            memcpy(path, at, length);
            path[length] = '/';
            memcpy(path + length + 1, file, size + 1);
            const char *found = length ? path : file; /* an empty one is here */
            if (hs_raw(SYS_faccessat, AT_FDCWD, found, X_OK) == 0)
                return hs_exec_kind_of(found);
        }
        at += length;
    }
    return HS_EXEC_SAME;
}

/* ---- LD_PRELOAD ---- */

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

/* The other libc's shim beside the one at `path` into `ret`: false, there is none. */
static bool find_other(const char *path, size_t length, char *ret, size_t size)
{
    size_t folder = length - strlen(HS_SHIM_NAME), other = strlen(OTHER_FOLDER);
    if (length + other + 1 > size || (IS_MUSL && !ends_with(path, folder, OTHER_FOLDER)))
        return false;
    memcpy(ret, path, folder);
    if (IS_MUSL)
        folder -= other;
    else
        memcpy(ret + folder, OTHER_FOLDER, other);
    memcpy(ret + folder + (IS_MUSL ? 0 : other), HS_SHIM_NAME, sizeof(HS_SHIM_NAME));
    return hs_raw(SYS_faccessat, AT_FDCWD, ret, R_OK) == 0;
}

/* Rewrite "LD_PRELOAD=…" into `ret`; false: no room. */
static bool rewrite(const char *entry, enum hs_exec_kind kind, char *ret, size_t size)
{
    size_t used = strcspn(entry, "=") + 1, empty = used;
    if (strlen(entry) + sizeof(OTHER_FOLDER) >= size)
        return false;
    memcpy(ret, entry, used);
    for (const char *at = entry + used; *at;) {
        size_t length = strcspn(at, ": ");
        size_t separator = used > empty;
        char *to = ret + used + separator;
        bool is_kept = length > 0;
        if (length > 0 && ends_with(at, length, "/" HS_SHIM_NAME)) {
            is_kept = kind == HS_EXEC_OTHER_LIBC
                      && find_other(at, length, to, size - (size_t)(to - ret));
            length = is_kept ? strlen(to) : length;
            at += strcspn(at, ": ");
        } else {
            memcpy(to, at, length);
            at += length;
        }
        if (is_kept) {
            if (separator)
                ret[used] = ':';
            used += separator + length;
        }
        at += *at != '\0';
    }
    ret[used] = '\0';
    return true;
}

char *const *hs_exec_adapt(struct hs_adapted *adapted, enum hs_exec_kind kind,
                           char *const *environment)
{
    static const char name[] = "LD_PRELOAD=";
    size_t count = 0;
    bool is_done = false;
    for (char *const *at = environment; at && *at; at++) {
        char *entry = *at;
        if (count + 1 == HS_ADAPTED_ENTRIES)
            return environment;
        if (!is_done && strncmp(entry, name, sizeof(name) - 1) == 0) {
            entry = adapted->preload;
            is_done = true;
            if (!rewrite(*at, kind, entry, sizeof(adapted->preload)))
                return environment;
            if (entry[sizeof(name) - 1] == '\0')
                continue;
        }
        adapted->entries[count++] = entry;
    }
    adapted->entries[count] = NULL;
    return is_done ? adapted->entries : environment;
}
