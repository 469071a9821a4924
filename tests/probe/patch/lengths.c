// SPDX-License-Identifier: MIT

/*
 * Our instruction decoder against objdump's, whose listing (with --insn-width=16) comes on
 * standard input: same lengths, same targets of jumps. Instructions may be declined, but
 * few: one in LIMIT, the first argument.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/patch/decode.h"

struct listed {
    uint64_t address;
    uint8_t bytes[HS_CODE_MAX + 8]; /* what follows is no part of it */
    size_t size;
    char text[128];
};

/* "  401000:\t48 83 ec 08 \tsub    $0x8,%rsp" */
static bool parse(const char *line, struct listed *ret)
{
    char *at;
    memset(ret, 0xa5, sizeof(*ret));
    ret->address = strtoull(line, &at, 16);
    if (line[0] != ' ' || at[0] != ':' || at[1] != '\t')
        return false;
    at += 2;
    for (ret->size = 0; ret->size < HS_CODE_MAX; ret->size++) {
        char *next;
        unsigned long byte = strtoul(at, &next, 16);
        if (next != at + 2)
            break;
        ret->bytes[ret->size] = (uint8_t)byte;
        at = next + 1;
    }
    if (ret->bytes[0] == 0x9b && ret->size > 1) { /* fwait, listed with what follows */
        ret->address++;
        memmove(ret->bytes, ret->bytes + 1, --ret->size);
    }
    at = strchr(at, '\t');
    snprintf(ret->text, sizeof(ret->text), "%s", at ? at + 1 : "");
    ret->text[strcspn(ret->text, "\n")] = '\0';
    return ret->size > 0 && at && !strstr(ret->text, "(bad)");
}

/* Does the listing name the address that the instruction jumps to? */
static bool same_target(const struct listed *listed, const struct hs_code *code)
{
    char wanted[32];
    if (code->kind != HS_CODE_JUMP && code->kind != HS_CODE_BRANCH
        && code->kind != HS_CODE_CALL && code->kind != HS_CODE_LOOP)
        return code->displacement == 0 || strstr(listed->text, "(%rip)");
    uint64_t target = listed->address + code->size + (uint64_t)(int64_t)code->target;
    snprintf(wanted, sizeof(wanted), " %" PRIx64 " ", target);
    char text[160];
    snprintf(text, sizeof(text), "%s ", listed->text);
    return strstr(text, wanted) != NULL;
}

int main(int argc, char **argv)
{
    uint64_t seen = 0, declined = 0, wrong = 0;
    uint64_t limit = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        struct listed listed;
        struct hs_code code;
        if (!parse(line, &listed))
            continue;
        seen++;
        if (!hs_code_decode(listed.bytes, sizeof(listed.bytes), &code)) {
            if (declined++ < 20)
                printf("declined: %s", line);
            continue;
        }
        bool has_rip = strstr(listed.text, "(%rip)") != NULL;
        if (code.size != listed.size || !same_target(&listed, &code)
            || has_rip != (code.displacement != 0))
            if (wrong++ < 20)
                printf("taken for %u bytes: %s", code.size, line);
    }
    printf("%" PRIu64 " instructions, %" PRIu64 " declined, %" PRIu64 " wrong\n", seen,
           declined, wrong);
    return seen < 10000 || wrong > 0 || declined > seen / limit;
}
