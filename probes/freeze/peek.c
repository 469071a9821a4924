// SPDX-License-Identifier: MIT

/*
 * What the kernel tells in /proc about a thread that does not come when it is called.
 */

#include <fcntl.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

static uint64_t hexadecimal(const char *text)
{
    uint64_t value = 0;
    for (;; text++) {
        if (*text >= '0' && *text <= '9')
            value = value << 4 | (uint64_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            value = value << 4 | (uint64_t)(*text - 'a' + 10);
        else
            return value;
    }
}

/* A field of /proc/self/task/TID/status; NULL when there is none (it ended). */
static const char *status_field(int32_t tid, const char *name)
{
    static char text[4096];
    char path[64];
    hs_format(path, sizeof(path), "/proc/self/task/%d/status", (int64_t)tid);
    int fd = (int)hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    long size = hs_raw(SYS_read, fd, text, sizeof(text) - 1);
    hs_raw(SYS_close, fd);
    if (size <= 0)
        return NULL;
    text[size] = '\0';
    for (const char *line = text; *line; line++) {
        const char *at = line, *letter = name;
        while (*letter && *at == *letter)
            at++, letter++;
        if (!*letter) {
            while (*at == ' ' || *at == '\t')
                at++;
            return at;
        }
        while (*line && *line != '\n')
            line++;
        if (!*line)
            break;
    }
    return NULL;
}

/*
 * In our handler everything is blocked, too, but the order is not pending any more; and
 * one that runs may block signals for a moment only, as libc does. The mask is read
 * first: the handler may begin in between.
 */
uint32_t hs_peek_verdict(int32_t tid, bool is_early)
{
    uint64_t bit = 1ull << (hs_control->signal - 1);
    const char *field = status_field(tid, "SigBlk:");
    if (!field)
        return HS_SLOT_FREE;
    bool is_blocked = hexadecimal(field) & bit;
    field = status_field(tid, "SigPnd:");
    bool is_pending = field && hexadecimal(field) & bit;
    field = status_field(tid, "State:");
    char state = field ? *field : 'X';
    if (state == 'Z' || state == 'X')
        return HS_SLOT_FREE;
    if (state == 'T' || state == 't')
        return HS_SLOT_MISSED;
    if (state == 'D')
        return is_early ? HS_SLOT_ORDERED : HS_SLOT_MISSED;
    bool is_deaf = is_blocked && is_pending && (state != 'R' || !is_early);
    return is_deaf ? HS_SLOT_MISSED : HS_SLOT_ORDERED;
}

/*
 * Who did not come is mostly asleep in the kernel, which then tells where its stack is:
 * "NR six arguments SP PC", or "running".
 */
void hs_peek_place(struct hs_slot *slot)
{
    char path[64], text[256];
    hs_format(path, sizeof(path), "/proc/self/task/%d/syscall", (int64_t)slot->tid);
    int fd = (int)hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    long size = hs_raw(SYS_read, fd, text, sizeof(text) - 1);
    hs_raw(SYS_close, fd);
    uint64_t last[2] = {0, 0};
    for (long at = 0; at < size; at++)
        if (text[at] == ' ' && at + 3 < size && text[at + 2] == 'x') {
            text[size] = '\0';
            last[0] = last[1];
            last[1] = hexadecimal(text + at + 3);
        }
    slot->registers[HS_MACHINE_SP] = last[0];
    slot->registers[HS_MACHINE_IP] = last[1];
}
