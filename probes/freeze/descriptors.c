// SPDX-License-Identifier: MIT

/*
 * Open descriptors: the tracker's records, corrected by what the kernel says is open.
 *
 * Descriptors arrive by ways no hook sees (inheritance, messages, other system calls) and
 * leave the same way; those are listed without a stack, or dropped.
 */

#include <errno.h>
#include <fcntl.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/control.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

static struct hs_vector recorded; /* struct hs_handle, ascending */
static struct hs_vector numbers;  /* int32_t, ascending */

static bool on_handle(const struct hs_handle *handle, void *context)
{
    struct hs_handle *copy = hs_vector_push(&recorded, 1);
    (void)context;
    if (copy)
        *copy = *handle;
    return copy != NULL;
}

static bool add_number(const char *name)
{
    int32_t number = 0;
    if (*name < '0' || *name > '9')
        return true;
    for (; *name; name++)
        number = number * 10 + (*name - '0');
    if (hs_control_owns_fd(number))
        return true;
    int32_t *copy = hs_vector_push(&numbers, 1);
    if (!copy)
        return false;
    *copy = number;
    return true;
}

static int list_numbers(void)
{
    static char entries[8192];
    char path[64];
    hs_format(path, sizeof(path), "/proc/%d/fd", (int64_t)hs_job.program_pid);
    long fd = hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size = 0;
    if (fd < 0)
        return (int)fd;
    bool fine = true;
    while (fine && (size = hs_raw(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
        for (long at = 0; fine && at < size;) {
            const struct hs_directory_entry *entry = (const void *)(entries + at);
            fine = add_number(entry->name);
            at += entry->size;
        }
    hs_raw(SYS_close, fd);
    return fine ? (int)size : -ENOMEM;
}

static uint32_t read_label(int32_t number)
{
    static char label[4096];
    char path[64];
    hs_format(path, sizeof(path), "/proc/%d/fd/%d", (int64_t)hs_job.program_pid,
              (int64_t)number);
    long length = hs_raw(SYS_readlinkat, AT_FDCWD, path, label, sizeof(label));
    return length > 0 ? hs_strings_add(&hs_image.strings, label, (size_t)length) : 0;
}

static size_t call_length(const char *call)
{
    size_t length = 0;
    while (call && call[length] && length < 64)
        length++;
    return length;
}

static int add(int32_t number, const struct hs_handle *known)
{
    struct hs_capture_handle *handle = hs_vector_push(&hs_image.handles, 1);
    if (!handle)
        return -ENOMEM;
    *handle = (struct hs_capture_handle){
        .kind = HS_HANDLE_FD, .number = number, .stack = HS_STACK_UNKNOWN};
    if (known) {
        handle->kind = known->kind;
        handle->stack = known->stack;
        handle->birth_epoch =
            known->birth_epoch < hs_job.epoch ? known->birth_epoch : hs_job.epoch;
        handle->time = known->time;
        handle->call =
            hs_strings_add(&hs_image.strings, known->call, call_length(known->call));
    }
    handle->label = read_label(number);
    return 0;
}

int hs_handles_collect(void)
{
    hs_image.handles.size = sizeof(struct hs_capture_handle);
    if (!hs_options.track_fd)
        return 0;
    recorded = (struct hs_vector){.size = sizeof(struct hs_handle)};
    numbers = (struct hs_vector){.size = sizeof(int32_t)};
    hs_handle_each(on_handle, NULL);
    bool is_listed = list_numbers() == 0;

    const struct hs_handle *handles = (const void *)recorded.items;
    const int32_t *open = (const void *)numbers.items;
    uint64_t at = 0, number = 0;
    int err = 0;
    if (!is_listed) { /* no /proc: the records are all there is */
        for (; at < recorded.count && err == 0; at++)
            err = add(handles[at].number, &handles[at]);
        return err;
    }
    for (; number < numbers.count && err == 0; number++) {
        while (at < recorded.count && handles[at].number < open[number])
            at++;
        bool is_known = at < recorded.count && handles[at].number == open[number];
        err = add(open[number], is_known ? &handles[at] : NULL);
    }
    return err;
}
