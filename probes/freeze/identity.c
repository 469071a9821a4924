// SPDX-License-Identifier: MIT

/*
 * The same thing keeps its number from one snapshot to the next.
 *
 * A block at address X that was born no later than the last snapshot was alive then, and
 * only one block can be alive at X: it is the one the last snapshot saw there. So a
 * merge-join of two sorted lists finds every old id, exactly and without a serial number
 * a block. What has no old id gets new ones, ascending by birth, then by address.
 */

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"

static struct {
    const struct hs_identity_entry *entries; /* the committed table */
    uint64_t count;
    uint64_t cursor;
    uint32_t epoch; /* of the committed table; things born later are new */
    uint32_t next_serial;
    struct hs_writer writer;
} identity;

static uint64_t key_of(enum hs_identity_kind kind, uint64_t what)
{
    return (uint64_t)kind << 60 | what;
}

static void load(void)
{
    identity.count = identity.cursor = 0;
    identity.epoch = hs_control->identity_epoch;
    identity.next_serial = hs_control->next_serial;
    int fd = hs_job.identity_fd[hs_control->identity_index & 1];
    struct stat status;
    /* After the epochs were renumbered nothing can be compared any more. */
    if (identity.epoch == 0 || identity.epoch >= hs_job.epoch || fd < 0
        || hs_raw(SYS_fstat, fd, &status) < 0 || status.st_size <= 0) {
        identity.epoch = 0;
        return;
    }
    long memory = hs_raw(SYS_mmap, 0, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory < 0 && memory > -4096)
        return;
    identity.entries = (const void *)memory;
    identity.count = (uint64_t)status.st_size / sizeof(*identity.entries);
}

/* Go to the first entry whose key is not below `key`. */
static void seek(uint64_t key)
{
    uint64_t low = 0, high = identity.count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (identity.entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    identity.cursor = low;
}

/* The old id of `key`; keys ascend between two seeks. 0: none. */
static uint32_t old_id(uint64_t key, uint32_t mark)
{
    while (identity.cursor < identity.count
           && identity.entries[identity.cursor].key < key)
        identity.cursor++;
    const struct hs_identity_entry *entry = identity.entries + identity.cursor;
    bool is_same =
        identity.cursor < identity.count && entry->key == key && entry->reserved == mark;
    return is_same ? entry->id : 0;
}

static uint32_t new_id(void)
{
    return 2 * identity.next_serial++ + 1;
}

static void remember(uint64_t key, uint32_t id, uint32_t mark)
{
    struct hs_identity_entry entry = {key, id, mark};
    hs_writer_put(&identity.writer, &entry, sizeof(entry));
}

static uint32_t hash(const char *text)
{
    uint32_t value = 2166136261u;
    for (; *text; text++)
        value = (value ^ (uint8_t)*text) * 16777619u;
    return value;
}

static void find_old_blocks(uint32_t wanted, enum hs_identity_kind kind)
{
    struct hs_capture_block *blocks = (void *)hs_image.blocks.items;
    seek(key_of(kind, 0));
    for (uint64_t i = 0; i < hs_image.blocks.count; i++)
        if ((blocks[i].flags & HS_BLOCK_MAPPING) == wanted)
            blocks[i].id = identity.epoch && blocks[i].birth_epoch <= identity.epoch
                               ? old_id(key_of(kind, blocks[i].address), 0)
                               : 0;
}

/* Counting sort by birth: address order is there already. */
static int number_new_blocks(void)
{
    struct hs_capture_block *blocks = (void *)hs_image.blocks.items;
    uint32_t *next = hs_scratch_map((hs_job.epoch + 2ull) * sizeof(*next));
    if (!next)
        return -ENOMEM;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++)
        if (!blocks[i].id)
            next[blocks[i].birth_epoch + 1]++;
    for (uint32_t i = 1; i <= hs_job.epoch + 1; i++)
        next[i] += next[i - 1];
    if (identity.next_serial + (uint64_t)next[hs_job.epoch + 1] > INT32_MAX)
        return -EOVERFLOW;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++)
        if (!blocks[i].id)
            blocks[i].id = 2 * (identity.next_serial + next[blocks[i].birth_epoch]++) + 1;
    /* After the pass the last used epoch's cursor stands at the total. */
    identity.next_serial += next[hs_job.epoch];
    return 0;
}

static void remember_blocks(uint32_t wanted, enum hs_identity_kind kind)
{
    const struct hs_capture_block *blocks = (const void *)hs_image.blocks.items;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++)
        if ((blocks[i].flags & HS_BLOCK_MAPPING) == wanted)
            remember(key_of(kind, blocks[i].address), blocks[i].id, 0);
}

static void assign_handles(void)
{
    struct hs_capture_handle *handles = (void *)hs_image.handles.items;
    seek(key_of(HS_IDENTITY_HANDLE, 0));
    for (uint64_t i = 0; i < hs_image.handles.count; i++) {
        uint64_t key = key_of(HS_IDENTITY_HANDLE, (uint64_t)handles[i].kind << 32
                                                      | (uint32_t)handles[i].number);
        /* One that nobody saw being opened has no birth: its label tells it apart. */
        uint32_t mark =
            handles[i].time ? 0 : hash(hs_image.strings.bytes.items + handles[i].label);
        bool is_old = identity.epoch && handles[i].birth_epoch <= identity.epoch;
        handles[i].id = is_old ? old_id(key, mark) : 0;
        if (!handles[i].id)
            handles[i].id = new_id();
        remember(key, handles[i].id, mark);
    }
}

static uint64_t thread_key(enum hs_identity_kind kind,
                           const struct hs_capture_thread *thread)
{
    return key_of(kind, (uint64_t)(uint32_t)thread->tid << 32 | thread->start_ticks);
}

static void assign_threads(enum hs_identity_kind kind)
{
    struct hs_capture_thread *threads = (void *)hs_image.threads.items;
    seek(key_of(kind, 0));
    for (uint64_t i = 0; i < hs_image.threads.count; i++) {
        uint64_t key = thread_key(kind, &threads[i]);
        uint32_t id = old_id(key, 0);
        if (!id)
            id = new_id();
        if (kind == HS_IDENTITY_THREAD)
            threads[i].id = id;
        else
            threads[i].stack_id = id;
        remember(key, id, 0);
    }
}

static int assign_modules(void)
{
    struct hs_capture_module *modules = (void *)hs_image.modules.items;
    uint64_t count = hs_image.modules.count, n_loaded = 0;
    uint32_t *order = hs_scratch_map((count + 1) * sizeof(*order));
    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (modules[i].flags & HS_MODULE_UNLOADED)
            continue;
        uint64_t at = n_loaded++;
        while (at > 0 && modules[order[at - 1]].start > modules[i].start) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    seek(key_of(HS_IDENTITY_MODULE, 0));
    for (uint64_t i = 0; i < n_loaded; i++) {
        struct hs_capture_module *module = &modules[order[i]];
        uint64_t key = key_of(HS_IDENTITY_MODULE, module->start);
        uint32_t mark = hash(hs_image.strings.bytes.items + module->path);
        module->id = old_id(key, mark);
        if (!module->id)
            module->id = new_id();
        remember(key, module->id, mark);
    }
    return 0;
}

int hs_identity_assign(void)
{
    uint32_t other = 1 - (hs_control->identity_index & 1);
    load();
    if (hs_job.identity_fd[other] >= 0)
        hs_raw(SYS_ftruncate, hs_job.identity_fd[other], 0);
    if (!hs_writer_open(&identity.writer, hs_job.identity_fd[other], 0))
        return -ENOMEM;

    find_old_blocks(0, HS_IDENTITY_BLOCK);
    find_old_blocks(HS_BLOCK_MAPPING, HS_IDENTITY_MAPPING);
    int err = number_new_blocks();
    if (err < 0)
        return err;
    remember_blocks(0, HS_IDENTITY_BLOCK);
    remember_blocks(HS_BLOCK_MAPPING, HS_IDENTITY_MAPPING);
    assign_handles();
    assign_threads(HS_IDENTITY_THREAD);
    err = assign_modules();
    assign_threads(HS_IDENTITY_STACK);
    hs_writer_flush(&identity.writer);
    if (identity.count)
        hs_raw(SYS_munmap, identity.entries, identity.count * sizeof(*identity.entries));
    identity.count = 0;
    return err;
}

void hs_identity_commit(void)
{
    hs_control->next_serial = identity.next_serial;
    /* A table that could not be written is as good as none: ids change, no more. */
    hs_control->identity_index = 1 - (hs_control->identity_index & 1);
    hs_control->identity_epoch = identity.writer.error ? 0 : hs_job.epoch;
}
