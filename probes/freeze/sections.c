// SPDX-License-Identifier: MIT

/*
 * Tables that need no thought any more, and the header's facts about the process.
 */

#include "probes/freeze/sections.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/control.h"
#include "probes/tracker/ever.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/live.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/modules.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"
#include "probes/tracker/sample.h"
#include "probes/tracker/stack.h"

static void write_table(enum hs_section section, const void *items, uint64_t count,
                        size_t size)
{
    hs_writer_begin(&hs_image.writer);
    if (count)
        hs_writer_put(&hs_image.writer, items, count * size);
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[section], size);
}

static void write_vector(enum hs_section section, const struct hs_vector *vector,
                         size_t size)
{
    write_table(section, vector->items, vector->count, size);
}

/* A stack may lose its pages under us; the kernel copies what is there. */
static void write_stacks(void)
{
    static const char zeros[4096];
    const struct hs_capture_thread *threads = (const void *)hs_image.threads.items;
    struct hs_writer *writer = &hs_image.writer;

    hs_writer_begin(writer);
    hs_writer_flush(writer);
    for (uint64_t i = 0; i < hs_image.threads.count; i++) {
        uint64_t done = 0;
        while (done < threads[i].stacks_size && !writer->error) {
            long written = hs_raw(SYS_pwrite64, writer->fd, threads[i].stack_start + done,
                                  threads[i].stacks_size - done, writer->offset);
            if (written <= 0) {
                uint64_t left = threads[i].stacks_size - done;
                written =
                    hs_raw(SYS_pwrite64, writer->fd, zeros,
                           left < sizeof(zeros) ? left : sizeof(zeros), writer->offset);
            }
            if (written <= 0)
                writer->error = written < 0 ? (int)written : -ENOSPC;
            else {
                writer->offset += (uint64_t)written;
                done += (uint64_t)written;
            }
        }
    }
    hs_writer_end(writer, &hs_image.header.sections[HS_SECTION_STACKS], 1);
}

/* Frames name modules by index; one that came after the table was read names none. */
static void write_frames(void)
{
    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);

    hs_writer_begin(&hs_image.writer);
    for (uint32_t i = 0; i < count; i++) {
        struct hs_capture_frame frame = nodes[i];
        if (frame.module >= hs_image.modules.count)
            frame.module = UINT32_MAX;
        hs_writer_put(&hs_image.writer, &frame, sizeof(frame));
    }
    for (uint32_t i = count; i <= HS_STACK_UNKNOWN; i++) {
        struct hs_capture_frame frame = {.module = UINT32_MAX};
        hs_writer_put(&hs_image.writer, &frame, sizeof(frame));
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_FRAMES],
                  sizeof(struct hs_capture_frame));
}

static void write_epochs(void)
{
    hs_writer_begin(&hs_image.writer);
    bool has_epochs = hs_job.kind != HS_REQUEST_TOTALS;
    for (uint32_t i = 0; has_epochs && i <= hs_job.epoch; i++) {
        uint64_t time = i < hs_epochs.count ? hs_epochs.times[i] : hs_control->start_time;
        hs_writer_put(&hs_image.writer, &time, sizeof(time));
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_EPOCHS], 8);
}

int hs_sections_write(void)
{
    write_vector(HS_SECTION_MODULES, &hs_image.modules, sizeof(struct hs_capture_module));
    write_frames();
    write_vector(HS_SECTION_THREADS, &hs_image.threads, sizeof(struct hs_capture_thread));
    write_stacks();
    write_vector(HS_SECTION_HANDLES, &hs_image.handles, sizeof(struct hs_capture_handle));
    write_epochs();
    return hs_image.writer.error;
}

static uint32_t add_text(const char *text)
{
    return hs_strings_add(&hs_image.strings, text, strlen(text));
}

static uint32_t command_line(void)
{
    static char text[65536];
    char path[64];
    hs_format(path, sizeof(path), "/proc/%d/cmdline", (int64_t)hs_job.program_pid);
    long size = hs_read_file(path, text, sizeof(text));
    if (size <= 0)
        return 0;
    for (long i = 0; i + 1 < size; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return add_text(text);
}

static uint32_t executable(void)
{
    static char text[4096];
    char path[64];
    hs_format(path, sizeof(path), "/proc/%d/exe", (int64_t)hs_job.program_pid);
    long length = hs_raw(SYS_readlinkat, AT_FDCWD, path, text, sizeof(text));
    return length > 0 ? hs_strings_add(&hs_image.strings, text, (size_t)length) : 0;
}

static uint32_t allocator(void)
{
    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    uint64_t address = (uint64_t)(uintptr_t)hs_known.malloc;
    for (uint64_t i = 0; i < hs_image.modules.count; i++)
        if (!(modules[i].flags & HS_MODULE_UNLOADED) && address >= modules[i].start
            && address < modules[i].end)
            return modules[i].path;
    return 0;
}

/* One line when more was lost than stderr knows of. */
static void report_losses(const struct hs_capture_header *header)
{
    uint64_t tables = header->handles_dropped + header->mappings_dropped
                      + header->modules_dropped + header->totals_dropped
                      + header->strings_dropped;
    uint64_t all = header->records_dropped + header->stacks_dropped + tables;
    if (all == 0
        || all == __atomic_exchange_n(&hs_control->losses_said, all, __ATOMIC_RELAXED))
        return;
    hs_report(
        "the tables of process %d are full: %u blocks, %u stacks and %u other things "
        "are not in its snapshots (%s)",
        (int64_t)hs_job.program_pid, header->records_dropped, header->stacks_dropped,
        tables, header->memory_limit ? "memory= is the limit" : "no more memory");
}

int hs_sections_finish(void)
{
    struct hs_capture_header *header = &hs_image.header;
    struct hs_capture_section sections[HS_SECTION_COUNT];

    memcpy(sections, header->sections, sizeof(sections));
    *header = (struct hs_capture_header){
        .magic = HS_CAPTURE_MAGIC,
        .version = HS_ABI_VERSION,
        .kind = hs_job.kind,
        .trigger = hs_job.trigger,
        .pid = hs_job.program_pid,
        .start_time = hs_control->start_time,
        .time = hs_job.time,
        .epoch = hs_job.epoch,
        .sequence = hs_control->snapshots + 1,
        .usable_bytes = header->usable_bytes,
        .scanned_bytes = hs_image.scanned_bytes,
        .unscanned_bytes = hs_image.unscanned_bytes,
        .tracker_bytes = hs_control->tracker_bytes,
        .stacks_truncated = hs_stack_truncated_count(),
        .records_dropped = hs_live_dropped_count(),
        .stacks_dropped = hs_stack_dropped_count(),
        .handles_dropped = hs_handle_dropped_count(),
        .mappings_dropped = hs_mapping_dropped_count(),
        .modules_dropped = hs_module_dropped_count(),
        .totals_dropped = hs_ever_dropped_count(),
        .strings_dropped = hs_image.strings.dropped,
        .memory_limit = hs_options.memory_limit,
        .sample_rate = hs_sample_rate,
        .foreign_frees = (uint32_t)hs_live_foreign_free_count(),
        .threads_missed = hs_job.n_missed,
        .exit_status = hs_job.exit_status,
        .strings_command = command_line(),
        .strings_executable = executable(),
        .strings_allocator = allocator(),
        .strings_directory = add_text(hs_job.directory),
        .strings_output = add_text(hs_job.output),
    };
    memcpy(header->sections, sections, sizeof(sections));
    report_losses(header);
    hs_strings_add(&hs_image.strings, "", 0); /* there is always one */
    write_vector(HS_SECTION_STRINGS, &hs_image.strings.bytes, 1);
    hs_writer_flush(&hs_image.writer);
    header->size = hs_image.writer.offset;
    return hs_image.writer.error;
}
