// SPDX-License-Identifier: MIT

/* The same report for programs. */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "probes/abi.h"
#include "tools/check.h"

static json_t *frame_json(const struct hs_check *check, uint32_t node,
                          const struct hs_symbol_frame *frame)
{
    char address[32];
    const char *module = hs_check_module(check, node);
    snprintf(address, sizeof(address), "0x%" PRIx64,
             check->capture->frames[node].address);
    return json_pack("{s:s?, s:s?, s:I, s:s?, s:s}", "function",
                     frame->linker_name ? frame->function : NULL, "file", frame->path,
                     "line", (json_int_t)frame->line, "module", *module ? module : NULL,
                     "address", address);
}

static json_t *stack_json(const struct hs_check *check, uint32_t stack)
{
    json_t *list = json_array();
    for (uint32_t node = stack; node > HS_STACK_UNKNOWN;
         node = check->capture->frames[node].parent) {
        const struct hs_symbol_frame *frames;
        size_t n_frames = hs_symbols_stack_frames(check->symbols, node, &frames);
        for (size_t i = 0; i < n_frames; i++)
            json_array_append_new(list, frame_json(check, node, &frames[i]));
    }
    return list;
}

static json_t *leaks_json(const struct hs_check *check)
{
    static const char *const words[HS_LEAK_KINDS] = {
        [HS_LEAK_DEFINITE] = "definite",
        [HS_LEAK_INDIRECT] = "indirect",
        [HS_LEAK_POSSIBLE] = "possible",
        [HS_LEAK_REACHABLE] = "reachable",
    };
    json_t *list = json_array();
    for (size_t i = 0; i < check->groups.count; i++) {
        const struct hs_check_group *group = &check->groups.at[i];
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:o}", "kind", words[group->kind], "bytes",
                            (json_int_t)group->bytes, "count", (json_int_t)group->count,
                            "stack", stack_json(check, group->stack)));
    }
    return list;
}

static json_t *rules_json(const struct hs_check *check)
{
    const struct hs_suppression *rule;
    json_t *list = json_array();
    for (size_t i = 0; (rule = hs_suppressions_get(check->suppressions, i)) != NULL; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "rule", rule->text, "file",
                            rule->file, "line", (json_int_t)rule->line, "count",
                            (json_int_t)rule->count, "bytes", (json_int_t)rule->bytes));
    return list;
}

int hs_check_print_json(const struct hs_check *check, FILE *out)
{
    const struct hs_capture *capture = check->capture;
    json_t *all =
        json_pack("{s:i, s:s, s:I, s:I, s:I, s:o, s:o}", "pid", (int)capture->header->pid,
                  "command", hs_capture_string(capture, capture->header->strings_command),
                  "bytes", (json_int_t)check->bytes, "count", (json_int_t)check->count,
                  "threads_missed", (json_int_t)capture->header->threads_missed, "leaks",
                  leaks_json(check), "suppressions", rules_json(check));
    int result = all && json_dumpf(all, out, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;
    fputc('\n', out);
    json_decref(all);
    return result;
}
