// SPDX-License-Identifier: MIT

/*
 * What a snapshot says about itself, beside the graph: the object "heapsnap" in the file's
 * "snapshot" member, which every other reader ignores.
 */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "libheapsnap/assemble/assembly.h"

static const char *trigger_name(uint32_t trigger)
{
    static const char *const names[] = {
        [HS_TRIGGER_REQUEST] = "request",     [HS_TRIGGER_SIGNAL] = "signal",
        [HS_TRIGGER_EXIT] = "exit",           [HS_TRIGGER_INTERVAL] = "interval",
        [HS_TRIGGER_THRESHOLD] = "threshold", [HS_TRIGGER_API] = "api",
    };
    if (trigger < HS_TRIGGER_REQUEST || trigger > HS_TRIGGER_API)
        return "unknown";
    return names[trigger];
}

static const char *source_name(uint32_t source)
{
    static const char *const names[] = {
        [HS_SOURCE_SHIM] = "shim",
        [HS_SOURCE_PROCESS] = "process",
        [HS_SOURCE_CORE] = "core",
    };
    return source <= HS_SOURCE_CORE ? names[source] : "unknown";
}

/* "2026-11-20T16:15:02.123Z"; null for 0. */
static json_t *time_json(uint64_t nanoseconds)
{
    char text[64], date[32];
    struct tm parts;
    time_t seconds = (time_t)(nanoseconds / 1000000000u);
    if (nanoseconds == 0 || !gmtime_r(&seconds, &parts)
        || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return json_null();
    snprintf(text, sizeof(text), "%s.%03uZ", date,
             (unsigned)(nanoseconds % 1000000000u / 1000000u));
    return json_string(text);
}

static json_t *number_json(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *milliseconds_json(uint64_t nanoseconds)
{
    return json_real((double)(nanoseconds / 1000) / 1000.0);
}

/* Text from the process need not be UTF-8; jansson would refuse it. */
static json_t *text_json(const struct hs_capture *capture, uint32_t offset)
{
    const char *text = hs_capture_string(capture, offset);
    json_t *string = json_string(text);
    if (string)
        return string;
    char ascii[4096];
    size_t length = 0;
    for (; text[length] && length + 1 < sizeof(ascii); length++)
        ascii[length] = (unsigned char)text[length] < 0x80 ? text[length] : '?';
    ascii[length] = '\0';
    return json_string(ascii);
}

static json_t *notes_json(const struct hs_assembly *assembly)
{
    const char *const *notes;
    size_t count = hs_symbols_notes(assembly->symbols, &notes);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string_nocheck(notes[i]));
    if (assembly->types && !assembly->layouts)
        json_array_append_new(
            array, json_sprintf("types are not known: %s", assembly->types_error.text));
    if (assembly->capture->header->source != HS_SOURCE_SHIM)
        json_array_append_new(
            array, json_string("ids are by address: what has the same id in another "
                               "snapshot need not be the same block"));
    if (assembly->bytes_left_out)
        json_array_append_new(array, json_sprintf("%" PRIu64
                                                  " bytes of huge blocks are not shown",
                                                  assembly->bytes_left_out));
    return array;
}

static void add_process(json_t *object, const struct hs_capture *capture)
{
    const struct hs_capture_header *header = capture->header;
    json_object_set_new(object, "version", json_string(HEAPSNAP_VERSION));
    json_object_set_new(object, "pid", json_integer(header->pid));
    json_object_set_new(object, "command", text_json(capture, header->strings_command));
    json_object_set_new(object, "executable",
                        text_json(capture, header->strings_executable));
    json_object_set_new(object, "allocator",
                        text_json(capture, header->strings_allocator));
    json_object_set_new(object, "time", time_json(header->time));
    json_object_set_new(object, "start_time", time_json(header->start_time));
    json_object_set_new(object, "sequence", json_integer(header->sequence));
    json_object_set_new(object, "epoch", json_integer(header->epoch));
    json_object_set_new(object, "source", json_string(source_name(header->source)));
    json_object_set_new(object, "trigger", json_string(trigger_name(header->trigger)));
    if (header->trigger == HS_TRIGGER_EXIT
        && header->exit_status != HS_EXIT_STATUS_UNKNOWN)
        json_object_set_new(object, "exit_status", json_integer(header->exit_status));
    json_object_set_new(object, "pause_ms", milliseconds_json(header->pause_ns));
    json_object_set_new(object, "fork_ms", milliseconds_json(header->fork_ns));
    json_object_set_new(object, "scan_ms", milliseconds_json(header->scan_ns));
}

/* Estimates for all blocks, from a sample. */
static void sum_totals(const struct hs_capture *capture, uint64_t *ret_blocks,
                       uint64_t *ret_bytes)
{
    *ret_blocks = *ret_bytes = 0;
    for (size_t i = 0; i < capture->n_totals; i++)
        if (!(capture->totals[i].flags & HS_BLOCK_MAPPING)) {
            *ret_blocks += capture->totals[i].count;
            *ret_bytes += capture->totals[i].bytes;
        }
}

/* Of a sample nobody can tell. */
static void add_lost(json_t *object, const struct hs_assembly *assembly)
{
    const struct hs_graph *graph = assembly->graph;
    bool is_known = assembly->capture->header->sample_rate == 0;
    json_object_set_new(object, "lost_blocks",
                        is_known ? number_json(graph->lost_blocks) : json_null());
    json_object_set_new(object, "lost_bytes",
                        is_known ? number_json(graph->lost_bytes) : json_null());
}

/* What was ever allocated, when it was counted. */
static void add_ever(json_t *object, const struct hs_capture *capture)
{
    uint64_t blocks = 0, bytes = 0;
    for (size_t i = 0; i < capture->n_totals; i++) {
        blocks += capture->totals[i].ever_count;
        bytes += capture->totals[i].ever_bytes;
    }
    if (blocks == 0)
        return;
    json_object_set_new(object, "allocated_blocks", number_json(blocks));
    json_object_set_new(object, "allocated_bytes", number_json(bytes));
}

/* Blocks of malloc and its kin; mappings are counted apart. */
static void add_counts(json_t *object, const struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    uint64_t blocks = 0, bytes = 0, mapped = 0, mappings = 0;
    for (size_t i = 0; i < capture->n_blocks; i++) {
        if (capture->blocks[i].flags & HS_BLOCK_MAPPING) {
            mappings++;
            mapped += capture->blocks[i].size;
            continue;
        }
        blocks++;
        bytes += capture->blocks[i].size;
    }
    if (capture->header->sample_rate) {
        json_object_set_new(object, "sample_rate",
                            number_json(capture->header->sample_rate));
        json_object_set_new(object, "sampled_blocks", number_json(blocks));
        json_object_set_new(object, "sampled_bytes", number_json(bytes));
        sum_totals(capture, &blocks, &bytes);
    }
    json_object_set_new(object, "live_blocks", number_json(blocks));
    json_object_set_new(object, "live_bytes", number_json(bytes));
    json_object_set_new(object, "mappings", number_json(mappings));
    json_object_set_new(object, "mapped_bytes", number_json(mapped));
    json_object_set_new(object, "usable_bytes",
                        number_json(capture->header->usable_bytes));
    add_lost(object, assembly);
    add_ever(object, capture);
    json_object_set_new(object, "handles", number_json(capture->n_handles));
    json_object_set_new(object, "threads", number_json(capture->n_threads));
}

static json_t *types_count_json(struct hs_types_count count)
{
    return json_pack("{s:o, s:o}", "blocks", number_json(count.blocks), "bytes",
                     number_json(count.bytes));
}

/* How many heap blocks have a type, and from where it is known. */
static void add_types(json_t *object, const struct hs_assembly *assembly)
{
    static const char *const origins[] = {
        [HS_ORIGIN_NONE] = "unknown",        [HS_ORIGIN_VTABLE] = "vtable",
        [HS_ORIGIN_VARIABLE] = "variable",   [HS_ORIGIN_SITE] = "site",
        [HS_ORIGIN_CONSENSUS] = "consensus", [HS_ORIGIN_CONTAINER] = "container",
        [HS_ORIGIN_TEXT] = "text",           [HS_ORIGIN_LOADER] = "loader",
    };
    if (!assembly->types)
        return;
    json_t *types = json_object();
    for (int i = 0; i < HS_ORIGIN_COUNT; i++)
        json_object_set_new(
            types, origins[i],
            types_count_json(hs_types_count(assembly->types, (enum hs_origin)i)));
    json_object_set_new(types, "uncertain",
                        types_count_json(hs_types_count_uncertain(assembly->types)));
    json_object_set_new(types, "conflicts",
                        number_json(hs_types_conflicts(assembly->types)));
    json_object_set_new(object, "types", types);
}

/* Each limit that was hit, as a sentence. */
static json_t *limits_json(const struct hs_capture_header *header)
{
    const struct {
        uint64_t count;
        const char *text;
    } limits[] = {
        {header->records_dropped, "blocks were not recorded"},
        {header->stacks_dropped, "stacks were not recorded"},
        {header->handles_dropped, "handles were not recorded"},
        {header->mappings_dropped, "mappings were not recorded"},
        {header->modules_dropped, "modules were not recorded"},
        {header->totals_dropped, "allocations are not in the totals"},
        {header->strings_dropped, "texts were left out"},
        {header->stacks_truncated, "stacks were cut at 256 frames"},
        {header->threads_missed, "threads could not be stopped"},
    };
    json_t *array = json_array();
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].count > 0)
            json_array_append_new(
                array, json_sprintf("%" PRIu64 " %s", limits[i].count, limits[i].text));
    if (json_array_size(array) > 0 && header->memory_limit)
        json_array_append_new(array, json_sprintf("the tables were limited to %" PRIu64
                                                  " bytes by memory=",
                                                  header->memory_limit));
    return array;
}

/* What is missing, and what the tracker itself costs. */
static void add_limits(json_t *object, const struct hs_assembly *assembly)
{
    const struct hs_capture_header *header = assembly->capture->header;
    json_object_set_new(object, "threads_missed", number_json(header->threads_missed));
    json_object_set_new(object, "stacks_truncated",
                        number_json(header->stacks_truncated));
    json_object_set_new(object, "records_dropped", number_json(header->records_dropped));
    json_object_set_new(object, "foreign_frees", number_json(header->foreign_frees));
    json_object_set_new(object, "scanned_bytes", number_json(header->scanned_bytes));
    json_object_set_new(object, "unscanned_bytes", number_json(header->unscanned_bytes));
    json_object_set_new(object, "tracker_bytes", number_json(header->tracker_bytes));
    json_object_set_new(object, "busy_arenas", number_json(header->busy_arenas));
    json_object_set_new(object, "limits", limits_json(header));
    json_object_set_new(object, "notes", notes_json(assembly));
}

json_t *hs_assembly_metadata(const struct hs_assembly *assembly)
{
    json_t *object = json_object();
    if (!object)
        return NULL;
    add_process(object, assembly->capture);
    add_counts(object, assembly);
    add_types(object, assembly);
    add_limits(object, assembly);
    return object;
}
