// SPDX-License-Identifier: MIT

/*
 * The report as people know it from LeakSanitizer: their eyes, editors and log scanners
 * find what they look for.
 */

#include <inttypes.h>

#include "probes/abi.h"
#include "tools/check.h"

/* As many as LeakSanitizer keeps of a stack. */
#define FRAMES_SHOWN 30

static const char RULER[] =
    "=================================================================";
static const char LINE[] = "-----------------------------------------------------";

static void print_frame(const struct hs_check *check, FILE *out, unsigned number,
                        uint32_t node, const struct hs_symbol_frame *frame)
{
    const struct hs_capture_frame *at = &check->capture->frames[node];
    uint64_t bias = at->module < check->capture->n_modules
                        ? check->capture->modules[at->module].bias
                        : 0;
    const char *module = hs_check_module(check, node);
    fprintf(out, "    #%u 0x%012" PRIx64, number, at->address);
    if (frame->linker_name)
        fprintf(out, " in %s", frame->function);
    if (frame->path && frame->line)
        fprintf(out, " %s:%" PRIu32 "\n", frame->path, frame->line);
    else if (*module)
        fprintf(out, " (%s+0x%" PRIx64 ")\n", module, at->address - bias);
    else
        fprintf(out, " (<unknown module>)\n");
}

static void print_stack(const struct hs_check *check, FILE *out, uint32_t stack)
{
    unsigned number = 0;
    if (stack <= HS_STACK_UNKNOWN)
        fputs("    <unknown stack>\n", out);
    for (uint32_t node = stack; node > HS_STACK_UNKNOWN;
         node = check->capture->frames[node].parent) {
        const struct hs_symbol_frame *frames;
        size_t n_frames = hs_symbols_stack_frames(check->symbols, node, &frames);
        for (size_t i = 0; i < n_frames; i++, number++)
            if (number < FRAMES_SHOWN)
                print_frame(check, out, number, node, &frames[i]);
    }
    if (number > FRAMES_SHOWN)
        fprintf(out, "    (%u more frames)\n", number - FRAMES_SHOWN);
}

static void print_group(const struct hs_check *check, FILE *out,
                        const struct hs_check_group *group)
{
    static const char *const words[HS_LEAK_KINDS] = {
        [HS_LEAK_DEFINITE] = "Direct leak",
        [HS_LEAK_INDIRECT] = "Indirect leak",
        [HS_LEAK_POSSIBLE] = "Possible leak",
        [HS_LEAK_REACHABLE] = "Still reachable block",
    };
    fprintf(out, "%s of %" PRIu64 " byte(s) in %" PRIu64 " object(s) allocated from:\n",
            words[group->kind], group->bytes, group->count);
    print_stack(check, out, group->stack);
    fputc('\n', out);
}

static void print_leaks(const struct hs_check *check, FILE *out)
{
    size_t shown = check->groups.count;
    uint32_t limit = check->options->max_groups;
    if (limit && shown > limit)
        shown = limit;
    fprintf(out, "\n%s\n==%" PRId32 "==ERROR: heapsnap: detected memory leaks\n\n", RULER,
            check->capture->header->pid);
    if (shown < check->groups.count)
        fprintf(out, "The %zu top leak(s):\n\n", shown);
    for (size_t i = 0; i < shown; i++)
        print_group(check, out, &check->groups.at[i]);
    if (shown < check->groups.count)
        fprintf(out, "Omitting %zu more leak(s).\n", check->groups.count - shown);
    if (check->capture->header->threads_missed > 0)
        fprintf(out,
                "%" PRIu32 " thread(s) could not be stopped: some of these blocks may be "
                "in use.\n",
                check->capture->header->threads_missed);
}

static void print_rules(const struct hs_check *check, FILE *out, bool used)
{
    const struct hs_suppression *rule;
    bool has_title = false;
    for (size_t i = 0; (rule = hs_suppressions_get(check->suppressions, i)) != NULL;
         i++) {
        if ((rule->count > 0) != used)
            continue;
        if (!has_title && used)
            fprintf(out, "%s\nSuppressions used:\n  count      bytes template\n", LINE);
        else if (!has_title)
            fprintf(out, "%s\nSuppressions that matched nothing:\n", LINE);
        has_title = true;
        if (used)
            fprintf(out, "%7" PRIu64 " %10" PRIu64 " %s\n", rule->count, rule->bytes,
                    rule->text);
        else
            fprintf(out, "  %s (%s:%" PRIu32 ")\n", rule->text, rule->file, rule->line);
    }
    if (has_title)
        fprintf(out, "%s\n\n", LINE);
}

void hs_check_print(const struct hs_check *check, FILE *out)
{
    if (check->count > 0)
        print_leaks(check, out);
    if (!check->options->hides_used)
        print_rules(check, out, true);
    if (check->options->shows_unused)
        print_rules(check, out, false);
    if (check->count > 0)
        fprintf(out,
                "SUMMARY: heapsnap: %" PRIu64 " byte(s) leaked in %" PRIu64
                " allocation(s).\n",
                check->bytes, check->count);
}
